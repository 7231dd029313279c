#include "src/show/verdict.h"

#include "src/base/files.h"

namespace kplan {
namespace {

constexpr size_t kMaxReport = size_t{16} << 20;

}  // namespace

absl::StatusOr<Verdict> Verdict::Read(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxReport);
  if (!text.ok()) return absl::NotFoundError(text.status().message());
  return FromText<Verdict>(*text);
}

}  // namespace kplan
