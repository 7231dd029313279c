#include "src/steps/service/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/step/service_records.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

ServiceSpec Service(std::vector<std::string> answers, std::vector<std::string> arguments = {}) {
  ServiceSpec service;
  service.manager = "process";
  service.process.name = "etcd";
  service.process.argv = {"/nowhere/etcd"};
  service.argv = {{"/nowhere/etcd", ""}};
  service.answers = std::move(answers);
  for (std::string& argument : arguments) service.argv.emplace_back(std::move(argument), "");
  return service;
}

std::vector<std::string> Addresses(const ServiceSpec& service) {
  std::vector<std::string> texts;
  for (const HostPort& address : AddressesOf(service))
    texts.push_back(absl::StrCat(address.host, " ", address.port));
  return texts;
}

TEST(AddressesOf, AreItsAnswersAndWhereItsOptionsHaveItListen) {
  EXPECT_THAT(Addresses(Service({"127.0.0.1:2379"})), ElementsAre("127.0.0.1 2379"));
  EXPECT_THAT(Addresses(Service(
                  {"10.0.0.1:2379"},
                  {"--listen-client-urls=https://10.0.0.1:2379,https://[::1]:2379", "--listen-peer-urls",
                   "https://10.0.0.1:2380", "-listen-metrics-urls=http://[::]:2381",
                   "--initial-advertise-peer-urls=https://10.0.0.1:9", "--listen-urls-of=http://x:7",
                   "--listen-peer-urls=unix://sock"})),
              ElementsAre("10.0.0.1 2379", "::1 2379", "10.0.0.1 2380", ":: 2381"));
  EXPECT_THAT(Addresses(Service({}, {"--listen-peer-urls"})), ElementsAre());
  // Of one that runs, what is new.
  const std::vector<HostPort> anew =
      AddressesOf(Service({"10.0.0.1:1"}, {"--listen-peer-urls=http://10.0.0.1:2,http://10.0.0.1:3"}),
                  std::vector<std::string>{"etcd", "--listen-peer-urls=http://10.0.0.1:2"});
  ASSERT_EQ(anew.size(), 1u);
  EXPECT_EQ(anew[0].port, 3);
}

// A socket of this test that listens at a free port of 127.0.0.1.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_.get(), 1), 0);
    EXPECT_EQ(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  std::string At(const std::string& host) const { return absl::StrCat(host, ":", port_); }

 private:
  UniqueFd fd_;
  int port_ = 0;
};

TEST(CheckAddresses, NamesWhoIsInTheWay) {
  const Listener listener;
  for (const char* host : {"127.0.0.1", "0.0.0.0", "[::]"}) {
    const absl::Status status = CheckAddresses(Service({listener.At(host)}), std::nullopt);
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << host;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(absl::StrCat(listener.At(host), " is taken by `ports_test` (process ",
                                             getpid(), ", since ")),
                      HasSubstr("; end that process, or give etcd another address in cluster.yaml")));
  }
  const absl::Status peer = CheckAddresses(
      Service({}, {absl::StrCat("--listen-peer-urls=http://", listener.At("127.0.0.1"))}), std::nullopt);
  EXPECT_THAT(std::string(peer.message()), HasSubstr(" is taken by `ports_test`"));
}

TEST(CheckAddresses, WhatIsInNobodysWayIsNoObstacle) {
  const Listener listener;
  for (const std::string& free : {listener.At("127.0.0.2"), listener.At("[::1]"), listener.At("192.0.2.1"),
                                  listener.At("no-such-name.invalid"), std::string("127.0.0.1:1")})
    EXPECT_TRUE(CheckAddresses(Service({free}), std::nullopt).ok()) << free;
  EXPECT_TRUE(
      CheckAddresses(Service({listener.At("127.0.0.1")}, {"--socket-reuse-port"}), std::nullopt).ok());
}

// 192.0.2.1 is for documentation (RFC 5737).
TEST(CheckAddresses, AnAddressThatNoInterfaceHasIsTold) {
  const absl::Status status =
      CheckAddresses(Service({"127.0.0.1:1"}, {"--listen-peer-urls=http://192.0.2.1:2380,http://127.0.0.1:1",
                                               "--listen-client-urls=http://0.0.0.0:1"}),
                     std::nullopt);
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(HasSubstr("etcd is to listen at 192.0.2.1:2380, and no interface of this host has that address"),
            HasSubstr("put the address right in cluster.yaml")));
  // What runs there already does so by itself.
  const std::vector<HostPort> none =
      AddressesOf(Service({}, {"--listen-peer-urls=http://192.0.2.1:2380"}),
                  std::vector<std::string>{"etcd", "--listen-peer-urls=http://192.0.2.1:2380"});
  EXPECT_THAT(none, testing::IsEmpty());
}

TEST(CheckAddresses, WhatRunsOfTheServiceIsItsOwn) {
  const Listener listener;
  const std::optional<Instance> self = FindInstance(getpid());
  ASSERT_TRUE(self.has_value());
  EXPECT_TRUE(CheckAddresses(Service({listener.At("127.0.0.1")}), self).ok());
  // Of another instance than this only what its options give it anew is judged.
  const std::optional<Instance> other = FindInstance(1);
  ASSERT_TRUE(other.has_value());
  EXPECT_TRUE(CheckAddresses(Service({listener.At("127.0.0.1")}), other).ok());
  const std::string option = absl::StrCat("--listen-client-urls=http://", listener.At("127.0.0.1"));
  EXPECT_FALSE(CheckAddresses(Service({}, {option}), other).ok());
  EXPECT_TRUE(CheckAddresses(Service({}, {option}), self).ok());
  // Started by another run, in this very moment.
  ServiceSpec service = Service({listener.At("127.0.0.1")});
  service.process.argv = *ArgvOf(getpid());
  service.process.argv[0] = ExeOf(getpid());
  const bool same = *ArgvOf(getpid()) == service.process.argv;
  EXPECT_EQ(CheckAddresses(service, std::nullopt).ok(), same);
}

TEST(WhyAddressIsTaken, IsOfWhatIsStartedHere) {
  const Listener listener;
  ServiceRecord record;
  record.manager = "process";
  record.root = "/";
  record.name = "etcd";
  record.argv = {{"/nowhere/etcd", ""}};
  record.answers = {listener.At("127.0.0.1")};
  EXPECT_THAT(WhyAddressIsTaken(record, std::nullopt), HasSubstr("is taken by"));
  EXPECT_EQ(WhyAddressIsTaken(record, FindInstance(getpid())), "");
  record.manager = "none";
  EXPECT_EQ(WhyAddressIsTaken(record, std::nullopt), "");
}

}  // namespace
}  // namespace kplan
