// The CAs and what they sign. An issuer's steps come before those of what it signs.

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/paths.h"
#include "src/lower/lower_internal.h"
#include "src/step/pki_records.h"

namespace kplan {
namespace {

constexpr mode_t kKeyMode = 0600, kPublicMode = 0644;

// "ca/key" of the CA called "ca", "ca/NAME/key" of another.
std::string CaLabel(const std::string& name, absl::string_view what) {
  return name == "ca" ? absl::StrCat("ca/", what) : absl::StrCat("ca/", name, "/", what);
}

std::optional<int64_t> UnlessZero(int64_t value) {
  return value == 0 ? std::nullopt : std::optional<int64_t>(value);
}

std::optional<int64_t> PathLength(int max_path_length) {
  return max_path_length == kNoPathLength ? std::nullopt : std::optional<int64_t>(max_path_length);
}

KeyRecord KeyOf(const KeyKind& key, bool ca, int generation, const std::string& name) {
  KeyRecord record;
  record.algo = key.algo;
  record.size = key.size;
  record.ca = ca;
  if (ca) record.certificate = paths::Certificate(name);
  if (key.pkcs8) record.format = "pkcs8";
  record.generation = generation;
  record.passphrase = key.passphrase;
  record.path = paths::Key(name);
  return record;
}

CsrRecord CsrOf(bool ca, const KeyKind& key, const std::string& name, const StringPairs& sans,
                const StringPairs& subject) {
  CsrRecord record;
  record.ca = ca;
  record.key = paths::Key(name);
  record.passphrase = key.passphrase;
  record.path = paths::Request(name);
  record.sans = sans;
  record.subject = subject;
  return record;
}

CaCertRecord SelfSigned(const CertificateAuthority& ca) {
  CaCertRecord record;
  record.key = paths::Key(ca.stem());
  record.passphrase = ca.key.passphrase;
  record.path = paths::Certificate(ca.stem());
  record.subject = ca.subject;
  record.expiry = ca.life.expiry_seconds;
  record.backdate = ca.life.backdate_seconds;
  record.renew_before = UnlessZero(ca.life.renew_before_seconds);
  record.limits = {PathLength(ca.max_path_length), ca.permitted, ca.excluded};
  return record;
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
  // Only an intermediate has these.
  const StringPairs& permitted = NoPairs();
  const StringPairs& excluded = NoPairs();
  PassphraseSource passphrase = {};
};

// The signing key of a CA whose key is made here, or is a file of the user's.
std::string SigningKey(const CertificateAuthority& ca) {
  return ca.origin == CertificateAuthority::Origin::kMade ? paths::Key(ca.signing_stem()) : ca.given_key;
}

CertRecord CertOf(const Issued& it) {
  CertRecord record;
  record.ca = it.ca;
  record.csr = paths::Request(it.name);
  record.key = paths::Key(it.name);
  record.passphrase = it.passphrase;
  record.issuer = paths::Certificate(it.issuer.signing_stem());
  if (it.issuer.has_key()) {
    record.issuer_key = SigningKey(it.issuer);
    record.issuer_passphrase = it.issuer.key.passphrase;
  }
  record.path = paths::Certificate(it.name);
  record.subject = it.subject;
  record.sans = it.sans;
  record.usages = it.usages;
  record.crl_url = it.urls.crl;
  record.ocsp_url = it.urls.ocsp;
  record.issuer_urls = it.urls.issuers;
  record.expiry = it.life.expiry_seconds;
  record.backdate = it.life.backdate_seconds;
  record.renew_before = UnlessZero(it.life.renew_before_seconds);
  record.revoked_before = UnlessZero(it.revoked_before);
  record.superseded = paths::Superseded(it.name);
  record.limits = {PathLength(it.max_path_length), it.permitted, it.excluded};
  return record;
}

class PkiLowering {
 public:
  explicit PkiLowering(const Lowering& lowering)
      : lowering_(lowering), cluster_(lowering.cluster), graph_(lowering.graph) {}

  PkiSteps Lower(absl::FunctionRef<std::optional<StepId>(const PkiSteps&)> exchange) {
    // A key, a request and a certificate of everyone. What else a cluster has is little.
    graph_.Reserve(3 * (cluster_.cas.size() + cluster_.certificates.size()));
    steps_.leaves.resize(cluster_.certificates.size());
    steps_.cas.resize(cluster_.cas.size());
    requests_.resize(cluster_.cas.size());
    gates_.resize(cluster_.cas.size());
    for (size_t i = 0; i < cluster_.cas.size(); ++i) {
      if (!WaitsForTrust(cluster_.cas[i])) LowerCa(i);
    }
    trust_ = exchange(steps_);
    for (size_t i = 0; i < cluster_.cas.size(); ++i) {
      if (WaitsForTrust(cluster_.cas[i])) LowerCa(i);
    }
    for (size_t i = 0; i < cluster_.cas.size(); ++i) SetTrusted(i);
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

  // Whether CA is signed by one that is exchanged, and keeps its own key: that one has to be trusted first.
  bool WaitsForTrust(const CertificateAuthority& ca) const {
    for (int above = ca.issuer; !ca.exchanged && above >= 0; above = cluster_.cas[above].issuer) {
      if (cluster_.cas[above].exchanged) return true;
    }
    return false;
  }

  // What waits for trust in the CA with this index, or in one above it.
  std::vector<StepId> AfterTrust(int ca) const {
    for (; trust_.has_value() && ca >= 0; ca = cluster_.cas[ca].issuer) {
      if (cluster_.cas[ca].exchanged) return {*trust_};
    }
    return {};
  }

  void SetTrusted(size_t i) {
    const CertificateAuthority& ca = cluster_.cas[i];
    PkiSteps::Ca& steps = steps_.cas[i];
    steps.trusted = ca.held && trust_.has_value() ? *trust_ : steps.cert;
    steps.trusted_path = ca.held ? paths::Trust(ca.name) : paths::Certificate(ca.stem());
    steps.asked_path = ca.exchanged ? paths::Trust(ca.name) : steps.trusted_path;
  }

  const CertificateAuthority& IssuerOf(size_t leaf) const {
    return cluster_.cas[cluster_.certificates[leaf].kind->ca];
  }

  template <typename Record>
  StepId Add(StepKind kind, uint32_t shard, std::string label, const Record& record, Range made_for,
             absl::Span<const StepId> inputs, absl::Span<const StepId> after = {}) {
    StepId step = graph_.AddStep(kind, shard, std::move(label), ToText(record), inputs, after, made_for);
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
      watch.issuer = paths::Certificate(issuer->signing_stem());
      watch.renewable = issuer->has_key();
    }
    graph_.AddWatch(std::move(watch));
  }

  void LowerCa(size_t index) {
    const CertificateAuthority& ca = cluster_.cas[index];
    uint32_t shard = lowering_.shared;
    PkiSteps::Ca& steps = steps_.cas[index];
    if (ca.origin != CertificateAuthority::Origin::kMade) {
      AdoptCaRecord record;
      record.from = ca.given_certificate;
      if (ca.has_key()) record.key = ca.given_key;
      record.passphrase = ca.key.passphrase;
      record.path = paths::Certificate(ca.name);
      record.renew_before = ca.life.renew_before_seconds;
      steps.cert = Add(StepKind::kAdoptCa, shard, CaLabel(ca.name, "cert"), record, ca.place, {});
      Watch watch;
      watch.step = steps.cert;
      watch.kind = Watch::Kind::kCertificate;
      watch.path = paths::Certificate(ca.name);
      // Used where it is, it is its owner's: any mode is right.
      watch.mode = ca.given_certificate == watch.path ? 0 : kPublicMode;
      watch.renewable = false;
      graph_.AddWatch(std::move(watch));
      return;
    }
    KeyRecord of_key = KeyOf(ca.key, true, 1, ca.stem());
    of_key.exchanged = ca.exchanged;
    StepId key = Add(StepKind::kKey, shard, CaLabel(ca.name, "key"), of_key, ca.place, {});
    WatchFile(key, kKeyMode, paths::Key(ca.stem()));
    StepId csr = Add(StepKind::kCsr, shard, CaLabel(ca.name, "csr"),
                     CsrOf(true, ca.key, ca.stem(), {}, ca.subject), ca.place, {key});
    if (ca.issuer < 0) {
      steps.cert = Add(StepKind::kCaCert, shard, CaLabel(ca.name, "cert"), SelfSigned(ca), ca.place, {key});
      WatchCertificate(steps.cert, paths::Certificate(ca.stem()), nullptr, ca.life);
    } else {
      const CertificateAuthority& issuer = cluster_.cas[ca.issuer];
      std::vector<std::string> usages = {"cert sign", "crl sign"};
      const std::string stem = ca.stem();
      Issued issued{stem,         issuer,      ca.subject,       NoPairs(),          usages,
                    ca.life,      ca.urls,     /*ca=*/true,      ca.max_path_length, /*revoked_before=*/0,
                    ca.permitted, ca.excluded, ca.key.passphrase};
      steps.cert = Add(StepKind::kCert, shard, CaLabel(ca.name, "cert"), CertOf(issued), ca.place,
                       {csr, steps_.cas[ca.issuer].cert},
                       ca.exchanged ? std::vector<StepId>() : AfterTrust(ca.issuer));
      WatchCertificate(steps.cert, paths::Certificate(stem), &issuer, ca.life);
      if (!issuer.has_key()) {
        requests_[ca.issuer].steps.push_back(csr);
        requests_[ca.issuer].files.emplace_back(paths::Request(stem), paths::Certificate(stem));
      }
    }
  }

  void LowerRequest(size_t i) {
    const LeafCertificate& leaf = cluster_.certificates[i];
    uint32_t shard = ShardOf(leaf);
    StepId key =
        Add(StepKind::kKey, shard, absl::StrCat("key/", leaf.name),
            KeyOf(leaf.kind->key, false, leaf.kind->key_generation, leaf.name), leaf.kind->place, {});
    WatchFile(key, kKeyMode, paths::Key(leaf.name));
    steps_.leaves[i].key = key;
    steps_.leaves[i].csr =
        Add(StepKind::kCsr, shard, absl::StrCat("csr/", leaf.name),
            CsrOf(false, leaf.kind->key, leaf.name, leaf.sans, SubjectOf(leaf)), leaf.kind->place, {key});
    if (IssuerOf(i).has_key()) return;
    Requests& requests = requests_[leaf.kind->ca];
    requests.steps.push_back(steps_.leaves[i].csr);
    requests.files.emplace_back(paths::Request(leaf.name), paths::Certificate(leaf.name));
  }

  // The step that says which requests wait for a CA that signs elsewhere.
  void LowerGate(size_t ca) {
    if (requests_[ca].steps.empty()) return;
    RequestsRecord record;
    record.pairs = requests_[ca].files;
    gates_[ca].push_back(Add(StepKind::kRequests, lowering_.shared,
                             CaLabel(cluster_.cas[ca].name, "requests"), record, cluster_.cas[ca].place,
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
    std::vector<StepId> after = gates_[kind.ca];
    for (StepId trust : AfterTrust(kind.ca)) after.push_back(trust);
    steps.cert = Add(StepKind::kCert, ShardOf(leaf), absl::StrCat("cert/", leaf.name), CertOf(issued),
                     kind.place, {steps.csr, steps_.cas[kind.ca].cert}, after);
    WatchCertificate(steps.cert, paths::Certificate(leaf.name), &issuer, kind.life);
    AddToHost(leaf, steps.cert);
    // What a server shows has to hold the intermediates, which nobody who trusts the root needs to know.
    steps.shown = steps.cert;
    steps.shown_path = paths::Certificate(leaf.name);
    if (kind.chain || issuer.issuer >= 0 || issuer.exchanged) {
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
    BundleRecord record;
    int ca = leaf.kind->ca;
    for (; cluster_.cas[ca].issuer >= 0; ca = cluster_.cas[ca].issuer) {
      inputs.push_back(steps_.cas[ca].cert);
      issuers.push_back(paths::Certificate(cluster_.cas[ca].signing_stem()));
    }
    if (cluster_.cas[ca].exchanged && !cluster_.cas[ca].held && form != "pkcs12")
      record.cross = paths::Cross(cluster_.cas[ca].stem());
    record.form = form;
    record.cert = paths::Certificate(leaf.name);
    record.issuers = issuers;
    if (secret) {
      record.key = paths::Key(leaf.name);
      inputs.push_back(steps.key);
    }
    if (form == "pkcs12") {
      record.name = leaf.name;
      record.passphrase = leaf.kind->pkcs12_passphrase;
    }
    record.path = path;
    StepId step = Add(StepKind::kBundle, ShardOf(leaf), absl::StrCat(form, "/", leaf.name), record,
                      leaf.kind->place, inputs);
    WatchFile(step, secret ? kKeyMode : kPublicMode, path);
    AddToHost(leaf, step);
    return step;
  }

  void LowerCrl(size_t i) {
    const CertificateAuthority& ca = cluster_.cas[i];
    if (ca.crl_expiry_seconds == 0) return;
    std::vector<StepId> inputs = {steps_.cas[i].cert};
    CrlRecord record;
    for (const RevokedLeaf& revoked : ca.revoked_leaves) {
      const std::string& name = cluster_.certificates[revoked.certificate].name;
      inputs.push_back(steps_.leaves[revoked.certificate].cert);
      record.certs.push_back(
          {paths::Certificate(name), paths::Superseded(name), revoked.reason, absl::StrCat(revoked.date)});
    }
    for (const RevokedSerial& revoked : ca.revoked_serials) {
      record.serials.push_back(
          {revoked.serial, revoked.reason, revoked.date == 0 ? "" : absl::StrCat(revoked.date)});
    }
    record.path = paths::CrlPem(ca.signing_stem());
    record.der = paths::CrlDer(ca.signing_stem());
    record.expiry = ca.crl_expiry_seconds;
    record.issuer = paths::Certificate(ca.signing_stem());
    record.issuer_key = SigningKey(ca);
    record.issuer_passphrase = ca.key.passphrase;
    StepId step = Add(StepKind::kCrl, lowering_.shared, CaLabel(ca.name, "crl"), record, ca.place, inputs);
    Watch watch;
    watch.step = step;
    watch.kind = Watch::Kind::kCrl;
    watch.mode = kPublicMode;
    watch.path = paths::CrlPem(ca.signing_stem());
    graph_.AddWatch(std::move(watch));
    WatchFile(step, kPublicMode, paths::CrlDer(ca.signing_stem()));
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
  std::optional<StepId> trust_;             // what has new CAs trusted beside those before
  std::vector<Requests> requests_;          // as Cluster::cas
  std::vector<std::vector<StepId>> gates_;  // as Cluster::cas: the step, where there is one
};

}  // namespace

PkiSteps LowerPki(const Lowering& lowering,
                  absl::FunctionRef<std::optional<StepId>(const PkiSteps&)> exchange) {
  return PkiLowering(lowering).Lower(exchange);
}

}  // namespace kplan
