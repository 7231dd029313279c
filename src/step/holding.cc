#include "src/step/holding.h"

#include "absl/strings/str_cat.h"
#include "src/host/host_file.h"

namespace kplan {

std::string Holding::Shown() const {
  if (kind == Kind::kService) return path;
  return over_ssh() ? OnHost(host, root, path) : PathFromHere(root, path);
}

std::string OnHost(absl::string_view host, absl::string_view root, absl::string_view path) {
  return absl::StrCat(host, ":", PathFromHere(root, path));
}

}  // namespace kplan
