// Where members listen and are reached, as a cluster.yaml says.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "src/model/resolve.h"
#include "src/spec/spec.h"

namespace kplan {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// FIRST: the keys of the first host beside its address.
std::string Trio(const std::string& first, const std::string& etcd = "") {
  return absl::StrCat("hosts:\n  a: {address: 10.0.0.1, ssh: a", first,
                      "}\n  b: {address: 'fd00::2', ssh: b}\n  c: {address: 10.0.0.3, ssh: c, root: /srv, "
                      "service-manager: process}\n",
                      "ca: {CN: ca}\n",
                      "certs: {k: {hosts: [10.0.0.1, 'fd00::2', 10.0.0.3, 127.0.0.1, 203.0.113.1, "
                      "etcd.example, 'fd00::1']}}\n",
                      "etcd: {version: 3.4.15, cert: k, members: [a, b, c]", etcd, "}\n");
}

struct Resolved {
  explicit Resolved(const std::string& text) : source("c", text), diagnostics(&source) {
    Spec spec;
    if (ReadSpec(&diagnostics, &spec)) cluster = Resolve(spec, &diagnostics);
    shown = diagnostics.Format(false);
  }

  const EtcdMember& member(size_t i) const { return cluster.etcds[0].members[i]; }
  // The value of the option NAME ("--listen-peer-urls") of MEMBER; "" when it has none.
  std::string Flag(size_t i, const std::string& name) const {
    const std::vector<Argument>& arguments = member(i).arguments;
    for (size_t k = 0; k < arguments.size(); ++k) {
      if (arguments[k].first == name) return arguments[k + 1].first;
      if (arguments[k].first.rfind(name + "=", 0) == 0) return arguments[k].first.substr(name.size() + 1);
    }
    return "";
  }

  SourceFile source;
  Diagnostics diagnostics;
  Cluster cluster;
  std::string shown;
};

TEST(MemberUrls, FollowFromTheAddress) {
  const Resolved it(Trio(""));
  ASSERT_FALSE(it.diagnostics.has_errors()) << it.shown;
  EXPECT_EQ(it.Flag(0, "--listen-client-urls"), "https://10.0.0.1:2379,https://127.0.0.1:2379");
  EXPECT_EQ(it.Flag(0, "--advertise-client-urls"), "https://10.0.0.1:2379");
  EXPECT_EQ(it.Flag(1, "--listen-peer-urls"), "https://[fd00::2]:2380");
  // Hosts that are folders of one machine share its loopback.
  EXPECT_EQ(it.Flag(2, "--listen-client-urls"), "https://10.0.0.3:2379");
  EXPECT_EQ(it.member(0).answers, "10.0.0.1:2379");
}

TEST(MemberUrls, AreAsOneMemberHasThem) {
  const Resolved it(
      Trio(", etcd: {listen: [0.0.0.0], advertise: [203.0.113.1, etcd.example:7], peer-listen: "
           "['[fd00::1]', $address], peer-advertise: ['fd00::1', '10.0.0.1:5']}"));
  ASSERT_FALSE(it.diagnostics.has_errors()) << it.shown;
  EXPECT_EQ(it.Flag(0, "--listen-client-urls"), "https://0.0.0.0:2379");
  EXPECT_EQ(it.Flag(0, "--advertise-client-urls"), "https://203.0.113.1:2379,https://etcd.example:7");
  EXPECT_EQ(it.Flag(0, "--listen-peer-urls"), "https://[fd00::1]:2380,https://10.0.0.1:2380");
  EXPECT_THAT(it.member(0).peer_urls, ElementsAre("https://10.0.0.1:5", "https://[fd00::1]:2380"));
  EXPECT_EQ(it.member(0).probe, "https://203.0.113.1:2379");
  EXPECT_EQ(it.member(0).peer_probe, "https://[fd00::1]:2380");
  // Who is on the machine does not go the way around.
  EXPECT_EQ(it.member(0).answers, "127.0.0.1:2379");
  // All members know all of its peer URLs.
  EXPECT_THAT(it.member(1).bootstrap, HasSubstr("a=https://10.0.0.1:5,a=https://[fd00::1]:2380,b="));
}

TEST(MemberUrls, WhereItServesItsOwnMachine) {
  const auto answers = [](const std::string& listen, const std::string& advertise) {
    const Resolved it(Trio(absl::StrCat(", etcd: {listen: [", listen, "], advertise: [", advertise, "]}")));
    EXPECT_FALSE(it.diagnostics.has_errors()) << it.shown;
    return it.member(0).answers;
  };
  EXPECT_EQ(answers("'::'", "203.0.113.1"), "[::1]:2379");
  EXPECT_EQ(answers("'10.0.0.1:12379'", "203.0.113.1"), "10.0.0.1:12379");
  EXPECT_EQ(answers("127.0.0.1, 10.0.0.1", "10.0.0.1"), "10.0.0.1:2379");
}

TEST(MemberUrls, AnAddressIsNeededWhereNobodySaysMore) {
  const std::string all =
      ", etcd: {listen: [10.0.0.1], advertise: [etcd.example], peer-listen: [10.0.0.1], "
      "peer-advertise: [10.0.0.1]}";
  std::string text = Trio(all);
  const std::string address = "address: 10.0.0.1, ";
  text.erase(text.find(address), address.size());
  EXPECT_FALSE(Resolved(text).diagnostics.has_errors()) << Resolved(text).shown;
  std::string less = Trio(", etcd: {listen: [10.0.0.1]}");
  less.erase(less.find(address), address.size());
  EXPECT_THAT(Resolved(less).shown, HasSubstr("is a member of a cluster, and has no address"));
}

TEST(MemberFlags, StandBeforeThoseOfAll) {
  const Resolved it(Trio(", etcd: {flags: {snapshot-count: 5, max-wals: 7}}",
                         ", flags: {snapshot-count: 9, quota-backend-bytes: 1073741824, listen-metrics-urls: "
                         "'http://$address:2381'}"));
  ASSERT_FALSE(it.diagnostics.has_errors()) << it.shown;
  EXPECT_EQ(it.Flag(0, "--snapshot-count"), "5");
  EXPECT_EQ(it.Flag(1, "--snapshot-count"), "9");
  EXPECT_EQ(it.Flag(0, "--max-wals"), "7");
  EXPECT_EQ(it.Flag(1, "--max-wals"), "");
  EXPECT_EQ(it.Flag(0, "--quota-backend-bytes"), "1073741824");
  EXPECT_EQ(it.Flag(0, "--listen-metrics-urls"), "http://10.0.0.1:2381");
  EXPECT_EQ(it.Flag(1, "--listen-metrics-urls"), "http://[fd00::2]:2381");
}

TEST(MemberFlags, AnErrorOfAFlagOfAllIsSaidOnce) {
  const Resolved it(Trio("", ", flags: {listen-metrics-urls: 'http://$adress:2381'}"));
  EXPECT_EQ(it.diagnostics.error_count(), 1) << it.shown;
  const Resolved together(Trio("", ", flags: {heartbeat-interval: 400, election-timeout: 500}"));
  EXPECT_EQ(together.diagnostics.error_count(), 1) << together.shown;
}

TEST(MemberFlags, AreCheckedWithThoseOfAll) {
  const Resolved it(Trio(", etcd: {flags: {election-timeout: 500}}", ", flags: {heartbeat-interval: 150}"));
  EXPECT_EQ(it.diagnostics.error_count(), 1) << it.shown;
  EXPECT_THAT(it.shown, HasSubstr("heartbeat-interval"));
  EXPECT_THAT(it.shown, HasSubstr("the flag election-timeout is not the same on all members"));
}

TEST(MemberFlags, AHostThatIsNoMemberHasNone) {
  std::string text = Trio(", etcd: {flags: {snapshot-count: 5}}");
  const std::string members = "[a, b, c]";
  text.replace(text.find(members), members.size(), "[b]");
  const Resolved it(text);
  EXPECT_FALSE(it.diagnostics.has_errors()) << it.shown;
  EXPECT_THAT(it.shown, HasSubstr("warning: the host a is no member of etcd"));
  EXPECT_THAT(Resolved(Trio("")).shown, Not(HasSubstr("no member")));
}

}  // namespace
}  // namespace kplan
