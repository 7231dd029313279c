#ifndef KPLAN_BASE_REAL_PATH_H_
#define KPLAN_BASE_REAL_PATH_H_

#include <string>

namespace kplan {

// PATH as the kernel names what is there: absolute, and the links on the way resolved (realpath(3)). Itself
// when nothing is there, or it may not be seen.
std::string RealPath(const std::string& path);

}  // namespace kplan

#endif  // KPLAN_BASE_REAL_PATH_H_
