#include "src/base/real_path.h"

#include <stdlib.h>

#include <memory>

namespace kplan {

std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), free);
  return real != nullptr ? real.get() : path;
}

}  // namespace kplan
