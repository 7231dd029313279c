#include <map>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "src/lower/lower_testing.h"

namespace kplan {
namespace {

using Inputs = std::map<std::string, std::string>;

TEST(LowerPki, AnIntermediateIsSignedAndItsLeavesHaveChains) {
  Graph graph = GraphOf(R"(
cas:
  etcd-ca: {CN: etcd-ca, issuer: root, ca_constraint: {max_path_len: 0}, ocsp_url: "http://ocsp.example.com"}
  root: {CN: Root, name-constraints: {permitted: [example.com], excluded: [10.0.0.0/8]}}
certs:
  server: {ca: etcd-ca, hosts: [a.example.com], files: [bundle], pkcs12: {passphrase-file: p12.txt}}
)");
  EXPECT_EQ(InputsOf(graph), (Inputs{{"ca/root/key", ""},
                                     {"ca/root/csr", " ca/root/key"},
                                     {"ca/root/cert", " ca/root/key"},
                                     {"ca/etcd-ca/key", ""},
                                     {"ca/etcd-ca/csr", " ca/etcd-ca/key"},
                                     {"ca/etcd-ca/cert", " ca/etcd-ca/csr ca/root/cert"},
                                     {"key/server", ""},
                                     {"csr/server", " key/server"},
                                     {"cert/server", " csr/server ca/etcd-ca/cert"},
                                     {"chain/server", " cert/server ca/etcd-ca/cert"},
                                     {"bundle/server", " cert/server ca/etcd-ca/cert key/server"},
                                     {"pkcs12/server", " cert/server ca/etcd-ca/cert key/server"}}));
  EXPECT_EQ(RecordOf(graph, "ca/root/cert"), Json::parse(R"({
    "excluded": [["ip", "10.0.0.0/8"]], "expiry": 157680000, "key": "pki/root-key.pem", "kind": "ca-cert",
    "path": "pki/root.pem", "permitted": [["dns", "example.com"]], "subject": [["CN", "Root"]]})"));
  EXPECT_EQ(RecordOf(graph, "ca/etcd-ca/cert"), Json::parse(R"({
    "ca": true, "csr": "pki/etcd-ca.csr", "expiry": 157680000, "issuer": "pki/root.pem",
    "issuer-key": "pki/root-key.pem", "key": "pki/etcd-ca-key.pem", "kind": "cert", "max-path-len": 0,
    "ocsp-url": "http://ocsp.example.com", "path": "pki/etcd-ca.pem", "sans": [],
    "subject": [["CN", "etcd-ca"]], "superseded": "pki/superseded/etcd-ca",
    "usages": ["cert sign", "crl sign"]})"));
  EXPECT_EQ(RecordOf(graph, "chain/server"), Json::parse(R"({
    "cert": "pki/server.pem", "form": "chain", "issuers": ["pki/etcd-ca.pem"], "kind": "bundle",
    "path": "pki/server-chain.pem"})"));
  EXPECT_EQ(RecordOf(graph, "pkcs12/server"), Json::parse(R"({
    "cert": "pki/server.pem", "form": "pkcs12", "issuers": ["pki/etcd-ca.pem"], "key": "pki/server-key.pem",
    "kind": "bundle", "name": "server", "passphrase": ["file", "p12.txt"], "path": "pki/server.p12"})"));
}

TEST(LowerPki, AnExistingCaIsAdoptedAndItsKeyUsedInPlace) {
  Graph graph = GraphOf(R"(
ca: {cert: corp/ca.pem, key: {file: corp/ca.key, passphrase-env: CORP}}
certs: {server: {}}
)");
  EXPECT_EQ(InputsOf(graph), (Inputs{{"ca/cert", ""},
                                     {"key/server", ""},
                                     {"csr/server", " key/server"},
                                     {"cert/server", " csr/server ca/cert"}}));
  EXPECT_EQ(RecordOf(graph, "ca/cert"), Json::parse(R"({
    "from": "corp/ca.pem", "key": "corp/ca.key", "kind": "adopt-ca", "passphrase": ["env", "CORP"],
    "path": "pki/ca.pem", "renew-before": 7776000})"));
  Json cert = RecordOf(graph, "cert/server");
  EXPECT_EQ(cert["issuer-key"], "corp/ca.key");
  EXPECT_EQ(cert["issuer-passphrase"], Json({"env", "CORP"}));
}

TEST(LowerPki, WhoSignsElsewhereFindsEveryRequest) {
  Graph graph = GraphOf(R"(
cas:
  corp: {cert: corp.pem}
  sub: {CN: Sub, issuer: corp}
certs: {a: {ca: corp}, b: {ca: corp}, c: {ca: sub}}
)");
  Inputs inputs = InputsOf(graph);
  EXPECT_EQ(inputs["ca/corp/requests"], " ca/sub/csr csr/a csr/b");
  EXPECT_EQ(inputs["cert/a"], " csr/a ca/corp/cert || ca/corp/requests");
  EXPECT_EQ(inputs["cert/c"], " csr/c ca/sub/cert");
  EXPECT_FALSE(RecordOf(graph, "cert/a").contains("issuer-key"));
  EXPECT_FALSE(RecordOf(graph, "ca/sub/cert").contains("issuer-key"));
  EXPECT_EQ(
      RecordOf(graph, "ca/corp/requests")["pairs"],
      Json::parse(
          R"([["pki/sub.csr", "pki/sub.pem"], ["pki/a.csr", "pki/a.pem"], ["pki/b.csr", "pki/b.pem"]])"));
  for (const Watch& watch : graph.watches()) {
    if (watch.kind != Watch::Kind::kCertificate) continue;
    EXPECT_EQ(watch.renewable, watch.path == "pki/c.pem") << watch.path;
  }
}

TEST(LowerPki, WhatIsRevokedIsMadeAgainBeforeTheCrl) {
  Graph graph = GraphOf(R"(
ca: {CN: Kubernetes, crl-expiry: 48h}
certs: {a: {}, b: {}}
revoked:
- {cert: b, reason: keyCompromise, date: 2026-11-22T10:00:00Z}
- {serial: "0x00Ff"}
)");
  EXPECT_EQ(InputsOf(graph)["ca/crl"], " ca/cert cert/b");
  EXPECT_EQ(RecordOf(graph, "ca/crl"), Json::parse(R"({
    "certs": [["pki/b.pem", "pki/superseded/b", "keyCompromise", "1795341600"]], "der": "pki/ca.crl",
    "expiry": 172800, "issuer": "pki/ca.pem", "issuer-key": "pki/ca-key.pem", "kind": "crl",
    "path": "pki/ca-crl.pem", "serials": [["ff", "unspecified", ""]]})"));
  EXPECT_EQ(RecordOf(graph, "cert/b")["revoked-before"], 1795341600);
  EXPECT_FALSE(RecordOf(graph, "cert/a").contains("revoked-before"));
}

TEST(LowerPki, KeysAreOfTheirKinds) {
  Graph graph = GraphOf(R"(
ca: {CN: Kubernetes, key: {algo: ed25519, passphrase-file: secret}}
certs:
  a: {key: {algo: ecdsa, size: 384, format: pkcs8}, key-generation: 3}
  b: {key: {algo: ecdsa, format: sec1}}
)");
  EXPECT_EQ(RecordOf(graph, "ca/key"), Json::parse(R"({
    "algo": "ed25519", "ca": true, "certificate": "pki/ca.pem", "format": "pkcs8", "kind": "key",
    "passphrase": ["file", "secret"], "path": "pki/ca-key.pem", "size": 0})"));
  EXPECT_EQ(RecordOf(graph, "key/a"), Json::parse(R"({
    "algo": "ecdsa", "ca": false, "format": "pkcs8", "generation": 3, "kind": "key",
    "path": "pki/a-key.pem", "size": 384})"));
  EXPECT_EQ(RecordOf(graph, "key/b"), Json::parse(R"({
    "algo": "ecdsa", "ca": false, "kind": "key", "path": "pki/b-key.pem", "size": 256})"));
  EXPECT_EQ(RecordOf(graph, "cert/a")["issuer-passphrase"], Json({"file", "secret"}));
}

TEST(LowerPki, UsagesAreThoseThatTheKeyCanHave) {
  const std::string spec = R"(
ca: {CN: Kubernetes}
certs: {r: {}, e: {key: {algo: ecdsa}}}
)";
  Graph graph = GraphOf(spec);
  EXPECT_EQ(RecordOf(graph, "cert/r")["usages"],
            Json({"signing", "key encipherment", "server auth", "client auth"}));
  EXPECT_EQ(RecordOf(graph, "cert/e")["usages"], Json({"signing", "server auth", "client auth"}));
  EXPECT_EQ(Changed(graph, GraphOf(spec + "signing: {compat: cfssl}\n")), (std::set<std::string>{"cert/e"}));
}

TEST(LowerPki, ProfilesTakeFromTheDefaultWhatTheyDoNotSay) {
  Graph graph = GraphOf(R"(
ca: {CN: Kubernetes}
signing:
  default: {expiry: 100h, backdate: 1h, crl_url: "http://pki.example.com/ca.crl"}
  profiles:
    short: {usages: [signing, client auth], expiry: 10h, issuer_urls: ["http://pki.example.com/ca.pem"]}
    long: {usages: [signing, server auth], crl_url: "http://pki.example.com/other.crl"}
certs: {plain: {}, s: {profile: short}, l: {profile: long}}
)");
  Json s = RecordOf(graph, "cert/s"), l = RecordOf(graph, "cert/l"), plain = RecordOf(graph, "cert/plain");
  EXPECT_EQ(s["expiry"], 36000);
  EXPECT_EQ(s["backdate"], 3600);
  EXPECT_EQ(s["crl-url"], "http://pki.example.com/ca.crl");
  EXPECT_EQ(s["issuer-urls"], Json({"http://pki.example.com/ca.pem"}));
  EXPECT_EQ(l["expiry"], 360000);
  EXPECT_EQ(l["crl-url"], "http://pki.example.com/other.crl");
  EXPECT_EQ(plain["expiry"], 8760 * 3600) << "a default without usages is nobody's profile";
}

TEST(LowerPki, EtcdShowsTheChainTrustsItsIssuerAloneAndReadsTheCrl) {
  Graph graph = GraphOf(R"(
hosts: {worker: {}}
cas:
  root: {CN: Root}
  etcd-ca: {CN: etcd-ca, issuer: root, crl-expiry: 48h}
certs: {server: {ca: etcd-ca, hosts: [127.0.0.1]}}
etcd: {version: 3.4.15, cert: server}
)");
  EXPECT_EQ(RecordOf(graph, "file/worker/etc/etcd/ca.pem")["from"], "pki/etcd-ca.pem");
  EXPECT_EQ(RecordOf(graph, "file/worker/etc/etcd/server.pem")["cert-from"], "pki/server-chain.pem");
  EXPECT_EQ(RecordOf(graph, "file/worker/etc/etcd/ca.crl")["from"], "pki/etcd-ca.crl");
  std::string service = InputsOf(graph)["service/worker/etcd"];
  EXPECT_GT(service.find("etc/etcd/ca.crl"), service.find("||")) << "a new CRL restarts nothing: " << service;
  std::string unit = RecordOf(graph, "render/worker/etc/systemd/system/etcd.service")["content"];
  EXPECT_NE(unit.find("--client-crl-file=/etc/etcd/ca.crl"), std::string::npos) << unit;
}

TEST(LowerPki, NobodyNeedsAHostForCertificatesAlone) {
  EXPECT_EQ(GraphOf("ca: {CN: x}\ncerts: {a: {}}\n").steps().size(), 6u);
}

}  // namespace
}  // namespace kplan
