#include "src/base/update_page.h"

#include <stdio.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"

namespace kplan {

int UpdatePage(absl::string_view page,
               absl::FunctionRef<absl::StatusOr<std::string>(absl::string_view)> with_tables) {
  const char* workspace = getenv("BUILD_WORKSPACE_DIRECTORY");
  const std::string path = absl::StrCat(workspace != nullptr ? workspace : ".", "/", page);
  std::ifstream in(path);
  const std::string doc{std::istreambuf_iterator<char>(in), {}};
  absl::StatusOr<std::string> today = with_tables(doc);
  if (!in || !today.ok()) {
    fprintf(stderr, "%s: %s\n", path.c_str(), in ? today.status().ToString().c_str() : "cannot be read");
    return 1;
  }
  if (*today == doc) return 0;
  std::ofstream out(path);
  out << *today;
  out.close();
  printf("%s: new tables\n", path.c_str());
  return out ? 0 : 1;
}

}  // namespace kplan
