#include "src/graph/limit.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/lower/lower_testing.h"

namespace kplan {
namespace {

using Names = std::vector<std::string>;
using Labels = std::set<std::string>;

// Three members over ssh, and a web server on two hosts of its own, one at a time and after etcd.
constexpr char kSpec[] = R"(
metadata: {name: prod}
hosts:
  etcd-1: {address: 10.0.0.11, ssh: ops@10.0.0.11, become: sudo}
  etcd-2: {address: 10.0.0.12, ssh: ops@10.0.0.12, become: sudo}
  etcd-3: {address: 10.0.0.13, ssh: ops@10.0.0.13, become: sudo}
  web-1: {address: 10.0.0.21, root: ./w1, service-manager: process}
  web-2: {address: 10.0.0.22, root: ./w2, service-manager: process}
  web-3: {address: 10.0.0.23, root: ./w3, service-manager: process}
ca: {CN: prod-etcd-ca}
certs:
  server: {per: host, hosts: [$name, $address, 127.0.0.1]}
  peer: {per: host, hosts: [$address]}
  root: {}
etcd:
  version: 3.4.15
  members: [etcd-1, etcd-2, etcd-3]
  tls: {server: server, peer: peer, client: root}
services:
  web:
    hosts: [web-1, web-2, web-3]
    command: [/usr/bin/python3, -m, http.server]
    after: [etcd]
    files: {/etc/web/conf: {content: "x"}}
    checks: [{tcp: "127.0.0.1:8000"}]
)";

const Graph& Whole() {
  static const Graph* const graph = new Graph(GraphOf(kSpec));
  return *graph;
}

Limit LimitOf(const Graph& graph, const Names& names) {
  absl::StatusOr<Limit> limit = LimitTo(graph, names);
  EXPECT_TRUE(limit.ok()) << limit.status();
  return limit.ok() ? *std::move(limit) : Limit();
}

Labels LabelsOf(const Graph& graph, const Limit& limit) {
  Labels labels;
  for (const LimitedStep& step : limit.steps) labels.insert(graph.steps()[step.step].label);
  return labels;
}

StepId IdOf(const Graph& graph, const std::string& label) {
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    if (graph.steps()[id].label == label) return id;
  }
  ADD_FAILURE() << "no step " << label;
  return 0;
}

TEST(Limit, AMemberAlone) {
  const Limit limit = LimitOf(Whole(), {"etcd-2"});
  const Labels labels = LabelsOf(Whole(), limit);
  EXPECT_TRUE(labels.count("file/etcd-2/etc/etcd/ca.pem"));
  EXPECT_TRUE(labels.count("unit/etcd-2/etcd"));
  EXPECT_TRUE(labels.count("dir/etcd-2/var/lib/etcd"));
  EXPECT_TRUE(labels.count("send/etcd-2"));
  EXPECT_TRUE(labels.count("survey/etcd")) << "the gate of the whole cluster";
  EXPECT_FALSE(labels.count("verify/etcd"));
  for (const std::string& label : labels) {
    for (const char* host : {"etcd-1", "etcd-3"}) {
      for (const char* kind : {"file/", "unit/", "dir/", "send/", "user/", "service/"})
        EXPECT_FALSE(absl::StartsWith(label, absl::StrCat(kind, host))) << label;
    }
    EXPECT_FALSE(absl::StrContains(label, "web")) << label;
  }
  const LimitedStep* rollout = limit.Find(IdOf(Whole(), "rollout/etcd"));
  ASSERT_NE(rollout, nullptr);
  EXPECT_EQ(rollout->hosts, Names{"etcd-2"});
}

TEST(Limit, TheServiceOfAMemberIsTheMember) {
  const Limit limit = LimitOf(Whole(), {"service/etcd-3/etcd"});
  const LimitedStep* rollout = limit.Find(IdOf(Whole(), "rollout/etcd"));
  ASSERT_NE(rollout, nullptr);
  EXPECT_EQ(rollout->hosts, Names{"etcd-3"});
}

TEST(Limit, AllMembersAreTheCluster) {
  const Limit limit = LimitOf(Whole(), {"etcd-3", "etcd-1", "etcd-2"});
  EXPECT_FALSE(limit.Find(IdOf(Whole(), "rollout/etcd"))->partial());
  EXPECT_NE(limit.Find(IdOf(Whole(), "verify/etcd")), nullptr);
}

TEST(Limit, WhatIsMadeFromARolloutNeedsAllOfIt) {
  for (const Names& names : {Names{"etcd-2", "verify"}, Names{"etcd-2", "etcd"},
                             Names{"rollout/etcd", "etcd-2"}, Names{"verify/etcd"}, Names{"etcd"}}) {
    const Limit limit = LimitOf(Whole(), names);
    EXPECT_FALSE(limit.Find(IdOf(Whole(), "rollout/etcd"))->partial()) << names[0];
    EXPECT_NE(limit.Find(IdOf(Whole(), "file/etcd-1/etc/etcd/ca.pem")), nullptr) << names[0];
  }
}

TEST(Limit, OneOfManyHostsDoesNotWaitForTheOthers) {
  const Labels labels = LabelsOf(Whole(), LimitOf(Whole(), {"web-2"}));
  EXPECT_EQ(labels,
            (Labels{"ca/cert", "ca/key", "cert/web-2/peer", "cert/web-2/server", "csr/web-2/peer",
                    "csr/web-2/server", "file/web-2/etc/web/conf", "key/web-2/peer", "key/web-2/server",
                    "render/web-2/etc/systemd/system/web.service", "render/web-2/etc/web/conf",
                    "service/web-2/web", "unit/web-2/web", "verify/web-2/web"}));
  const Labels service = LabelsOf(Whole(), LimitOf(Whole(), {"service/web-2/web"}));
  EXPECT_EQ(service, (Labels{"file/web-2/etc/web/conf", "render/web-2/etc/systemd/system/web.service",
                             "render/web-2/etc/web/conf", "service/web-2/web", "unit/web-2/web"}));
}

TEST(Limit, TheOrderStaysWhereOneBetweenIsLeftOut) {
  const Limit limit = LimitOf(Whole(), {"service/web-1/web", "service/web-3/web"});
  EXPECT_EQ(limit.Find(IdOf(Whole(), "service/web-2/web")), nullptr);
  const StepId proof = IdOf(Whole(), "verify/web-1/web");
  ASSERT_EQ(limit.Find(proof), nullptr) << "it is only behind one that is left out";
  const StepIds& after = limit.Find(IdOf(Whole(), "service/web-3/web"))->after;
  EXPECT_NE(std::find(after.begin(), after.end(), IdOf(Whole(), "service/web-1/web")), after.end());
}

TEST(Limit, WhatProvesTheFirstComesBeforeTheSecond) {
  const Limit limit = LimitOf(Whole(), {"service/web-1/web", "service/web-2/web"});
  EXPECT_NE(limit.Find(IdOf(Whole(), "verify/web-1/web")), nullptr);
  EXPECT_EQ(limit.Find(IdOf(Whole(), "verify/web-2/web")), nullptr);
}

TEST(Turns, OfAServiceOnSeveralHosts) {
  auto turns = [](const Graph& graph, const Names& names, const std::string& label) {
    return TurnsOf(graph, LimitOf(graph, names), IdOf(graph, label));
  };
  const Turns one = turns(Whole(), {"web-2"}, "service/web-2/web");
  EXPECT_EQ(one.at_a_time, 1u);
  EXPECT_EQ(one.others,
            (std::vector<StepId>{IdOf(Whole(), "service/web-1/web"), IdOf(Whole(), "service/web-3/web")}));
  EXPECT_TRUE(turns(Whole(), {"web"}, "service/web-2/web").others.empty());
  std::string spec = kSpec;
  spec.erase(spec.find("etcd:\n"), spec.find("services:") - spec.find("etcd:\n"));
  spec = Replace(spec, "    after: [etcd]\n", "");
  const Graph two = GraphOf(absl::StrCat(spec, "rollout: {max-unavailable: 2}\n"));
  EXPECT_EQ(turns(two, {"web-2"}, "service/web-2/web").at_a_time, 2u);
}

TEST(Limit, ALabelAndWhatItIsMadeFrom) {
  EXPECT_EQ(LabelsOf(Whole(), LimitOf(Whole(), {"ca/cert"})), (Labels{"ca/cert", "ca/key"}));
}

TEST(Limit, UnknownNames) {
  EXPECT_EQ(LimitTo(Whole(), Names{"etcd-22"}).status().message(),
            "there is no host, service, group or label \"etcd-22\"; did you mean \"etcd-2\"?");
  EXPECT_EQ(LimitTo(Whole(), Names{"pki", "ca/cart"}).status().message(),
            "there is no host, service, group or label \"ca/cart\"; did you mean \"ca/cert\"?");
  EXPECT_FALSE(LimitTo(Whole(), Names{"shared"}).ok()) << "the shard of what hosts share is no host";
  EXPECT_FALSE(LimitTo(Whole(), Names{""}).ok());
  EXPECT_FALSE(LimitTo(Whole(), Names{"all\n\x1b[2J"}).ok());
}

// What can be reached from each step by inputs and order.
std::vector<std::set<StepId>> Before(const Graph& graph) {
  std::vector<std::set<StepId>> before(graph.steps().size());
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    const Step& step = graph.steps()[id];
    for (absl::Span<const StepId> list :
         {absl::MakeConstSpan(step.inputs), absl::MakeConstSpan(step.after)}) {
      for (StepId it : list) {
        before[id].insert(it);
        before[id].insert(before[it].begin(), before[it].end());
      }
    }
  }
  return before;
}

bool IsService(const Step& step) { return KindOf(step.kind).stage == Stage::kServices; }

// What holds for any names whatever.
void Check(const Graph& whole, const std::vector<std::set<StepId>>& before, const Names& names) {
  const Limit limit = LimitOf(whole, names);
  const Graph part = LimitedGraph(whole, limit);
  ASSERT_TRUE(part.Finish().ok()) << part.Finish();
  ASSERT_EQ(part.steps().size(), limit.steps.size());
  const std::vector<std::set<StepId>> before_in_part = Before(part);
  std::map<StepId, StepId> ids;
  for (StepId i = 0; i < limit.steps.size(); ++i) ids[limit.steps[i].step] = i;
  for (StepId i = 0; i < limit.steps.size(); ++i) {
    const LimitedStep& it = limit.steps[i];
    const Step& step = whole.steps()[it.step];
    EXPECT_EQ(part.steps()[i].digest(), step.digest());
    EXPECT_EQ(part.shards()[part.steps()[i].shard].name, whole.shards()[step.shard].name);
    for (StepId input : step.inputs) {
      if (ids.count(input)) continue;
      ASSERT_TRUE(it.partial()) << step.label << " without " << whole.steps()[input].label;
      const std::string& host = whole.shards()[whole.steps()[input].shard].name;
      EXPECT_EQ(std::count(it.hosts.begin(), it.hosts.end(), host), 0) << step.label;
    }
    // Services keep their order.
    if (!IsService(step)) continue;
    for (StepId other : before[it.step]) {
      if (!IsService(whole.steps()[other]) || !ids.count(other)) continue;
      EXPECT_TRUE(before_in_part[i].count(ids[other]))
          << step.label << " after " << whole.steps()[other].label;
    }
  }
}

TEST(Limit, AnyNames) {
  const Names all = {"etcd-1",          "etcd-2", "etcd-3",      "web-1",
                     "web-2",           "web-3",  "verify/etcd", "service/web-2/web",
                     "verify/web-1/web"};
  const std::vector<std::set<StepId>> before = Before(Whole());
  std::vector<Labels> found(1u << all.size());
  for (size_t bits = 1; bits < found.size(); ++bits) {
    Names names;
    for (size_t i = 0; i < all.size(); ++i) {
      if (bits >> i & 1) names.push_back(all[i]);
    }
    Check(Whole(), before, names);
    found[bits] = LabelsOf(Whole(), LimitOf(Whole(), names));
    // One name more never does less.
    for (size_t i = 0; i < all.size(); ++i) {
      if (!(bits >> i & 1)) continue;
      const Labels& less = found[bits & ~(size_t{1} << i)];
      EXPECT_TRUE(std::includes(found[bits].begin(), found[bits].end(), less.begin(), less.end()));
    }
    ASSERT_FALSE(HasFailure()) << testing::PrintToString(names);
  }
}

TEST(Limit, EveryNameThereIs) {
  const std::vector<std::set<StepId>> before = Before(Whole());
  for (const Step& step : Whole().steps()) {
    Check(Whole(), before, {step.label});
    EXPECT_TRUE(LabelsOf(Whole(), LimitOf(Whole(), {step.label})).count(step.label)) << step.label;
  }
  for (const Group& group : Whole().groups()) Check(Whole(), before, {group.name});
}

TEST(Limit, LeavesBuildAllOfIt) {
  const Limit limit = LimitOf(Whole(), {"etcd-2", "web-1"});
  const Graph part = LimitedGraph(Whole(), limit);
  Labels leaves, expected;
  for (StepId id : limit.Leaves()) leaves.insert(Whole().steps()[id].label);
  for (StepId id : part.Leaves()) expected.insert(part.steps()[id].label);
  EXPECT_EQ(leaves, expected);
}

}  // namespace
}  // namespace kplan
