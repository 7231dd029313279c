#include "src/etcd/member_ways.h"

#include <functional>

#include "gtest/gtest.h"

namespace kplan {
namespace {

const absl::Status kRefused = absl::UnavailableError("cannot connect: Connection refused");
const absl::Status kSilent = absl::DeadlineExceededError("no answer to a TCP connection");
const absl::Status kOut = absl::AbortedError("host etcd-1: cannot be reached");

const std::vector<std::string> kHosts = {"etcd-1", "etcd-2", "etcd-3"};

// The ways that are tried to the member on etcd-1 where each ends as STATUS says: "here etcd-1 ...".
std::string Course(AskFrom from, std::optional<std::string> worked,
                   const std::function<absl::Status(const std::string&)>& status) {
  std::vector<WayTried> tried;
  std::string course;
  while (std::optional<std::string> way = NextWay(from, kHosts, "etcd-1", worked, tried)) {
    course += (course.empty() ? "" : " ") + (way->empty() ? "here" : *way);
    const absl::Status result = status(*way);
    if (result.ok()) return course + "!";
    tried.push_back({*way, result});
    if (tried.size() > kHosts.size() + 1) return course + " ...";
  }
  return course;
}

std::function<absl::Status(const std::string&)> All(absl::Status status) {
  return [status](const std::string&) { return status; };
}

// Those of HOSTS are out; every other way ends as STATUS says.
std::function<absl::Status(const std::string&)> Out(std::vector<std::string> hosts, absl::Status status) {
  return [hosts, status](const std::string& way) {
    for (const std::string& host : hosts) {
      if (host == way) return kOut;
    }
    return status;
  };
}

TEST(NextWay, EveryCourse) {
  const std::optional<std::string> unknown, here = "", own = "etcd-1", other = "etcd-2";
  struct Case {
    AskFrom from;
    std::optional<std::string> worked;
    std::function<absl::Status(const std::string&)> status;
    const char* course;
  };
  const auto not_here = [](const std::string& way) { return way.empty() ? kSilent : absl::OkStatus(); };
  for (const Case& it : std::vector<Case>{
           // From here alone.
           {AskFrom::kHere, unknown, All(absl::OkStatus()), "here!"},
           {AskFrom::kHere, unknown, All(kRefused), "here"},
           {AskFrom::kHere, own, All(kSilent), "here"},
           // By way of hosts alone: never from here, whatever worked.
           {AskFrom::kHosts, unknown, All(absl::OkStatus()), "etcd-1!"},
           {AskFrom::kHosts, here, All(absl::OkStatus()), "etcd-1!"},
           {AskFrom::kHosts, unknown, All(kRefused), "etcd-1"},
           {AskFrom::kHosts, unknown, Out({"etcd-1"}, absl::OkStatus()), "etcd-1 etcd-2!"},
           {AskFrom::kHosts, unknown, Out({"etcd-1"}, kRefused), "etcd-1 etcd-2"},
           {AskFrom::kHosts, unknown, Out({"etcd-1", "etcd-2"}, absl::OkStatus()), "etcd-1 etcd-2 etcd-3!"},
           {AskFrom::kHosts, unknown, All(kOut), "etcd-1 etcd-2 etcd-3"},
           {AskFrom::kHosts, other, All(absl::OkStatus()), "etcd-2!"},
           {AskFrom::kHosts, other, All(kRefused), "etcd-2 etcd-1"},
           {AskFrom::kHosts, other, Out({"etcd-1"}, kSilent), "etcd-2 etcd-1"},
           {AskFrom::kHosts, other, Out({"etcd-1", "etcd-2"}, absl::OkStatus()), "etcd-2 etcd-1 etcd-3!"},
           // Both.
           {AskFrom::kBoth, unknown, All(absl::OkStatus()), "here!"},
           {AskFrom::kBoth, unknown, not_here, "here etcd-1!"},
           {AskFrom::kBoth, unknown, All(kRefused), "here etcd-1"},
           {AskFrom::kBoth, unknown, Out({"etcd-1"}, kSilent), "here etcd-1 etcd-2"},
           {AskFrom::kBoth, unknown, All(kOut), "here etcd-1 etcd-2 etcd-3"},
           {AskFrom::kBoth, here, All(kRefused), "here"},
           {AskFrom::kBoth, own, not_here, "etcd-1!"},
           {AskFrom::kBoth, own, All(kRefused), "etcd-1"},
           {AskFrom::kBoth, other, Out({"etcd-1"}, absl::OkStatus()), "etcd-2!"},
           {AskFrom::kBoth, other, Out({"etcd-1", "etcd-2"}, kSilent), "etcd-2 etcd-1 etcd-3"},
       }) {
    EXPECT_EQ(Course(it.from, it.worked, it.status), it.course)
        << static_cast<int>(it.from) << " worked " << it.worked.value_or("-");
  }
}

TEST(NextWay, TheOnlyHostIsOut) {
  EXPECT_EQ(NextWay(AskFrom::kHosts, {"etcd-1"}, "etcd-1", std::nullopt, {{"etcd-1", kOut}}), std::nullopt);
}

TEST(NoWayLed, SaysWhoSawWhat) {
  EXPECT_EQ(NoWayLed({{"", kRefused}}, "etcd-1"), kRefused) << "as if there were no other way";
  EXPECT_EQ(NoWayLed({{"", kSilent}, {"etcd-1", kRefused}}, "etcd-1"),
            absl::UnavailableError("from this machine: no answer to a TCP connection; from etcd-1: cannot "
                                   "connect: Connection refused"))
      << "its own host knows best";
  EXPECT_EQ(NoWayLed({{"", kRefused}, {"etcd-1", kSilent}}, "etcd-1").code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(NoWayLed({{"etcd-1", kOut}, {"etcd-2", kSilent}}, "etcd-1"),
            absl::DeadlineExceededError("nobody asked from etcd-1 (host etcd-1: cannot be reached); from "
                                        "etcd-2: no answer to a TCP connection"));
  EXPECT_TRUE(absl::IsAborted(NoWayLed({{"etcd-1", kOut}, {"etcd-2", kOut}}, "etcd-1")));
}

TEST(AskFromWord, IsBothByDefault) {
  EXPECT_EQ(AskFromWord("hosts"), AskFrom::kHosts);
  EXPECT_EQ(AskFromWord("here"), AskFrom::kHere);
  EXPECT_EQ(AskFromWord(""), AskFrom::kBoth);
}

}  // namespace
}  // namespace kplan
