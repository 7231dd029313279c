// bazel run //src/etcd/facts:etcd_flags_test.update: makes the table of docs/etcd-flags.md that of today.

#include <stdio.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>
#include <string>

#include "src/etcd/facts/etcd_flag_page.h"

int main() {
  const char* workspace = getenv("BUILD_WORKSPACE_DIRECTORY");
  std::string path = std::string(workspace != nullptr ? workspace : ".") + "/docs/etcd-flags.md";
  std::ifstream in(path);
  std::string doc{std::istreambuf_iterator<char>(in), {}};
  absl::StatusOr<std::string> today = kplan::WithFlagTable(doc);
  if (!in || !today.ok()) {
    fprintf(stderr, "%s: %s\n", path.c_str(), in ? today.status().ToString().c_str() : "cannot be read");
    return 1;
  }
  if (*today == doc) return 0;
  std::ofstream out(path);
  out << *today;
  out.close();
  printf("%s: a new table\n", path.c_str());
  return out ? 0 : 1;
}
