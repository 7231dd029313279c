// install-pair: {"cert-from":"pki/x.pem","cert-path":"/etc/etcd/x.pem","key-from":"pki/x-key.pem",
//                "key-path":"/etc/etcd/x-key.pem","kind":"install-pair","owner":"etcd","root":"./rootfs"}
//                (owner: the key's, see host_owner.h; optional. Both paths are in one folder.)
// A certificate (0644) and its private key (0600), put on a host for a service that reads both again at every
// handshake: the two names never hold a certificate beside another one's key. The certificate's file may have
// the intermediate ones behind it.
//
// A certificate for the key that is there is one rename. Another key is swapped in together with its
// certificate (pair_swap.h). Where there is no pair yet, or one that does not belong together, there is
// nothing to keep up: the key goes first, and the certificate, which the readers read first, makes the pair.

#include "src/steps/install_pair.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/digest.h"
#include "src/steps/certificate.h"
#include "src/steps/der.h"
#include "src/steps/install_file.h"
#include "src/steps/pem_public.h"

namespace kplan {
namespace {

// What may be known of one of the two files. SPKI: SubjectPublicKeyInfo (RFC 5280 4.1.2.7).
struct PublicPart {
  std::string spki;
  std::string certificates;  // DER, one after another
};

// InvalidArgument, to be read behind the file's name.
absl::StatusOr<PublicPart> OfCertificate(absl::string_view pem) {
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(pem);
  if (!blocks.ok()) return absl::InvalidArgumentError("holds no certificate that can be read");
  PublicPart part;
  for (const PemBlock& block : *blocks) {
    if (absl::EndsWith(block.label, "PRIVATE KEY")) {
      return absl::InvalidArgumentError("holds a private key, and everybody may read it where it goes");
    }
    if (block.label != "CERTIFICATE") continue;
    absl::StatusOr<Certificate> certificate = Certificate::Parse(block.der.view());
    if (!certificate.ok()) return absl::InvalidArgumentError("holds a damaged certificate");
    if (part.spki.empty()) part.spki = certificate->spki;  // the first one is the server's own
    absl::StrAppend(&part.certificates, block.der.view());
  }
  if (part.spki.empty()) return absl::InvalidArgumentError("holds no certificate");
  return part;
}

absl::StatusOr<PublicPart> OfKey(absl::string_view pem) {
  absl::StatusOr<std::string> both = PublicPartOfPem(pem);
  if (!both.ok()) return both.status();
  PublicPart part;
  part.spki = std::string(DerReader(*both).Read(V_ASN1_SEQUENCE).whole);
  return part;
}

// The SPKI that certificate and key share; empty when they do not.
std::string CommonSpki(const PairContent& pair) {
  absl::StatusOr<PublicPart> certificate = OfCertificate(pair.certificate.view());
  absl::StatusOr<PublicPart> key = OfKey(pair.key.view());
  return certificate.ok() && key.ok() && certificate->spki == key->spki ? key->spki : "";
}

struct Sources {
  PairContent pair;
  std::string spki;
  std::string digest;  // of the certificates and the public key
};

absl::StatusOr<Sources> ReadSources(const std::string& certificate_name, const std::string& key_name) {
  Sources sources;
  for (auto [name, content] :
       {std::pair(&certificate_name, &sources.pair.certificate), std::pair(&key_name, &sources.pair.key)}) {
    absl::StatusOr<InstallSource> source = InstallSource::Open(*name);
    if (!source.ok()) return source.status();
    absl::StatusOr<Secret> text = source->ReadAll(kMaxPairFile);
    if (!text.ok()) return text.status();
    *content = *std::move(text);
  }
  absl::StatusOr<PublicPart> certificate = OfCertificate(sources.pair.certificate.view());
  if (!certificate.ok())
    return absl::InvalidArgumentError(absl::StrCat(certificate_name, " ", certificate.status().message()));
  absl::StatusOr<PublicPart> key = OfKey(sources.pair.key.view());
  if (!key.ok()) return absl::InvalidArgumentError(absl::StrCat(key_name, " ", key.status().message()));
  if (certificate->spki != key->spki) {
    return absl::FailedPreconditionError(absl::StrCat(certificate_name,
                                                      " is the certificate of another key than ", key_name,
                                                      "; run `kplan gen` and ninja again"));
  }
  sources.spki = key->spki;
  sources.digest = Sha256Hex(absl::StrCat(certificate->certificates, key->spki));
  return sources;
}

struct Targets {
  InstallTarget certificate, key;
};

absl::StatusOr<Targets> ReadTargets(const Record& record) {
  std::string certificate_path = record.String("cert-path"), key_path = record.String("key-path");
  std::string owner = record.StringOr("owner", ""), root = record.String("root");
  if (absl::Status status = record.status(); !status.ok()) return status;
  absl::StatusOr<InstallTarget> certificate = MakeInstallTarget(root, certificate_path, 0644, "");
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<InstallTarget> key = MakeInstallTarget(root, key_path, 0600, owner);
  if (!key.ok()) return key.status();
  if (certificate->split.folder != key->split.folder || certificate_path == key_path) {
    return absl::InvalidArgumentError(
        absl::StrCat(certificate_path, " and ", key_path, " are not two files of one folder"));
  }
  return Targets{*std::move(certificate), *std::move(key)};
}

// What is there, beside what has to be.
struct Comparison {
  PairSwap::State state;
  PairContent now;
  std::string common_spki;  // of what is there
  bool put_certificate = false, put_key = false;
  std::string reason;  // empty: nothing is to be done
};

// Whether the file has to be written again; adds what of its attributes differs to *REASONS.
bool Differs(const HostFileState& state, bool linked, const InstallTarget& target, bool same_content,
             std::vector<std::string>* reasons) {
  if (!state.exists || linked) return !state.exists || !same_content;
  std::vector<std::string> attributes = AttributeDifferences(state, target.mode, target.owner);
  for (const std::string& attribute : attributes) {
    reasons->push_back(absl::StrCat(target.split.name, ": ", attribute));
  }
  return !same_content || !attributes.empty();
}

absl::StatusOr<Comparison> Compare(const PairSwap& swap, const Targets& targets, const Sources& sources) {
  absl::StatusOr<PairSwap::State> state = swap.Look();
  if (!state.ok()) return state.status();
  absl::StatusOr<PairContent> now = swap.Read(*state);
  if (!now.ok()) return now.status();
  Comparison result;
  result.state = *std::move(state);
  result.now = *std::move(now);
  const HostFileState &certificate = result.state.certificate, &key = result.state.key;
  const bool same_certificate = result.now.certificate.view() == sources.pair.certificate.view();
  const bool same_key = result.now.key.view() == sources.pair.key.view();
  if (!same_certificate || !same_key) result.common_spki = CommonSpki(result.now);

  std::vector<std::string> reasons;
  if (result.state.linked()) reasons.push_back("a swap was cut short");
  if (!certificate.exists) reasons.push_back(absl::StrCat(targets.certificate.split.name, " was missing"));
  if (!key.exists) reasons.push_back(absl::StrCat(targets.key.split.name, " was missing"));
  const bool other_certificate = certificate.exists && !same_certificate, other_key = key.exists && !same_key;
  if (other_certificate && other_key) reasons.push_back("certificate and key differ");
  if (other_certificate && !other_key) reasons.push_back("certificate differs");
  if (!other_certificate && other_key) reasons.push_back("key differs");
  if ((other_certificate || other_key) && certificate.exists && key.exists && result.common_spki.empty()) {
    reasons.push_back("they did not belong together");
  }
  result.put_certificate =
      Differs(certificate, result.state.certificate_linked, targets.certificate, same_certificate, &reasons);
  result.put_key = Differs(key, result.state.key_linked, targets.key, same_key, &reasons);
  if (!certificate.exists && !key.exists) reasons = {"missing"};
  if (reasons.empty() && result.state.left_over) reasons = {"a run that was cut short left something behind"};
  result.reason = absl::StrJoin(reasons, "; ");
  return result;
}

// FOUND: as Compare() gave it under the lock.
absl::Status Change(const PairSwap& swap, const Targets& targets, const Sources& sources, Comparison found) {
  if (found.state.linked() || found.state.left_over) {
    if (absl::Status status = swap.Settle(found.state, found.now); !status.ok()) return status;
    absl::StatusOr<Comparison> settled = Compare(swap, targets, sources);
    if (!settled.ok()) return settled.status();
    found = *std::move(settled);
  }
  if (!found.common_spki.empty() && found.common_spki != sources.spki)
    return swap.Swap(found.now, sources.pair);
  if (found.put_key) {
    if (absl::Status status = swap.PutKey(sources.pair); !status.ok()) return status;
  }
  return found.put_certificate ? swap.PutCertificate(sources.pair) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<StepResult> InstallPair(const Record& record, PairSwapOptions options) {
  std::string certificate_from = record.String("cert-from"), key_from = record.String("key-from");
  absl::StatusOr<Targets> targets = ReadTargets(record);
  if (!targets.ok()) return targets.status();
  const std::string doing = absl::StrCat("cannot install ", certificate_from, " and ", key_from, " as ",
                                         targets->certificate.shown(), " and ", targets->key.shown());
  absl::StatusOr<Sources> sources = ReadSources(certificate_from, key_from);
  if (!sources.ok()) return InFront(doing, sources.status());

  PairSwap swap(targets->certificate, targets->key, options);
  absl::StatusOr<Comparison> found = Compare(swap, *targets, *sources);
  if (!found.ok()) return ExplainHostError(found.status(), doing);
  StepResult result;
  if (!found->reason.empty() || found->state.locked) {
    absl::StatusOr<PendingFile> lock = swap.Lock();
    if (!lock.ok()) return ExplainHostError(lock.status(), doing);
    // Another process may have changed it before we had the lock.
    found = Compare(swap, *targets, *sources);
    if (!found.ok()) return ExplainHostError(found.status(), doing);
    result.reason = found->reason;
    absl::Status status = Change(swap, *targets, *sources, *std::move(found));
    if (!status.ok()) return ExplainHostError(status, doing);
  }
  result.files = {targets->certificate.shown(), targets->key.shown()};
  result.digest = sources->digest;
  return result;
}

absl::StatusOr<StepResult> InstallPairStep(const StepContext&, const Record& record) {
  return InstallPair(record, PairSwapOptions());
}

}  // namespace kplan
