#include "src/etcd/verify_table.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

MemberSeen Member(const char* id, const char* name, const char* url, const char* until) {
  MemberSeen member;
  member.id = id;
  member.name = name;
  member.version = "3.5.16";
  member.client_urls = {url};
  member.certificate.not_after = until;
  return member;
}

TEST(VerdictTableTest, ColumnsAreAligned) {
  VerifyReport report;
  report.members.push_back(
      Member("8e9e05c52164694d", "etcd-1", "https://10.0.0.11:2379", "2027-11-22T08:18:00Z"));
  report.members.push_back(
      Member("91bc3c398fb3c146", "etcd-10", "https://10.0.0.110:2379", "2026-11-23T08:17:59Z"));
  report.members[1].leader = true;
  report.members[1].client_urls.push_back("https://etcd:2379");
  for (const char* endpoint : {"https://10.0.0.11:2379", "https://10.0.0.110:2379"}) {
    for (const char* kind : {"no-cert", "plaintext"}) report.refusals.push_back({endpoint, kind, "alert"});
  }
  absl::Time now;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, "2026-11-22T08:18:00Z", &now, nullptr));
  EXPECT_EQ(VerdictTable(report, now),
            "member            name     version  leader  client URL                                 "
            "certificate good until\n"
            "8e9e05c52164694d  etcd-1   3.5.16   no      https://10.0.0.11:2379                     "
            "2027-11-22 (365 days)\n"
            "91bc3c398fb3c146  etcd-10  3.5.16   yes     https://10.0.0.110:2379,https://etcd:2379  "
            "2026-11-23 (0 days)\n"
            "refused: no-cert, plaintext\n");
}

TEST(VerdictTableTest, AClusterHasItsPeersToo) {
  VerifyReport report;
  for (int i : {1, 2}) {
    report.members.push_back(Member(i == 1 ? "a1" : "b2", "etcd", "https://a:1", "2026-11-24T00:00:00Z"));
    report.members.back().peer_endpoint = "https://a:2";
    report.members.back().peer_certificate.not_after =
        i == 1 ? "2026-11-25T00:00:00Z" : "2027-01-01T00:00:00Z";
    for (const char* endpoint : {"https://a:1", "https://a:2"})
      report.refusals.push_back({endpoint, "no-cert", "alert"});
  }
  report.write.key = "/kplan/verify/1";
  report.write.endpoint = "https://a:1";
  report.write.revision = 12;
  absl::Time now;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, "2026-11-22T08:18:00Z", &now, nullptr));
  EXPECT_EQ(VerdictTable(report, now),
            "member  name  version  leader  client URL   certificate good until  peer's good until\n"
            "a1      etcd  3.5.16   no      https://a:1  2026-11-24 (1 day)      2026-11-25 (2 days)\n"
            "b2      etcd  3.5.16   no      https://a:1  2026-11-24 (1 day)      2027-01-01 (39 days)\n"
            "refused at client and peer ports: no-cert\n"
            "written by https://a:1, read back by every member, and deleted: revision 12\n");
  report.data.revision = 12;
  report.data.hashes = {{"a1", 7u}, {"b2", 7u}};
  EXPECT_NE(VerdictTable(report, now)
                .find("deleted: revision 12\nthe same data on every member: revision 12, hash 7\n"),
            std::string::npos);
  report.data = DataSeen();
  report.data.not_compared = "a1: no answer";
  EXPECT_NE(VerdictTable(report, now)
                .find("\nwhether every member has the same data was not compared: a1: no answer\n"),
            std::string::npos);
  report.refusals.clear();
  EXPECT_NE(VerdictTable(report, now).find("\nrefused: nobody was tried\n"), std::string::npos);
}

TEST(VerdictTableTest, SaysThatNobodyWasTried) {
  VerifyReport report;
  report.members.push_back(Member("1", "x", "https://a:1", "2026-11-24T00:00:00Z"));
  absl::Time now;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, "2026-11-22T08:18:00Z", &now, nullptr));
  EXPECT_EQ(VerdictTable(report, now),
            "member  name  version  leader  client URL   certificate good until\n"
            "1       x     3.5.16   no      https://a:1  2026-11-24 (1 day)\n"
            "refused: nobody was tried\n");
}

}  // namespace
}  // namespace kplan
