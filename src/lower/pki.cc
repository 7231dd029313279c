#include "absl/strings/str_cat.h"
#include "src/lower/lower_internal.h"
#include "src/model/paths.h"

namespace kplan {
namespace {

constexpr mode_t kKeyMode = 0600, kPublicMode = 0644;

std::string KeyRecord(const KeyKind& key, bool ca, const std::string& name) {
  RecordWriter record;
  record.Add("algo", key.algo).Add("ca", ca);
  if (ca) record.Add("certificate", paths::Certificate(name));
  record.Add("kind", "key").Add("path", paths::Key(name)).Add("size", key.size);
  return std::move(record).Finish();
}

std::string CsrRecord(bool ca, const std::string& name, const StringPairs& sans, const StringPairs& subject) {
  RecordWriter record;
  record.Add("ca", ca).Add("key", paths::Key(name)).Add("kind", "csr").Add("path", paths::Request(name));
  record.Add("sans", sans).Add("subject", subject);
  return std::move(record).Finish();
}

void WatchKey(Graph* graph, StepId step, std::string path) {
  graph->AddWatch({step, Watch::Kind::kFile, kKeyMode, "", "", std::move(path), "", 0});
}

void WatchCertificate(Graph* graph, StepId step, std::string path, std::string issuer, int64_t renew_before) {
  graph->AddWatch({step, Watch::Kind::kCertificate, kPublicMode, "", "", std::move(path), std::move(issuer),
                   renew_before});
}

}  // namespace

PkiSteps LowerPki(const Lowering& lowering) {
  Graph& graph = lowering.graph;
  const CertificateAuthority& ca = lowering.cluster.ca;
  PkiSteps steps;
  auto add = [&](StepKind kind, uint32_t shard, std::string label, const std::string& record,
                 absl::Span<const StepId> inputs) {
    StepId step = graph.AddStep(kind, shard, std::move(label), record, inputs);
    graph.AddToGroup("pki", step);
    return step;
  };

  // The CA's key, request and certificate, and as many of each leaf. What else a cluster has is little.
  graph.Reserve(3 * (1 + lowering.cluster.certificates.size()));
  steps.leaves.reserve(lowering.cluster.certificates.size());
  steps.ca_key = add(StepKind::kKey, lowering.shared, "ca/key", KeyRecord(ca.key, true, "ca"), {});
  WatchKey(&graph, steps.ca_key, paths::Key("ca"));
  add(StepKind::kCsr, lowering.shared, "ca/csr", CsrRecord(true, "ca", {}, ca.subject), {steps.ca_key});
  RecordWriter ca_record;
  ca_record.Add("expiry", ca.expiry_seconds).Add("key", paths::Key("ca")).Add("kind", "ca-cert");
  ca_record.Add("path", paths::Certificate("ca"));
  if (ca.renew_before_seconds != 0) ca_record.Add("renew-before", ca.renew_before_seconds);
  ca_record.Add("subject", ca.subject);
  steps.ca_cert =
      add(StepKind::kCaCert, lowering.shared, "ca/cert", std::move(ca_record).Finish(), {steps.ca_key});
  WatchCertificate(&graph, steps.ca_cert, paths::Certificate("ca"), "", ca.renew_before_seconds);

  for (const LeafCertificate& cert : lowering.cluster.certificates) {
    uint32_t shard = cert.host < 0 ? lowering.shared : lowering.host_shard[cert.host];
    StringPairs subject = SubjectOf(cert);
    PkiSteps::Leaf leaf;
    leaf.key = add(StepKind::kKey, shard, absl::StrCat("key/", cert.name),
                   KeyRecord(cert.kind->key, false, cert.name), {});
    WatchKey(&graph, leaf.key, paths::Key(cert.name));
    StepId csr = add(StepKind::kCsr, shard, absl::StrCat("csr/", cert.name),
                     CsrRecord(false, cert.name, cert.sans, subject), {leaf.key});
    RecordWriter record;
    record.Add("csr", paths::Request(cert.name))
        .Add("expiry", cert.kind->expiry_seconds)
        .Add("issuer", paths::Certificate("ca"));
    record.Add("issuer-key", paths::Key("ca")).Add("key", paths::Key(cert.name)).Add("kind", "cert");
    record.Add("path", paths::Certificate(cert.name));
    if (cert.kind->renew_before_seconds != 0) record.Add("renew-before", cert.kind->renew_before_seconds);
    record.Add("sans", cert.sans).Add("subject", subject);
    record.Add("usages", cert.kind->usages);
    leaf.cert = add(StepKind::kCert, shard, absl::StrCat("cert/", cert.name), std::move(record).Finish(),
                    {csr, steps.ca_cert});
    WatchCertificate(&graph, leaf.cert, paths::Certificate(cert.name), paths::Certificate("ca"),
                     cert.kind->renew_before_seconds);
    if (cert.host >= 0) graph.AddToGroup(lowering.cluster.hosts[cert.host].name, leaf.cert);
    steps.leaves.push_back(leaf);
  }
  return steps;
}

}  // namespace kplan
