// Several etcds of one cluster.yaml: each has what is its own, and nothing of another's.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "src/model/resolve.h"
#include "src/spec/spec.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

struct Resolved {
  explicit Resolved(const std::string& text) : source("c", text), diagnostics(&source) {
    Spec spec;
    if (ReadSpec(&diagnostics, &spec)) cluster = Resolve(spec, &diagnostics);
    shown = diagnostics.Format(false);
  }

  // The value of --NAME= of the first member of the etcd with this index; "" when it has none.
  std::string Flag(size_t etcd, const std::string& name) const {
    const std::vector<Argument>& arguments = cluster.etcds[etcd].members[0].arguments;
    for (size_t k = 0; k < arguments.size(); ++k) {
      if (arguments[k].first == name) return arguments[k + 1].first;
      if (arguments[k].first.rfind(name + "=", 0) == 0)
        return absl::StrCat(arguments[k].first.substr(name.size() + 1), arguments[k].second);
    }
    return "";
  }

  SourceFile source;
  Diagnostics diagnostics;
  Cluster cluster;
  std::string shown;
};

// On the hosts a, b, c; EVENTS: what `etcds.events` has beside that.
std::string Both(const std::string& events, const std::string& more = "") {
  return absl::StrCat(
      "metadata: {name: prod}\n"
      "hosts:\n  a: {address: 10.0.0.1, ssh: a}\n  b: {address: 10.0.0.2, ssh: b}\n"
      "  c: {address: 10.0.0.3, ssh: c}\n"
      "ca: {CN: ca}\ncerts: {k: {hosts: [10.0.0.1, 10.0.0.2, 10.0.0.3]}}\n"
      "etcd: {version: 3.4.15, cert: k, members: [a, b, c]}\n"
      "etcds: {events: {version: 3.4.15, cert: k, members: [a, b, c]",
      events, "}}\n", more);
}

constexpr char kPorts[] = ", client-port: 2381, peer-port: 2382";

TEST(Etcds, EachHasItsOwn) {
  const Resolved it(Both(absl::StrCat(kPorts, ", hardening: strict")));
  ASSERT_FALSE(it.diagnostics.has_errors()) << it.shown;
  ASSERT_EQ(it.cluster.etcds.size(), 2u);
  const Etcd &first = it.cluster.etcds[0], &second = it.cluster.etcds[1];
  EXPECT_EQ(first.name, "etcd");
  EXPECT_EQ(second.name, "etcd-events");
  EXPECT_EQ(first.folders.data, "/var/lib/etcd");
  EXPECT_EQ(second.folders.data, "/var/lib/etcd-events");
  EXPECT_EQ(second.folders.config, "/etc/etcd-events");
  EXPECT_EQ(second.folders.bin, "/opt/etcd-events/bin");
  EXPECT_EQ(second.members[0].user, "etcd-events");
  EXPECT_EQ(second.members[0].owner, "etcd-events:etcd-events");
  EXPECT_EQ(first.token, "prod");
  EXPECT_EQ(second.token, "prod-events");
  EXPECT_EQ(it.Flag(0, "--listen-client-urls"), "https://10.0.0.1:2379");
  EXPECT_EQ(it.Flag(1, "--listen-client-urls"), "https://10.0.0.1:2381");
  EXPECT_EQ(it.Flag(1, "--data-dir"), "/var/lib/etcd-events");
  // A default folder is nobody's disk.
  EXPECT_THAT(second.members[0].unit, testing::Not(HasSubstr("RequiresMountsFor")));
  EXPECT_THAT(second.members[0].unit, HasSubstr("StateDirectory=etcd-events"));
  EXPECT_THAT(second.members[0].unit, HasSubstr("Description=etcd-events"));
}

TEST(Etcds, OnlyThoseWithNames) {
  const Resolved it(
      "hosts: {a: {}}\nca: {CN: ca}\ncerts: {k: {hosts: [127.0.0.1]}}\n"
      "etcds: {x: {version: 3.4.15, cert: k}}\n");
  ASSERT_FALSE(it.diagnostics.has_errors()) << it.shown;
  ASSERT_EQ(it.cluster.etcds.size(), 1u);
  EXPECT_EQ(it.cluster.etcds[0].members[0].name, "etcd-x");
  EXPECT_EQ(it.cluster.etcds[0].token, "etcd-x");
  EXPECT_FALSE(it.cluster.etcds[0].clustered);
}

TEST(Etcds, WhatAMemberHasOfItsOwnIsOfOneEtcd) {
  const std::string text = absl::StrReplaceAll(
      Both(kPorts), {{"ssh: a}",
                      "ssh: a, etcd: {flags: {snapshot-count: 5}}, etcds: {events: {flags: "
                      "{snapshot-count: 7}}}}"}});
  const Resolved it(text);
  ASSERT_FALSE(it.diagnostics.has_errors()) << it.shown;
  EXPECT_EQ(it.Flag(0, "--snapshot-count"), "5");
  EXPECT_EQ(it.Flag(1, "--snapshot-count"), "7");
  const Resolved wrong(absl::StrReplaceAll(text, {{"etcds: {events: {flags", "etcds: {evnts: {flags"}}));
  EXPECT_THAT(wrong.shown, HasSubstr("the host a is no member of etcds.evnts"));
}

TEST(Etcds, PortsOfAMachineAreNotShared) {
  const Resolved both(Both(""));
  EXPECT_THAT(both.shown, HasSubstr("etcd-events on a cannot listen at https://10.0.0.1:2379 (for clients): "
                                    "etcd listens at https://10.0.0.1:2379"));
  const Resolved peers(Both(", client-port: 2381"));
  EXPECT_THAT(peers.shown, HasSubstr("cannot listen at https://10.0.0.1:2380 (for members)"));
  const Resolved crossed(Both(", client-port: 2380, peer-port: 2379"));
  EXPECT_THAT(crossed.shown, HasSubstr("cannot listen at https://10.0.0.1:2380 (for clients)"));
  const Resolved metrics(
      Both(", client-port: 2381, peer-port: 2382, flags: {listen-metrics-urls: 'http://0.0.0.0:2379'}"));
  EXPECT_THAT(metrics.shown, HasSubstr("(the flag listen-metrics-urls): etcd listens at"));
  // Another machine has ports of its own.
  const Resolved apart(
      absl::StrReplaceAll(Both(""), {{"members: [a, b, c]}}", "members: [d]}}"},
                                     {"ssh: c}\n", "ssh: c}\n  d: {address: 10.0.0.4, ssh: d}\n"},
                                     {"10.0.0.3]", "10.0.0.3, 10.0.0.4]"}}));
  EXPECT_FALSE(apart.diagnostics.has_errors()) << apart.shown;
}

// Hosts that are folders of this machine share its ports.
TEST(Etcds, PortsOfThisMachineAreNotShared) {
  const Resolved it(
      "hosts: {a: {root: a, service-manager: process}, b: {root: b, service-manager: process}}\nca: {CN: "
      "ca}\n"
      "certs: {k: {hosts: [127.0.0.1]}}\n"
      "etcds: {x: {version: 3.4.15, cert: k, members: [a]}, y: {version: 3.4.15, cert: k, members: [b]}}\n");
  EXPECT_THAT(it.shown,
              HasSubstr("etcd-y on b cannot listen at https://127.0.0.1:2379 (for clients): etcd-x"));
}

TEST(Etcds, FoldersAreNotShared) {
  for (const char* key : {"data-dir: /var/lib/etcd", "config-dir: /etc/etcd", "bin-dir: /usr/local/bin"}) {
    const Resolved it(Both(absl::StrCat(kPorts, ", ", key)));
    EXPECT_THAT(it.shown, HasSubstr("etcd and etcd-events both have ")) << key;
  }
}

TEST(Etcds, OneVersionHasOneArchive) {
  const std::string digest(64, 'a'), other(64, 'b');
  const auto text = [&](const std::string& second) {
    return absl::StrReplaceAll(
        Both(absl::StrCat(kPorts, ", archive: {path: e.tar.gz, sha256: ", second, "}")),
        {{"cert: k, members: [a, b, c]}\n",
          absl::StrCat("cert: k, members: [a, b, c], archive: {path: e.tar.gz, sha256: ", digest, "}}\n")}});
  };
  EXPECT_FALSE(Resolved(text(digest)).diagnostics.has_errors()) << Resolved(text(digest)).shown;
  EXPECT_THAT(Resolved(text(other)).shown, HasSubstr("two etcds would keep different archives"));
}

TEST(Etcds, NamesAreNobodyElses) {
  const auto named = [](const std::string& name) {
    return Resolved(absl::StrReplaceAll(Both(kPorts), {{"events:", name + ":"}})).shown;
  };
  for (const char* name : {"Events", "a.b", "-a", "a-", "arm64", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    EXPECT_THAT(named(name),
                testing::AnyOf(HasSubstr("an etcd cannot be called"), HasSubstr("no etcd can be called")))
        << name;
  EXPECT_EQ(named("aaaaaaaaaaaaaaaaaaaaaaaaaaa"), "");
  const Resolved host(
      absl::StrReplaceAll(Both(kPorts), {{"  a:", "  etcd-events:"}, {"[a,", "[etcd-events,"}}));
  EXPECT_THAT(host.shown, HasSubstr("this etcd's unit and a host are both called etcd-events"));
  const Resolved service(Both(kPorts, "services: {etcd-events: {hosts: [a], command: [/bin/x]}}\n"));
  EXPECT_THAT(service.shown, HasSubstr("a service and one of `etcds` are both called \"etcd-events\""));
}

TEST(Etcds, ServicesComeAfterOneOfThem) {
  const auto after = [](const std::string& what) {
    return Both(kPorts,
                absl::StrCat("services: {web: {hosts: [a], command: [/bin/x], after: [", what, "]}}\n"));
  };
  const Resolved events(after("etcd-events"));
  ASSERT_FALSE(events.diagnostics.has_errors()) << events.shown;
  EXPECT_THAT(events.cluster.services[0].after_etcds, ElementsAre(1));
  EXPECT_THAT(events.cluster.services[0].unit, HasSubstr("After=network-online.target etcd-events.service"));
  const Resolved both(after("etcd, verify/etcd-events"));
  EXPECT_THAT(both.cluster.services[0].after_etcds, UnorderedElementsAre(0, 1)) << both.shown;
  const Resolved none(
      absl::StrReplaceAll(after("etcd"), {{"etcd: {version: 3.4.15, cert: k, members: [a, b, c]}\n", ""}}));
  EXPECT_THAT(none.shown, HasSubstr("the etcds here are those of `etcds`"));
  EXPECT_THAT(Resolved(after("etcd-event")).shown, HasSubstr("etcd-events"));
}

TEST(Etcds, EachBearsWhatIsDownAtATime) {
  const Resolved it(absl::StrReplaceAll(
      Both(kPorts, "rollout: {max-unavailable: 2}\n"),
      {{"3.4.15, cert: k, members: [a, b, c]}\n", "3.4.15, cert: k, members: [a, b, c, d, e]}\n"},
       {"ssh: c}\n",
        "ssh: c}\n  d: {address: 10.0.0.4, ssh: d}\n  e: {address: 10.0.0.5, "
        "ssh: e}\n"},
       {"10.0.0.3]", "10.0.0.3, 10.0.0.4, 10.0.0.5]"}}));
  EXPECT_THAT(it.shown, HasSubstr("max-unavailable 2: 3 members bear the loss of 1"));
}

TEST(Etcds, SnapshotsAreOfThoseThatAreRolled) {
  const Resolved it(Both(kPorts, "rollout: {snapshot: before-restart}\n"));
  ASSERT_FALSE(it.diagnostics.has_errors()) << it.shown;
  EXPECT_EQ(it.cluster.etcds[0].snapshots_kept, 3);
  EXPECT_EQ(it.cluster.etcds[1].snapshots_kept, 3);
  EXPECT_THAT(it.shown, IsEmpty());
}

}  // namespace
}  // namespace kplan
