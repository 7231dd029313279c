#include "src/cli/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/base/record.h"
#include "src/base/text.h"

namespace kplan {
namespace {

constexpr char kClear[] = "\x1b[H\x1b[2J";  // home, and clear (ECMA-48)

// The length of the colour that TEXT begins with, 0 when it begins with none: ESC, [, at most two numbers, m.
size_t ColorLength(absl::string_view text) {
  constexpr size_t kLongest = sizeof("\x1b[1;31m");
  if (text.substr(0, 2) != "\x1b[") return 0;
  const size_t end = text.find_first_not_of("0123456789;", 2);
  return end < kLongest && end < text.size() && text[end] == 'm' ? end + 1 : 0;
}

int output_error = 0;

// Notes that stdout could not be written, when WRITTEN is false; returns WRITTEN, and leaves errno.
bool Noted(bool written) {
  if (!written && output_error == 0) output_error = errno;
  return written;
}

bool Write(absl::string_view bytes, FILE* file) {
  const bool written = fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  return file == stdout ? Noted(written) : written;
}

}  // namespace

std::string TerminalText(absl::string_view text, bool styled) {
  if (!styled) return ShownLines(text);
  std::string out;
  while (!text.empty()) {
    const size_t color = ColorLength(text);
    out.append(text.data(), color);
    text.remove_prefix(color);
    // What looks like one and is none goes with what comes behind it.
    const size_t next = text.find('\x1b', color == 0 ? 1 : 0);
    const absl::string_view plain = text.substr(0, next);
    out += ShownLines(plain);
    text.remove_prefix(plain.size());
  }
  return out;
}

bool PrintText(absl::string_view text) { return Write(TerminalText(text, UseColor(STDOUT_FILENO)), stdout); }

bool PrintError(absl::string_view text) { return Write(TerminalText(text, UseColor(STDERR_FILENO)), stderr); }

bool PrintJson(absl::string_view json) { return Write(JsonForTerminal(json), stdout); }

bool ClearTerminal() { return Write(kClear, stdout); }

bool FlushOutput() { return Noted(fflush(stdout) == 0); }

int OutputError() { return output_error == EPIPE ? 0 : output_error; }

bool UseColor(int fd) {
  const char* no_color = getenv("NO_COLOR");
  return isatty(fd) != 0 && (no_color == nullptr || *no_color == '\0');
}

}  // namespace kplan
