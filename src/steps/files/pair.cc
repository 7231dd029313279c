// A certificate (0644) and its private key (0600), put on a host for a service that reads both again at every
// handshake: the two names never hold a certificate beside another one's key. The certificate's file may have
// the intermediate ones behind it.
//
// A certificate for the key that is there is one rename. Another key is swapped in together with its
// certificate (host/pair_swap.h). Where there is no pair yet, or one that does not belong together, there is
// nothing to keep up: the key goes first, and the certificate, which the readers read first, makes the pair.

#include "src/steps/files/pair.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/host/install_file.h"
#include "src/host/may_write.h"
#include "src/pki/certificate.h"
#include "src/pki/der.h"
#include "src/pki/pem_public.h"
#include "src/step/certificate_changes.h"
#include "src/step/host_outlook.h"
#include "src/step/outlook.h"
#include "src/steps/files/delivery.h"

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

std::string DigestOfPair(const PublicPart& certificate, const std::string& spki) {
  return Sha256Hex(absl::StrCat(certificate.certificates, spki));
}

// The two files of the working folder, as they are or as a step before this one will leave them.
struct Sources {
  PairContent pair;
  // False: a step before will write it, and what will be in it is not known.
  bool certificate_known = false, key_known = false;
  std::string spki;    // the key's, also where its file is not known; empty when that is not known either
  std::string digest;  // of the certificates and the public key; empty when one of them is not known
};

absl::Status ReadSource(const std::string& name, const ForeseenFile* foreseen, Secret* content, bool* known) {
  *known = foreseen == nullptr || foreseen->content.has_value();
  if (foreseen != nullptr) {
    if (*known) *content = Secret(*foreseen->content);
    return absl::OkStatus();
  }
  absl::StatusOr<InstallSource> source = InstallSource::Open(name);
  if (!source.ok()) return source.status();
  absl::StatusOr<Secret> text = source->ReadAll(kMaxPairFile);
  if (!text.ok()) return text.status();
  *content = *std::move(text);
  return absl::OkStatus();
}

absl::StatusOr<Sources> ReadSources(const PairRecord& record, const Foreseen& foreseen) {
  Sources sources;
  const ForeseenFile* foreseen_key = foreseen.Find(record.key_from);
  absl::Status status = ReadSource(record.cert_from, foreseen.Find(record.cert_from),
                                   &sources.pair.certificate, &sources.certificate_known);
  if (status.ok()) status = ReadSource(record.key_from, foreseen_key, &sources.pair.key, &sources.key_known);
  if (!status.ok()) return status;
  PublicPart certificate;
  if (sources.certificate_known) {
    absl::StatusOr<PublicPart> part = OfCertificate(sources.pair.certificate.view());
    if (!part.ok())
      return absl::InvalidArgumentError(absl::StrCat(record.cert_from, " ", part.status().message()));
    certificate = *std::move(part);
  }
  if (sources.key_known) {
    absl::StatusOr<PublicPart> part = OfKey(sources.pair.key.view());
    if (!part.ok())
      return absl::InvalidArgumentError(absl::StrCat(record.key_from, " ", part.status().message()));
    sources.spki = part->spki;
  } else {
    sources.spki = foreseen_key->spki;
  }
  if (!sources.certificate_known || sources.spki.empty()) return sources;
  if (certificate.spki != sources.spki) {
    return absl::FailedPreconditionError(absl::StrCat(record.cert_from,
                                                      " is the certificate of another key than ",
                                                      record.key_from, "; run `kplan gen` and ninja again"));
  }
  sources.digest = DigestOfPair(certificate, sources.spki);
  return sources;
}

struct Targets {
  InstallTarget certificate, key;
};

absl::StatusOr<Targets> ReadTargets(const PairRecord& record) {
  absl::StatusOr<InstallTarget> certificate = MakeInstallTarget(record.root, record.cert_path, 0644, "");
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<InstallTarget> key = MakeInstallTarget(record.root, record.key_path, 0600, record.owner);
  if (!key.ok()) return key.status();
  if (certificate->split.folder != key->split.folder || record.cert_path == record.key_path) {
    return absl::InvalidArgumentError(
        absl::StrCat(record.cert_path, " and ", record.key_path, " are not two files of one folder"));
  }
  return Targets{*std::move(certificate), *std::move(key)};
}

// What is there, beside what has to be.
struct Comparison {
  PairSwap::State state;
  PairContent now;
  std::string common_spki;  // of what is there
  bool put_certificate = false, put_key = false;
  bool other_certificate = false, other_key = false;  // than what is there, where something is
  std::vector<Reason> reasons;                        // empty: nothing is to be done
  std::vector<Change> changes;                        // of modes and owners
};

// Whether the file has to be written again; adds what of its attributes differs to RESULT.
bool Differs(const HostFileState& state, bool linked, const InstallTarget& target, bool same_content,
             Comparison* result) {
  if (!state.exists || linked) return !state.exists || !same_content;
  std::vector<AttributeDifference> attributes = AttributeDifferences(state, target.mode, target.owner);
  AddAttributes(attributes, target.split.name, &result->reasons, &result->changes);
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
  // What is not known yet is another one.
  const bool same_certificate =
      sources.certificate_known && result.now.certificate.view() == sources.pair.certificate.view();
  const bool same_key = sources.key_known && result.now.key.view() == sources.pair.key.view();
  if (!same_certificate || !same_key) result.common_spki = CommonSpki(result.now);

  std::vector<Reason>& reasons = result.reasons;
  if (result.state.linked()) reasons.push_back({"unfinished", "a swap was cut short"});
  for (auto [file, target] : {std::pair(&certificate, &targets.certificate), std::pair(&key, &targets.key)}) {
    if (file->exists) continue;
    reasons.push_back({"missing", absl::StrCat(target->split.name, " was missing")});
  }
  const bool other_certificate = certificate.exists && !same_certificate, other_key = key.exists && !same_key;
  if (other_certificate && other_key) reasons.push_back({"content", "certificate and key differ"});
  if (other_certificate && !other_key) reasons.push_back({"content", "certificate differs"});
  if (!other_certificate && other_key) reasons.push_back({"key", "key differs"});
  if ((other_certificate || other_key) && certificate.exists && key.exists && result.common_spki.empty()) {
    reasons.push_back({"pair", "they did not belong together"});
  }
  result.other_certificate = other_certificate;
  result.other_key = other_key;
  result.put_certificate =
      Differs(certificate, result.state.certificate_linked, targets.certificate, same_certificate, &result);
  result.put_key = Differs(key, result.state.key_linked, targets.key, same_key, &result);
  if (!certificate.exists && !key.exists) reasons = {{"missing", "missing"}};
  if (reasons.empty() && result.state.left_over) {
    reasons = {{"unfinished", "a run that was cut short left something behind"}};
  }
  return result;
}

// FOUND: as Compare() gave it under the lock.
absl::Status MakeRight(const PairSwap& swap, const Targets& targets, const Sources& sources,
                       Comparison found) {
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

std::string Doing(const PairRecord& record, const Targets& targets) {
  return absl::StrCat("cannot install ", record.cert_from, " and ", record.key_from, " as ",
                      targets.certificate.shown(), " and ", targets.key.shown());
}

// What of the certificate and of the key will be another one, and whether the step's digest will.
void LookAtContent(const Comparison& found, const Sources& sources, const ForeseenFile* foreseen,
                   Outlook* outlook) {
  const absl::string_view certificate = found.now.certificate.view();
  std::vector<Change> changes;
  if (found.other_certificate && sources.certificate_known) {
    changes = ContentChanges(certificate, sources.pair.certificate.view());
  } else if (found.other_certificate && foreseen != nullptr && foreseen->certificate != nullptr) {
    changes = ContentChanges(certificate, *foreseen->certificate);
  }
  absl::StatusOr<PublicPart> old_certificate = OfCertificate(certificate),
                             old_key = OfKey(found.now.key.view());
  // Where the certificate is read, it says which key it is for.
  const bool told =
      std::any_of(changes.begin(), changes.end(), [](const Change& change) { return change.what == "key"; });
  if (found.other_key && old_key.ok() && !told && !sources.spki.empty() && old_key->spki != sources.spki) {
    changes.push_back({"key", KeyFingerprint(old_key->spki), KeyFingerprint(sources.spki)});
  }
  outlook->changes.insert(outlook->changes.begin(), changes.begin(), changes.end());
  outlook->changes_digest = sources.digest.empty() || !old_certificate.ok() || !old_key.ok() ||
                            DigestOfPair(*old_certificate, old_key->spki) != sources.digest;
}

// Whether who runs this may put them there.
absl::Status CheckMayInstall(const Targets& targets, const std::string& doing) {
  for (const InstallTarget* target : {&targets.certificate, &targets.key}) {
    absl::Status status = CheckMayWrite(WriteDeed::kReplace, target->root, target->path, target->owner);
    if (!status.ok()) return ExplainHostError(status, doing);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StepResult> InstallPair(const PairRecord& record, PairSwapOptions options) {
  absl::StatusOr<Targets> read = ReadTargets(record);
  if (!read.ok()) return read.status();
  const Targets& targets = *read;
  const std::string doing = Doing(record, targets);
  absl::StatusOr<Sources> sources = ReadSources(record, Foreseen());
  if (!sources.ok()) return InFront(doing, sources.status());

  PairSwap swap(targets.certificate, targets.key, options);
  absl::StatusOr<Comparison> found = Compare(swap, targets, *sources);
  if (!found.ok()) return ExplainHostError(found.status(), doing);
  StepResult result;
  if (!found->reasons.empty() || found->state.locked) {
    if (absl::Status status = CheckMayInstall(targets, doing); !status.ok()) return status;
    absl::StatusOr<PendingFile> lock = swap.Lock();
    if (!lock.ok()) return ExplainHostError(lock.status(), doing);
    // Another process may have changed it before we had the lock.
    found = Compare(swap, targets, *sources);
    if (!found.ok()) return ExplainHostError(found.status(), doing);
    result.reason = Join(found->reasons);
    absl::Status status = MakeRight(swap, targets, *sources, *std::move(found));
    if (!status.ok()) return ExplainHostError(status, doing);
  }
  result.files = {targets.certificate.shown(), targets.key.shown()};
  result.digest = sources->digest;
  return result;
}

absl::StatusOr<StepResult> PairStep(const StepContext& context, const PairRecord& record) {
  PairSwapOptions options;
  options.clock = context.clock;
  return InstallPair(record, options);
}

absl::StatusOr<Outlook> PairLook(const LookContext& context, const PairRecord& record) {
  absl::StatusOr<Targets> read = ReadTargets(record);
  if (!read.ok()) return read.status();
  const Targets& targets = *read;
  const std::string doing = Doing(record, targets);
  absl::StatusOr<Sources> sources = ReadSources(record, context.foreseen);
  if (!sources.ok()) return InFront(doing, sources.status());
  PairSwap swap(targets.certificate, targets.key);
  absl::StatusOr<Comparison> found = Compare(swap, targets, *sources);
  if (!found.ok()) return ExplainHostError(found.status(), doing);

  Outlook outlook;
  outlook.reasons = std::move(found->reasons);
  outlook.changes = std::move(found->changes);
  outlook.digest = sources->digest;
  if (outlook.reasons.empty()) return outlook;
  if (absl::Status status = CheckMayInstall(targets, doing); !status.ok()) return status;
  const ForeseenFile* foreseen = context.foreseen.Find(record.cert_from);
  LookAtContent(*found, *sources, foreseen, &outlook);
  if (found->put_certificate) {
    ForeseenFile file;
    if (foreseen != nullptr) file = *foreseen;
    if (sources->certificate_known) file.content = std::string(sources->pair.certificate.view());
    outlook.files.emplace_back(targets.certificate.shown(), std::move(file));
  }
  if (found->put_key) {
    ForeseenFile file;
    if (!found->other_key) file.spki = sources->spki;
    outlook.files.emplace_back(targets.key.shown(), std::move(file));
  }
  return outlook;
}

absl::StatusOr<Delivery> PairDelivery(const LookContext& context, const PairRecord& record) {
  absl::StatusOr<Sources> sources = ReadSources(record, context.foreseen);
  if (!sources.ok()) {
    return InFront(absl::StrCat("cannot install ", record.cert_from, " and ", record.key_from),
                   sources.status());
  }
  Delivery delivery;
  delivery.digest = std::move(sources->digest);
  ForeseenFile certificate, key;
  if (const ForeseenFile* foreseen = context.foreseen.Find(record.cert_from); foreseen != nullptr)
    certificate = *foreseen;
  if (sources->certificate_known) certificate.content = std::string(sources->pair.certificate.view());
  key.spki = std::move(sources->spki);
  delivery.files.push_back({record.cert_path, record.cert_from, /*secret=*/false, std::move(certificate)});
  delivery.files.push_back({record.key_path, record.key_from, /*secret=*/true, std::move(key)});
  return delivery;
}

absl::StatusOr<Standing> PairStanding(const PairRecord& record) {
  absl::StatusOr<Targets> targets = ReadTargets(record);
  if (!targets.ok()) return targets.status();
  auto fail = [&](const absl::Status& status) {
    return ExplainHostError(
        status, absl::StrCat("cannot look at ", targets->certificate.shown(), " and ", targets->key.shown()));
  };
  PairSwap swap(targets->certificate, targets->key);
  absl::StatusOr<PairSwap::State> state = swap.Look();
  if (!state.ok()) return fail(state.status());
  absl::StatusOr<PairContent> now = swap.Read(*state);
  if (!now.ok()) return fail(now.status());
  // By the step's own comparison, with what is there in the place of what should be.
  Sources same;
  same.certificate_known = same.key_known = true;
  same.pair = *std::move(now);
  absl::StatusOr<Comparison> found = Compare(swap, *targets, same);
  if (!found.ok()) return fail(found.status());
  Standing standing;
  standing.reasons = std::move(found->reasons);
  absl::StatusOr<PublicPart> certificate = OfCertificate(found->now.certificate.view());
  absl::StatusOr<PublicPart> key = OfKey(found->now.key.view());
  const bool both = found->state.certificate.exists && found->state.key.exists;
  if (both && (!certificate.ok() || !key.ok() || certificate->spki != key->spki)) {
    standing.reasons.push_back({"pair", "they do not belong together"});
  } else if (both) {
    standing.digest = DigestOfPair(*certificate, key->spki);
  }
  return standing;
}

absl::Status CheckMayPutPair(const PairRecord& record) {
  absl::StatusOr<Targets> targets = ReadTargets(record);
  return targets.ok() ? CheckMayInstall(*targets, Doing(record, *targets)) : targets.status();
}

}  // namespace kplan
