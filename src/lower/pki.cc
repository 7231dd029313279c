// The CAs and what they sign. An issuer's steps come before those of what it signs.

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/paths.h"
#include "src/lower/lower_internal.h"

namespace kplan {
namespace {

constexpr mode_t kKeyMode = 0600, kPublicMode = 0644;

// "ca/key" of the CA called "ca", "ca/NAME/key" of another.
std::string CaLabel(const std::string& name, absl::string_view what) {
  return name == "ca" ? absl::StrCat("ca/", what) : absl::StrCat("ca/", name, "/", what);
}

void AddPassphrase(absl::string_view key, const PassphrasePlace& place, RecordWriter* record) {
  if (place.kind == PassphrasePlace::Kind::kNone) return;
  bool file = place.kind == PassphrasePlace::Kind::kFile;
  record->Add(key, std::vector<std::string>{file ? "file" : "env", place.name});
}

std::string KeyRecord(const KeyKind& key, bool ca, int generation, const std::string& name) {
  RecordWriter record;
  record.Add("algo", key.algo).Add("ca", ca);
  if (ca) record.Add("certificate", paths::Certificate(name));
  if (key.pkcs8) record.Add("format", "pkcs8");
  if (generation != 1) record.Add("generation", generation);
  record.Add("kind", "key");
  AddPassphrase("passphrase", key.passphrase, &record);
  record.Add("path", paths::Key(name)).Add("size", key.size);
  return std::move(record).Finish();
}

std::string CsrRecord(bool ca, const KeyKind& key, const std::string& name, const StringPairs& sans,
                      const StringPairs& subject) {
  RecordWriter record;
  record.Add("ca", ca).Add("key", paths::Key(name)).Add("kind", "csr");
  AddPassphrase("passphrase", key.passphrase, &record);
  record.Add("path", paths::Request(name)).Add("sans", sans).Add("subject", subject);
  return std::move(record).Finish();
}

std::string SelfSignedRecord(const CertificateAuthority& ca) {
  RecordWriter record;
  if (ca.life.backdate_seconds != 0) record.Add("backdate", ca.life.backdate_seconds);
  if (!ca.excluded.empty()) record.Add("excluded", ca.excluded);
  record.Add("expiry", ca.life.expiry_seconds).Add("key", paths::Key(ca.name)).Add("kind", "ca-cert");
  if (ca.max_path_length != kNoPathLength) record.Add("max-path-len", ca.max_path_length);
  AddPassphrase("passphrase", ca.key.passphrase, &record);
  record.Add("path", paths::Certificate(ca.name));
  if (!ca.permitted.empty()) record.Add("permitted", ca.permitted);
  if (ca.life.renew_before_seconds != 0) record.Add("renew-before", ca.life.renew_before_seconds);
  record.Add("subject", ca.subject);
  return std::move(record).Finish();
}

const StringPairs& NoPairs() {
  static const auto* none = new StringPairs;
  return *none;
}

// A certificate that another one signs: a leaf's, or an intermediate CA's.
struct Issued {
  const std::string& name;
  const CertificateAuthority& issuer;
  const StringPairs& subject;
  const StringPairs& sans;
  const std::vector<std::string>& usages;
  const Life& life;
  const IssuerUrls& urls;
  bool ca;
  int max_path_length;
  int64_t revoked_before = 0;
  // Of an intermediate only.
  const StringPairs& permitted = NoPairs();
  const StringPairs& excluded = NoPairs();
  PassphrasePlace passphrase = {};
};

// Of a CA whose key is made here, or is a file of the user's.
std::string SigningKey(const CertificateAuthority& ca) {
  return ca.origin == CertificateAuthority::Origin::kMade ? paths::Key(ca.name) : ca.given_key;
}

std::string IssuedRecord(const Issued& it) {
  RecordWriter record;
  if (it.life.backdate_seconds != 0) record.Add("backdate", it.life.backdate_seconds);
  if (it.ca) record.Add("ca", true);
  if (!it.urls.crl.empty()) record.Add("crl-url", it.urls.crl);
  record.Add("csr", paths::Request(it.name));
  if (!it.excluded.empty()) record.Add("excluded", it.excluded);
  record.Add("expiry", it.life.expiry_seconds).Add("issuer", paths::Certificate(it.issuer.name));
  if (it.issuer.has_key()) {
    record.Add("issuer-key", SigningKey(it.issuer));
    AddPassphrase("issuer-passphrase", it.issuer.key.passphrase, &record);
  }
  if (!it.urls.issuers.empty()) record.Add("issuer-urls", it.urls.issuers);
  record.Add("key", paths::Key(it.name)).Add("kind", "cert");
  if (it.max_path_length != kNoPathLength) record.Add("max-path-len", it.max_path_length);
  if (!it.urls.ocsp.empty()) record.Add("ocsp-url", it.urls.ocsp);
  AddPassphrase("passphrase", it.passphrase, &record);
  record.Add("path", paths::Certificate(it.name));
  if (!it.permitted.empty()) record.Add("permitted", it.permitted);
  if (it.life.renew_before_seconds != 0) record.Add("renew-before", it.life.renew_before_seconds);
  if (it.revoked_before != 0) record.Add("revoked-before", it.revoked_before);
  record.Add("sans", it.sans).Add("subject", it.subject);
  record.Add("superseded", paths::Superseded(it.name)).Add("usages", it.usages);
  return std::move(record).Finish();
}

class PkiLowering {
 public:
  explicit PkiLowering(const Lowering& lowering)
      : lowering_(lowering), cluster_(lowering.cluster), graph_(lowering.graph) {}

  PkiSteps Lower() {
    // A key, a request and a certificate of everyone. What else a cluster has is little.
    graph_.Reserve(3 * (cluster_.cas.size() + cluster_.certificates.size()));
    steps_.leaves.resize(cluster_.certificates.size());
    requests_.resize(cluster_.cas.size());
    gates_.resize(cluster_.cas.size());
    for (const CertificateAuthority& ca : cluster_.cas) LowerCa(ca);
    // Whoever signs elsewhere is to find all requests, though not one certificate can be made yet.
    for (size_t i = 0; i < cluster_.certificates.size(); ++i) {
      if (!IssuerOf(i).has_key()) LowerRequest(i);
    }
    for (size_t i = 0; i < cluster_.cas.size(); ++i) LowerGate(i);
    for (size_t i = 0; i < cluster_.certificates.size(); ++i) {
      if (IssuerOf(i).has_key()) LowerRequest(i);
      LowerCertificate(i);
    }
    for (size_t i = 0; i < cluster_.cas.size(); ++i) LowerCrl(i);
    return std::move(steps_);
  }

 private:
  // What waits for the signature of a CA whose key is elsewhere.
  struct Requests {
    std::vector<StepId> steps;
    StringPairs files;  // (request, certificate)
  };

  const CertificateAuthority& IssuerOf(size_t leaf) const {
    return cluster_.cas[cluster_.certificates[leaf].kind->ca];
  }

  StepId Add(StepKind kind, uint32_t shard, std::string label, const std::string& record,
             absl::Span<const StepId> inputs, absl::Span<const StepId> after = {}) {
    StepId step = graph_.AddStep(kind, shard, std::move(label), record, inputs, after);
    graph_.AddToGroup("pki", step);
    return step;
  }

  void WatchFile(StepId step, mode_t mode, std::string path) {
    Watch watch;
    watch.step = step;
    watch.mode = mode;
    watch.path = std::move(path);
    graph_.AddWatch(std::move(watch));
  }

  void WatchCertificate(StepId step, std::string path, const CertificateAuthority* issuer, const Life& life) {
    Watch watch;
    watch.step = step;
    watch.kind = Watch::Kind::kCertificate;
    watch.mode = kPublicMode;
    watch.path = std::move(path);
    watch.renew_before = life.renew_before_seconds;
    if (issuer != nullptr) {
      watch.issuer = paths::Certificate(issuer->name);
      watch.renewable = issuer->has_key();
    }
    graph_.AddWatch(std::move(watch));
  }

  void LowerCa(const CertificateAuthority& ca) {
    uint32_t shard = lowering_.shared;
    PkiSteps::Ca steps;
    if (ca.origin != CertificateAuthority::Origin::kMade) {
      RecordWriter record;
      record.Add("from", ca.given_certificate);
      if (ca.has_key()) record.Add("key", ca.given_key);
      record.Add("kind", "adopt-ca");
      AddPassphrase("passphrase", ca.key.passphrase, &record);
      record.Add("path", paths::Certificate(ca.name)).Add("renew-before", ca.life.renew_before_seconds);
      steps.cert = Add(StepKind::kAdoptCa, shard, CaLabel(ca.name, "cert"), std::move(record).Finish(), {});
      Watch watch;
      watch.step = steps.cert;
      watch.kind = Watch::Kind::kCertificate;
      watch.path = paths::Certificate(ca.name);
      // Used where it is, it is its owner's: any mode is right.
      watch.mode = ca.given_certificate == watch.path ? 0 : kPublicMode;
      watch.renewable = false;
      graph_.AddWatch(std::move(watch));
      steps_.cas.push_back(steps);
      return;
    }
    StepId key = Add(StepKind::kKey, shard, CaLabel(ca.name, "key"), KeyRecord(ca.key, true, 1, ca.name), {});
    WatchFile(key, kKeyMode, paths::Key(ca.name));
    StepId csr = Add(StepKind::kCsr, shard, CaLabel(ca.name, "csr"),
                     CsrRecord(true, ca.key, ca.name, {}, ca.subject), {key});
    if (ca.issuer < 0) {
      steps.cert = Add(StepKind::kCaCert, shard, CaLabel(ca.name, "cert"), SelfSignedRecord(ca), {key});
      WatchCertificate(steps.cert, paths::Certificate(ca.name), nullptr, ca.life);
    } else {
      const CertificateAuthority& issuer = cluster_.cas[ca.issuer];
      std::vector<std::string> usages = {"cert sign", "crl sign"};
      Issued issued{ca.name,      issuer,      ca.subject,       NoPairs(),          usages,
                    ca.life,      ca.urls,     /*ca=*/true,      ca.max_path_length, /*revoked_before=*/0,
                    ca.permitted, ca.excluded, ca.key.passphrase};
      steps.cert = Add(StepKind::kCert, shard, CaLabel(ca.name, "cert"), IssuedRecord(issued),
                       {csr, steps_.cas[ca.issuer].cert});
      WatchCertificate(steps.cert, paths::Certificate(ca.name), &issuer, ca.life);
      if (!issuer.has_key()) {
        requests_[ca.issuer].steps.push_back(csr);
        requests_[ca.issuer].files.emplace_back(paths::Request(ca.name), paths::Certificate(ca.name));
      }
    }
    steps_.cas.push_back(steps);
  }

  void LowerRequest(size_t i) {
    const LeafCertificate& leaf = cluster_.certificates[i];
    uint32_t shard = ShardOf(leaf);
    StepId key = Add(StepKind::kKey, shard, absl::StrCat("key/", leaf.name),
                     KeyRecord(leaf.kind->key, false, leaf.kind->key_generation, leaf.name), {});
    WatchFile(key, kKeyMode, paths::Key(leaf.name));
    steps_.leaves[i].key = key;
    steps_.leaves[i].csr =
        Add(StepKind::kCsr, shard, absl::StrCat("csr/", leaf.name),
            CsrRecord(false, leaf.kind->key, leaf.name, leaf.sans, SubjectOf(leaf)), {key});
    if (IssuerOf(i).has_key()) return;
    Requests& requests = requests_[leaf.kind->ca];
    requests.steps.push_back(steps_.leaves[i].csr);
    requests.files.emplace_back(paths::Request(leaf.name), paths::Certificate(leaf.name));
  }

  // The step that says which requests wait for a CA that signs elsewhere.
  void LowerGate(size_t ca) {
    if (requests_[ca].steps.empty()) return;
    RecordWriter record;
    record.Add("kind", "requests").Add("pairs", requests_[ca].files);
    gates_[ca].push_back(Add(StepKind::kRequests, lowering_.shared,
                             CaLabel(cluster_.cas[ca].name, "requests"), std::move(record).Finish(),
                             requests_[ca].steps));
  }

  void LowerCertificate(size_t i) {
    const LeafCertificate& leaf = cluster_.certificates[i];
    const LeafKind& kind = *leaf.kind;
    const CertificateAuthority& issuer = IssuerOf(i);
    PkiSteps::Leaf& steps = steps_.leaves[i];
    StringPairs subject = SubjectOf(leaf);
    Issued issued{leaf.name,          issuer,      subject,
                  leaf.sans,          kind.usages, kind.life,
                  kind.urls,          kind.is_ca,  kind.max_path_length,
                  leaf.revoked_before};
    steps.cert = Add(StepKind::kCert, ShardOf(leaf), absl::StrCat("cert/", leaf.name), IssuedRecord(issued),
                     {steps.csr, steps_.cas[kind.ca].cert}, gates_[kind.ca]);
    WatchCertificate(steps.cert, paths::Certificate(leaf.name), &issuer, kind.life);
    AddToHost(leaf, steps.cert);
    // What a server shows has to hold the intermediates, which nobody who trusts the root needs to know.
    steps.shown = steps.cert;
    steps.shown_path = paths::Certificate(leaf.name);
    if (kind.chain || issuer.issuer >= 0) {
      steps.shown = LowerBundle(leaf, steps, "chain", paths::Chain(leaf.name));
      steps.shown_path = paths::Chain(leaf.name);
    }
    if (kind.bundle) steps.bundle = LowerBundle(leaf, steps, "bundle", paths::Bundle(leaf.name));
    if (kind.pkcs12) LowerBundle(leaf, steps, "pkcs12", paths::Pkcs12(leaf.name));
  }

  StepId LowerBundle(const LeafCertificate& leaf, const PkiSteps::Leaf& steps, const std::string& form,
                     const std::string& path) {
    const bool secret = form != "chain";
    std::vector<StepId> inputs = {steps.cert};
    std::vector<std::string> issuers;
    for (int ca = leaf.kind->ca; cluster_.cas[ca].issuer >= 0; ca = cluster_.cas[ca].issuer) {
      inputs.push_back(steps_.cas[ca].cert);
      issuers.push_back(paths::Certificate(cluster_.cas[ca].name));
    }
    RecordWriter record;
    record.Add("cert", paths::Certificate(leaf.name)).Add("form", form).Add("issuers", issuers);
    if (secret) {
      record.Add("key", paths::Key(leaf.name));
      inputs.push_back(steps.key);
    }
    record.Add("kind", "bundle");
    if (form == "pkcs12") {
      record.Add("name", leaf.name);
      AddPassphrase("passphrase", leaf.kind->pkcs12_passphrase, &record);
    }
    record.Add("path", path);
    StepId step = Add(StepKind::kBundle, ShardOf(leaf), absl::StrCat(form, "/", leaf.name),
                      std::move(record).Finish(), inputs);
    WatchFile(step, secret ? kKeyMode : kPublicMode, path);
    AddToHost(leaf, step);
    return step;
  }

  void LowerCrl(size_t i) {
    const CertificateAuthority& ca = cluster_.cas[i];
    if (ca.crl_expiry_seconds == 0) return;
    std::vector<StepId> inputs = {steps_.cas[i].cert};
    Json certs = Json::array(), serials = Json::array();
    for (const RevokedLeaf& revoked : ca.revoked_leaves) {
      const std::string& name = cluster_.certificates[revoked.certificate].name;
      inputs.push_back(steps_.leaves[revoked.certificate].cert);
      certs.push_back(
          {paths::Certificate(name), paths::Superseded(name), revoked.reason, absl::StrCat(revoked.date)});
    }
    for (const RevokedSerial& revoked : ca.revoked_serials) {
      serials.push_back(
          {revoked.serial, revoked.reason, revoked.date == 0 ? "" : absl::StrCat(revoked.date)});
    }
    RecordWriter record;
    record.AddJson("certs", certs.dump()).Add("der", paths::CrlDer(ca.name));
    record.Add("expiry", ca.crl_expiry_seconds).Add("issuer", paths::Certificate(ca.name));
    record.Add("issuer-key", SigningKey(ca));
    AddPassphrase("issuer-passphrase", ca.key.passphrase, &record);
    record.Add("kind", "crl").Add("path", paths::CrlPem(ca.name)).AddJson("serials", serials.dump());
    StepId step =
        Add(StepKind::kCrl, lowering_.shared, CaLabel(ca.name, "crl"), std::move(record).Finish(), inputs);
    Watch watch;
    watch.step = step;
    watch.kind = Watch::Kind::kCrl;
    watch.mode = kPublicMode;
    watch.path = paths::CrlPem(ca.name);
    graph_.AddWatch(std::move(watch));
    WatchFile(step, kPublicMode, paths::CrlDer(ca.name));
    steps_.cas[i].has_crl = true;
    steps_.cas[i].crl = step;
  }

  uint32_t ShardOf(const LeafCertificate& leaf) const {
    return leaf.host < 0 ? lowering_.shared : lowering_.host_shard[leaf.host];
  }

  void AddToHost(const LeafCertificate& leaf, StepId step) {
    if (leaf.host >= 0) graph_.AddToGroup(cluster_.hosts[leaf.host].name, step);
  }

  const Lowering& lowering_;
  const Cluster& cluster_;
  Graph& graph_;
  PkiSteps steps_;
  std::vector<Requests> requests_;          // as Cluster::cas
  std::vector<std::vector<StepId>> gates_;  // as Cluster::cas: the step, where there is one
};

}  // namespace

PkiSteps LowerPki(const Lowering& lowering) { return PkiLowering(lowering).Lower(); }

}  // namespace kplan
