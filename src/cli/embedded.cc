#include "src/cli/embedded.h"

#include <stdlib.h>

namespace kplan {
namespace {

struct File {
  absl::string_view path, text;
};

constexpr File kFiles[] = {
#include "src/cli/embedded_files.inc"
};

}  // namespace

absl::string_view Embedded(absl::string_view path) {
  for (const File& file : kFiles) {
    if (file.path == path) return file.text;
  }
  abort();
}

}  // namespace kplan
