#include "src/etcd/member_dialer.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr absl::Duration kLong = absl::Seconds(20);

class MemberDialerTest : public testing::Test, public HostAccess {
 protected:
  // A host's session, with its name in front of each connection.
  class Session : public Dialer {
   public:
    Session(MemberDialerTest* test, const std::string& host) : test_(test), host_(host) {}
    absl::StatusOr<Connection> Dial(const HostPort& target, absl::Duration) override {
      test_->course_.push_back(absl::StrCat(host_, " to ", target.port));
      if (test_->ended_.count(host_) != 0) return absl::AbortedError("the session with the host ended");
      if (!test_->seen_.ok()) return test_->seen_;
      return Connection{UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
    }

   private:
    MemberDialerTest* const test_;
    const std::string host_;
  };

  MemberDialerTest() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    struct sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(listener_.get(), reinterpret_cast<struct sockaddr*>(&address), size) != 0 ||
        listen(listener_.get(), 8) != 0 ||
        getsockname(listener_.get(), reinterpret_cast<struct sockaddr*>(&address), &size) != 0)
      abort();
    port_ = ntohs(address.sin_port);
    for (int i = 1; i <= 3; ++i) {
      MemberRecord member;
      member.name = member.host = absl::StrCat("etcd-", i);
      member.remote = true;
      // The first one's port answers here; at the others' nobody listens.
      member.probe = absl::StrCat("https://127.0.0.1:", i == 1 ? port_ : i);
      member.peer_probe = absl::StrCat("https://127.0.0.1:", i + 10);
      fields_.members.push_back(member);
    }
  }

  absl::StatusOr<StepResult> RunStep(const std::string&, const std::string&, const Json&) override {
    return absl::InternalError("not asked for");
  }
  absl::StatusOr<Json> Ask(const std::string&, const Json&) override {
    return absl::InternalError("not asked for");
  }
  absl::StatusOr<std::unique_ptr<Dialer>> DialFrom(const std::string& host,
                                                   const std::vector<HostPort>& targets) override {
    course_.push_back(absl::StrCat("session with ", host));
    for (const HostPort& target : targets) allowed_.insert(target.port);
    if (out_.count(host) != 0) return absl::UnavailableError(absl::StrCat("host ", host, ": is out"));
    return std::unique_ptr<Dialer>(new Session(this, host));
  }

  std::shared_ptr<MemberDialer> Make(const std::string& from) {
    fields_.ask_from = from;
    return MemberDialer::Make(this, fields_);
  }
  absl::Status Dial(MemberDialer* dialer, int port) {
    return dialer->Dial({"127.0.0.1", port}, kLong).status();
  }
  // Whether somebody has connected from here since.
  bool CameFromHere() {
    struct pollfd fd = {listener_.get(), POLLIN, 0};
    return poll(&fd, 1, 0) > 0 && UniqueFd(accept(listener_.get(), nullptr, nullptr)).ok();
  }

  UniqueFd listener_;
  int port_ = 0;
  ClusterFields fields_;
  std::vector<std::string> course_;
  std::set<int> allowed_;
  std::set<std::string> out_, ended_;
  absl::Status seen_;
};

TEST_F(MemberDialerTest, NoneWhereMembersAreAskedFromHereAnyway) {
  EXPECT_EQ(Make("here"), nullptr);
  EXPECT_EQ(MemberDialer::Make(nullptr, fields_), nullptr);
  for (MemberRecord& member : fields_.members) member.remote = false;
  EXPECT_EQ(Make("hosts"), nullptr);
}

// Where its address is translated on the way, its own host does not get there by it.
TEST_F(MemberDialerTest, ItsOwnHostGoesWhereItListens) {
  fields_.members[1].own_probe = "10.0.0.2:7002";
  const auto dialer = Make("hosts");
  EXPECT_TRUE(Dial(dialer.get(), 2).ok());
  EXPECT_THAT(course_, ElementsAre("session with etcd-2", "etcd-2 to 7002"));
  EXPECT_EQ(allowed_.count(7002), 1u);
  // Others go as everybody does.
  course_.clear();
  EXPECT_TRUE(dialer->DialFrom("etcd-1", {"127.0.0.1", 2}, kLong).ok());
  EXPECT_THAT(course_, ElementsAre("session with etcd-1", "etcd-1 to 2"));
}

TEST_F(MemberDialerTest, FromHereWhereAPortAnswersHere) {
  const auto dialer = Make("");
  EXPECT_FALSE(dialer->IsFromHere({"127.0.0.1", port_})) << "nobody has seen that yet";
  EXPECT_TRUE(Dial(dialer.get(), port_).ok());
  EXPECT_TRUE(CameFromHere());
  EXPECT_THAT(course_, IsEmpty());
  EXPECT_TRUE(dialer->IsFromHere({"127.0.0.1", port_}));
  // The second one's does not; after that, it is not tried again.
  EXPECT_TRUE(Dial(dialer.get(), 2).ok());
  EXPECT_TRUE(Dial(dialer.get(), 2).ok());
  EXPECT_THAT(course_, ElementsAre("session with etcd-2", "etcd-2 to 2", "etcd-2 to 2"));
  // Nor at its other port; but what answers here at one port need not at the other.
  EXPECT_TRUE(Dial(dialer.get(), 12).ok());
  EXPECT_TRUE(Dial(dialer.get(), 11).ok());
  EXPECT_EQ(dialer->WayTo({"127.0.0.1", 12}), "etcd-2");
  EXPECT_EQ(dialer->WayTo({"127.0.0.1", 11}), "etcd-1");
  EXPECT_FALSE(dialer->IsFromHere({"127.0.0.1", 2}));
  EXPECT_EQ(dialer->WayTo({"127.0.0.1", 2}), "etcd-2");
}

TEST_F(MemberDialerTest, NoPacketFromHereWhereThatIsSaid) {
  const auto dialer = Make("hosts");
  EXPECT_TRUE(Dial(dialer.get(), port_).ok());
  EXPECT_TRUE(Dial(dialer.get(), 11).ok());
  EXPECT_TRUE(absl::IsAborted(dialer->DialFromThisMachine({"127.0.0.1", port_}, kLong)));
  EXPECT_FALSE(CameFromHere());
  EXPECT_FALSE(dialer->IsFromHere({"127.0.0.1", port_}));
  EXPECT_THAT(course_, ElementsAre("session with etcd-1", absl::StrCat("etcd-1 to ", port_), "etcd-1 to 11"));
  EXPECT_EQ(allowed_, (std::set<int>{port_, 2, 3, 11, 12, 13})) << "the members' ports, and no others";
}

TEST_F(MemberDialerTest, AHostThatIsOutIsGoneAround) {
  out_ = {"etcd-1", "etcd-2"};
  const auto dialer = Make("hosts");
  EXPECT_TRUE(Dial(dialer.get(), port_).ok());
  // Those that are out are not tried again at once.
  EXPECT_TRUE(Dial(dialer.get(), port_).ok());
  EXPECT_THAT(course_, ElementsAre("session with etcd-1", "session with etcd-2", "session with etcd-3",
                                   absl::StrCat("etcd-3 to ", port_), absl::StrCat("etcd-3 to ", port_)));
  out_ = {"etcd-1", "etcd-2", "etcd-3"};
  const absl::Status status = Dial(Make("hosts").get(), 2);
  EXPECT_EQ(status, absl::AbortedError("nobody asked from etcd-2 (host etcd-2: is out); nobody asked from "
                                       "etcd-1 (host etcd-1: is out); nobody asked from etcd-3 (host etcd-3: "
                                       "is out)"));
}

TEST_F(MemberDialerTest, WhatItsOwnHostSeesCounts) {
  seen_ = absl::UnavailableError("cannot connect: Connection refused");
  EXPECT_EQ(Dial(Make("hosts").get(), 2),
            absl::UnavailableError("from etcd-2: cannot connect: Connection refused"));
  EXPECT_EQ(Dial(Make("").get(), 2),
            absl::UnavailableError("from this machine: cannot connect: Connection refused; from etcd-2: "
                                   "cannot connect: Connection refused"));
}

TEST_F(MemberDialerTest, ASessionThatEndedIsBegunAnewOnce) {
  const auto dialer = Make("hosts");
  EXPECT_TRUE(Dial(dialer.get(), 2).ok());
  course_.clear();
  ended_ = {"etcd-2"};
  EXPECT_TRUE(Dial(dialer.get(), 2).ok()) << "by way of another";
  EXPECT_THAT(course_, ElementsAre("etcd-2 to 2", "session with etcd-2", "etcd-2 to 2", "session with etcd-1",
                                   "etcd-1 to 2"));
  ended_.clear();
  EXPECT_TRUE(Dial(dialer.get(), 2).ok());
}

TEST_F(MemberDialerTest, AMemberOnThisMachineIsAskedFromHere) {
  fields_.members[0].remote = false;
  const auto dialer = Make("hosts");
  EXPECT_TRUE(Dial(dialer.get(), port_).ok());
  EXPECT_TRUE(CameFromHere());
  EXPECT_TRUE(dialer->IsFromHere({"127.0.0.1", port_}));
  EXPECT_THAT(course_, IsEmpty());
}

}  // namespace
}  // namespace kplan
