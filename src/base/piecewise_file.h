#ifndef KPLAN_BASE_PIECEWISE_FILE_H_
#define KPLAN_BASE_PIECEWISE_FILE_H_

// Files too large to be held as a whole: the text is written piece by piece, once to compare it with the file
// that is there, and once more when it differs. Writing it twice costs less than the memory would.

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "src/base/text_sink.h"

namespace kplan {

// Writes a text to the sink it is given, every time the same.
using TextWriter = absl::FunctionRef<void(TextSink)>;

// Whether PATH is a regular file that holds exactly the text. WRITE is called once in any case.
bool FileHolds(const std::string& path, TextWriter write);

// Writes the text to PATH, whole (base/files.h).
absl::Status WritePiecewise(const std::string& path, TextWriter write, mode_t mode);

}  // namespace kplan

#endif  // KPLAN_BASE_PIECEWISE_FILE_H_
