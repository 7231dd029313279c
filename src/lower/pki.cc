#include "absl/strings/str_cat.h"
#include "src/lower/lower_internal.h"
#include "src/model/paths.h"

namespace kplan {
namespace {

constexpr mode_t kKeyMode = 0600, kPublicMode = 0644;

std::string KeyRecord(const KeyKind& key, bool ca, const std::string& path) {
  RecordWriter record;
  record.Add("algo", key.algo).Add("ca", ca).Add("kind", "key").Add("path", path).Add("size", key.size);
  return std::move(record).Finish();
}

std::string CsrRecord(bool ca, const std::string& name, const StringPairs& sans, const StringPairs& subject) {
  RecordWriter record;
  record.Add("ca", ca).Add("key", paths::Key(name)).Add("kind", "csr").Add("path", paths::Request(name));
  record.Add("sans", sans).Add("subject", subject);
  return std::move(record).Finish();
}

void WatchFile(Graph* graph, StepId step, Watch::Kind kind, std::string path, mode_t mode) {
  Watch& watch = graph->WatchOf(step);
  watch.kind = kind;
  watch.path = std::move(path);
  watch.mode = mode;
}

}  // namespace

PkiSteps LowerPki(const Lowering& lowering) {
  Graph& graph = lowering.graph;
  const CertificateAuthority& ca = lowering.cluster.ca;
  PkiSteps steps;
  auto add = [&](StepKind kind, uint32_t shard, std::string label, const std::string& record,
                 std::vector<StepId> inputs) {
    StepId step = graph.AddStep(kind, shard, std::move(label), record, std::move(inputs));
    graph.AddToGroup("pki", step);
    return step;
  };

  steps.ca_key =
      add(StepKind::kKey, lowering.shared, "ca/key", KeyRecord(ca.key, true, paths::Key("ca")), {});
  WatchFile(&graph, steps.ca_key, Watch::Kind::kFile, paths::Key("ca"), kKeyMode);
  add(StepKind::kCsr, lowering.shared, "ca/csr", CsrRecord(true, "ca", {}, ca.subject), {steps.ca_key});
  RecordWriter ca_record;
  ca_record.Add("expiry", ca.expiry_seconds).Add("key", paths::Key("ca")).Add("kind", "ca-cert");
  ca_record.Add("path", paths::Certificate("ca")).Add("subject", ca.subject);
  steps.ca_cert =
      add(StepKind::kCaCert, lowering.shared, "ca/cert", std::move(ca_record).Finish(), {steps.ca_key});
  WatchFile(&graph, steps.ca_cert, Watch::Kind::kCertificate, paths::Certificate("ca"), kPublicMode);

  for (const LeafCertificate& cert : lowering.cluster.certificates) {
    uint32_t shard = cert.host < 0 ? lowering.shared : lowering.host_shard[cert.host];
    PkiSteps::Leaf leaf;
    leaf.key = add(StepKind::kKey, shard, absl::StrCat("key/", cert.name),
                   KeyRecord(cert.key, false, paths::Key(cert.name)), {});
    WatchFile(&graph, leaf.key, Watch::Kind::kFile, paths::Key(cert.name), kKeyMode);
    StepId csr = add(StepKind::kCsr, shard, absl::StrCat("csr/", cert.name),
                     CsrRecord(false, cert.name, cert.sans, cert.subject), {leaf.key});
    RecordWriter record;
    record.Add("csr", paths::Request(cert.name))
        .Add("expiry", cert.expiry_seconds)
        .Add("issuer", paths::Certificate("ca"));
    record.Add("issuer-key", paths::Key("ca")).Add("key", paths::Key(cert.name)).Add("kind", "cert");
    record.Add("path", paths::Certificate(cert.name)).Add("sans", cert.sans).Add("subject", cert.subject);
    record.Add("usages", cert.usages);
    leaf.cert = add(StepKind::kCert, shard, absl::StrCat("cert/", cert.name), std::move(record).Finish(),
                    {csr, steps.ca_cert});
    WatchFile(&graph, leaf.cert, Watch::Kind::kCertificate, paths::Certificate(cert.name), kPublicMode);
    graph.WatchOf(leaf.cert).issuer = paths::Certificate("ca");
    if (cert.host >= 0) graph.AddToGroup(lowering.cluster.hosts[cert.host].name, leaf.cert);
    steps.leaves.push_back(leaf);
  }
  return steps;
}

}  // namespace kplan
