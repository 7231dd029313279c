#include "src/etcd/facts/etcd_flag_page.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/etcd/facts/etcd_flags.h"

namespace kplan {
namespace {

constexpr absl::string_view kBegin = "<!-- flags -->\n", kEnd = "<!-- end -->\n";

std::string InMinor(const EtcdFlag& flag, int minor) {
  const int i = minor - PatchOfMinor::kFirstMinor;
  const int since = flag.since.patch[i], deprecated = flag.deprecated.patch[i];
  if (since == PatchOfMinor::kNo) return "no";
  std::string text = since == 0 ? "yes" : absl::StrCat("from 3.", minor, ".", since);
  if (deprecated == PatchOfMinor::kNo) return text;
  if (flag.deprecated_until == EtcdFlag::kNeverAgain)
    return since == 0 ? "deprecated" : absl::StrCat(text, ", deprecated");
  return absl::StrCat(text, ", deprecated to 3.", minor, ".", flag.deprecated_until);
}

absl::string_view NeededFor(EtcdFlag::Change change) {
  switch (change) {
    case EtcdFlag::Change::kRestart:
      return "a restart";
    case EtcdFlag::Change::kFirstStart:
      return "heeded at the first start alone";
    case EtcdFlag::Change::kMemberUpdate:
      return "`etcdctl member update`, then a restart";
    case EtcdFlag::Change::kMigration:
      return "moving the data: refused";
  }
  return "";
}

// Who sets it, and what to write in its place.
std::string Remark(const EtcdFlag& flag) {
  std::string text;
  auto add = [&](absl::string_view part) { absl::StrAppend(&text, text.empty() ? "" : "; ", part); };
  const absl::string_view alone = flag.ours == nullptr ? "" : flag.ours;
  const absl::string_view cluster = flag.ours_in_cluster == nullptr ? "" : flag.ours_in_cluster;
  if (!alone.empty() && alone == cluster) {
    add(absl::StrCat("refused: ", alone));
  } else {
    if (!alone.empty()) add(absl::StrCat("refused for one member alone: ", alone));
    if (!cluster.empty()) add(absl::StrCat("refused in a cluster: ", cluster));
  }
  if (flag.type == EtcdFlag::Type::kIgnored) add("refused");
  if (flag.instead != nullptr) add(absl::StrCat("use `", flag.instead, "`"));
  return text;
}

std::string Table() {
  std::string text = "| flag | value | 3.4 | 3.5 | 3.6 | a change needs | |\n|---|---|---|---|---|---|---|\n";
  for (const EtcdFlag& flag : AllEtcdFlags()) {
    absl::StrAppend(&text, "| `", flag.name, "` | ", DescribeValue(flag));
    for (int minor = PatchOfMinor::kFirstMinor; minor <= PatchOfMinor::kLastMinor; ++minor)
      absl::StrAppend(&text, " | ", InMinor(flag, minor));
    const std::string remark = Remark(flag);
    absl::StrAppend(&text, " | ", NeededFor(flag.change), " |", remark.empty() ? "" : " ", remark, " |\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> WithFlagTable(absl::string_view doc) {
  const size_t begin = doc.find(kBegin);
  const size_t end = begin == absl::string_view::npos ? begin : doc.find(kEnd, begin);
  if (end == absl::string_view::npos)
    return absl::InvalidArgumentError("the marks <!-- flags --> and <!-- end --> are not there");
  return absl::StrCat(doc.substr(0, begin + kBegin.size()), Table(), doc.substr(end));
}

}  // namespace kplan
