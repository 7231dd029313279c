#include "src/steps/verify_table.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kplan {
namespace {

constexpr size_t kColumns = 6;
constexpr size_t kGap = 2;

using Row = std::array<std::string, kColumns>;

// NOT_AFTER (RFC 3339) as "2027-11-22 (365 days)".
std::string UntilText(const std::string& not_after, absl::Time now) {
  absl::Time end;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, not_after, &end, &error)) return not_after;
  const int64_t days = (end - now) / absl::Hours(24);
  return absl::StrCat(absl::FormatTime("%Y-%m-%d", end, absl::UTCTimeZone()), " (", days,
                      days == 1 ? " day)" : " days)");
}

}  // namespace

std::string VerdictTable(const VerifyReport& report, absl::Time now) {
  std::vector<Row> rows = {{"member", "name", "version", "leader", "client URL", "certificate good until"}};
  for (const MemberSeen& member : report.members) {
    rows.push_back({member.id, member.name, member.version, member.leader ? "yes" : "no",
                    absl::StrJoin(member.client_urls, ","), UntilText(member.certificate.not_after, now)});
  }
  std::array<size_t, kColumns> widths = {};
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (size_t i = 0; i + 1 < kColumns; ++i) {
      absl::StrAppend(&text, row[i], std::string(widths[i] + kGap - row[i].size(), ' '));
    }
    absl::StrAppend(&text, row[kColumns - 1], "\n");
  }
  // Of every kind once: a kind that one member lets in fails the verification.
  std::vector<std::string> kinds;
  for (const Refusal& refusal : report.refusals) {
    if (std::find(kinds.begin(), kinds.end(), refusal.kind) == kinds.end()) kinds.push_back(refusal.kind);
  }
  absl::StrAppend(&text, "refused: ", kinds.empty() ? "nobody was tried" : absl::StrJoin(kinds, ", "), "\n");
  return text;
}

}  // namespace kplan
