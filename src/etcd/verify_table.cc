#include "src/etcd/verify_table.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/table.h"

namespace kplan {
namespace {

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
  const bool peers = std::any_of(report.members.begin(), report.members.end(),
                                 [](const MemberSeen& member) { return !member.peer_endpoint.empty(); });
  std::vector<TableRow> rows = {
      {"member", "name", "version", "leader", "client URL", "certificate good until"}};
  if (peers) rows[0].push_back("peer's good until");
  for (const MemberSeen& member : report.members) {
    rows.push_back({member.id, member.name, member.version, member.leader ? "yes" : "no",
                    absl::StrJoin(member.client_urls, ","), UntilText(member.certificate.not_after, now)});
    if (peers) rows.back().push_back(UntilText(member.peer_certificate.not_after, now));
  }
  std::string text = TableText(rows);
  // Each kind is named once: a kind that one port of one member lets in fails the verification.
  std::vector<std::string> kinds;
  for (const Refusal& refusal : report.refusals) {
    if (std::find(kinds.begin(), kinds.end(), refusal.kind) == kinds.end()) kinds.push_back(refusal.kind);
  }
  absl::StrAppend(&text, peers && !kinds.empty() ? "refused at client and peer ports: " : "refused: ",
                  kinds.empty() ? "nobody was tried" : absl::StrJoin(kinds, ", "), "\n");
  if (!report.write.key.empty()) {
    absl::StrAppend(&text, "written by ", report.write.endpoint,
                    ", read back by every member, and deleted: revision ", report.write.revision, "\n");
  }
  if (report.data.revision != 0) {
    absl::StrAppend(&text, "the same data on every member: revision ", report.data.revision, ", hash ",
                    report.data.hashes.empty() ? 0 : report.data.hashes.front().second, "\n");
  } else if (!report.data.not_compared.empty()) {
    absl::StrAppend(
        &text, "whether every member has the same data was not compared: ", report.data.not_compared, "\n");
  }
  return text;
}

}  // namespace kplan
