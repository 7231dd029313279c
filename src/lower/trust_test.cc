// A CA that is exchanged: what comes before what, and what the records say of who trusts whom.

#include <map>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/record.h"
#include "src/lower/lower_testing.h"

namespace kplan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kThree[] = R"(
metadata: {name: prod}
hosts:
  etcd-1: {address: 10.0.0.11, ssh: ops@10.0.0.11, become: sudo}
  etcd-2: {address: 10.0.0.12, ssh: ops@10.0.0.12, become: sudo}
  etcd-3: {address: 10.0.0.13, ssh: ops@10.0.0.13, become: sudo}
ca: {CN: prod-etcd-ca}
certs:
  server: {per: host, hosts: [$name, $address, 127.0.0.1]}
  peer: {per: host, hosts: [$address]}
  root: {}
etcd:
  version: 3.4.15
  members: [etcd-1, etcd-2, etcd-3]
  tls: {server: server, peer: peer, client: root}
)";

std::string Exchanged(const std::string& text, const std::string& more = "key-generation: 2") {
  return Replace(text, "{CN: prod-etcd-ca", absl::StrCat("{CN: prod-etcd-ca, ", more));
}

TEST(Trust, APlanWithoutKeyGenerationHasNoneOfIt) {
  for (const auto& [label, inputs] : InputsOf(GraphOf(kThree))) {
    EXPECT_FALSE(absl::StrContains(label, "trust")) << label;
    EXPECT_FALSE(absl::StrContains(inputs, "trust")) << label;
  }
}

TEST(Trust, TheStagesStandInTheirOrder) {
  std::map<std::string, std::string> inputs = InputsOf(GraphOf(Exchanged(kThree)));
  EXPECT_EQ(inputs["trust/both"], " host/etcd-1 host/etcd-2 host/etcd-3 ca/cert || unpack/etcd");
  for (const char* leaf : {"etcd-1/server", "etcd-3/peer", "root"}) {
    const std::string cert = absl::StrCat("cert/", leaf);
    EXPECT_EQ(inputs[cert], absl::StrCat(" csr/", leaf, " ca/cert || trust/both"));
    EXPECT_EQ(inputs[absl::StrCat("chain/", leaf)], absl::StrCat(" ", cert));
  }
  // Leaves do not wait for trust alone, but trust alone for all of them.
  EXPECT_THAT(inputs["file/etcd-1/etc/etcd/server.pem"], Not(HasSubstr("trust/leaves")));
  for (const char* host : {"etcd-1", "etcd-2", "etcd-3"}) {
    EXPECT_THAT(inputs["trust/leaves"], HasSubstr(absl::StrCat("file/", host, "/etc/etcd/server.pem")));
    EXPECT_THAT(inputs["trust/leaves"], HasSubstr(absl::StrCat("file/", host, "/etc/etcd/peer.pem")));
    EXPECT_THAT(inputs[absl::StrCat("file/", host, "/etc/etcd/ca.pem")],
                testing::EndsWith(absl::StrCat("|| survey/etcd send/", host, " trust/leaves")));
  }
  EXPECT_EQ(inputs["trust/new"], " || trust/both verify/etcd");
}

TEST(Trust, AGenerationHasFilesAndACnOfItsOwn) {
  const Graph graph = GraphOf(Exchanged(kThree));
  EXPECT_EQ(RecordOf(graph, "ca/key")["path"], "pki/ca-g2-key.pem");
  EXPECT_EQ(RecordOf(graph, "ca/cert")["path"], "pki/ca-g2.pem");
  EXPECT_EQ(RecordOf(graph, "ca/cert")["subject"].dump(), R"([["CN","prod-etcd-ca G2"]])");
  EXPECT_EQ(RecordOf(graph, "cert/root")["issuer"], "pki/ca-g2.pem");
  EXPECT_EQ(RecordOf(graph, "cert/root")["issuer-key"], "pki/ca-g2-key.pem");
  EXPECT_EQ(RecordOf(graph, "chain/root")["cross"], "pki/ca-g2-cross.pem");
  EXPECT_EQ(RecordOf(graph, "file/etcd-1/etc/etcd/ca.pem")["from"], "pki/ca-g2.pem");
  // On the way members may show what the one before signed; in the end they must not.
  EXPECT_EQ(RecordOf(graph, "rollout/etcd")["cacert"], "pki/ca-trust.pem");
  EXPECT_EQ(RecordOf(graph, "survey/etcd")["cacert"], "pki/ca-trust.pem");
  EXPECT_EQ(RecordOf(graph, "verify/etcd")["cacert"], "pki/ca-g2.pem");
}

TEST(Trust, TheRecordKnowsWhoTrustsWhom) {
  const Graph graph = GraphOf(Exchanged(kThree));
  const Json record = RecordOf(graph, "trust/both");
  EXPECT_EQ(record["cas"].dump(), R"([{"generation":2,"name":"ca"}])");
  ASSERT_EQ(record["etcds"].size(), 1u);
  ASSERT_EQ(record["etcds"][0]["members"].size(), 3u);
  EXPECT_EQ(record["etcds"][0]["members"][2]["trusts"].dump(),
            R"([{"ca":"ca","mode":"0644","path":"/etc/etcd/ca.pem"}])");
  EXPECT_EQ(record["etcds"][0]["rollout"].dump(), RecordOf(graph, "rollout/etcd").dump());
  EXPECT_TRUE(RecordOf(graph, "trust/new")["etcds"].empty());
}

TEST(Trust, HeldTheOneBeforeSignsAndBothAreTrusted) {
  const Graph graph = GraphOf(Exchanged(kThree, "key-generation: 2, hold: trust-both"));
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(RecordOf(graph, "cert/root")["issuer"], "pki/ca.pem");
  EXPECT_EQ(RecordOf(graph, "cert/root")["issuer-key"], "pki/ca-key.pem");
  EXPECT_EQ(RecordOf(graph, "ca/cert")["path"], "pki/ca-g2.pem");
  EXPECT_EQ(RecordOf(graph, "file/etcd-1/etc/etcd/ca.pem")["from"], "pki/ca-trust.pem");
  EXPECT_EQ(inputs["file/etcd-1/etc/etcd/ca.pem"], " trust/both host/etcd-1 || survey/etcd send/etcd-1");
  EXPECT_EQ(RecordOf(graph, "verify/etcd")["cacert"], "pki/ca-trust.pem");
  EXPECT_EQ(inputs.count("trust/leaves") + inputs.count("trust/new"), 0u);
}

TEST(Trust, OnlyWhatAnExchangedCaSignsWaits) {
  const std::string two =
      Replace(Replace(kThree, "ca: {CN: prod-etcd-ca}",
                      "ca: {CN: prod-etcd-ca}\ncas: {peers: {CN: peers, key-generation: 3}}"),
              "peer: {per: host,", "peer: {per: host, ca: peers,");
  const Graph graph = GraphOf(two);
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(inputs["cert/root"], " csr/root ca/cert");
  EXPECT_EQ(inputs["cert/etcd-1/peer"], " csr/etcd-1/peer ca/peers/cert || trust/both");
  EXPECT_THAT(inputs["file/etcd-1/etc/etcd/peer-ca.pem"], HasSubstr("trust/leaves"));
  EXPECT_THAT(inputs["file/etcd-1/etc/etcd/ca.pem"], Not(HasSubstr("trust/leaves")));
  EXPECT_EQ(RecordOf(graph, "trust/both")["etcds"][0]["members"][0]["trusts"].dump(),
            R"([{"ca":"peers","mode":"0644","path":"/etc/etcd/peer-ca.pem"}])");
}

TEST(Trust, BelowAnExchangedRootTheIntermediateIsSignedWhenThatIsTrusted) {
  const std::string all = Replace(Replace(kThree, "server: {per: host,", "server: {per: host, ca: etcd,"),
                                  "peer: {per: host,", "peer: {per: host, ca: etcd,");
  const std::string below =
      Replace(Replace(all, "ca: {CN: prod-etcd-ca}",
                      "ca: {CN: root, key-generation: 2}\ncas: {etcd: {CN: etcd, issuer: ca}}"),
              "  root: {}", "  root: {ca: etcd}");
  const Graph graph = GraphOf(below);
  std::map<std::string, std::string> inputs = InputsOf(graph);
  EXPECT_EQ(inputs["ca/etcd/cert"], " ca/etcd/csr ca/cert || trust/both");
  EXPECT_EQ(RecordOf(graph, "chain/root")["issuers"].dump(), R"(["pki/etcd.pem"])");
  EXPECT_EQ(RecordOf(graph, "chain/root")["cross"], "pki/ca-g2-cross.pem");
}

}  // namespace
}  // namespace kplan
