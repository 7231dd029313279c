#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/artifact_file.h"
#include "src/pki/certificate.h"
#include "src/pki/certificate_check.h"
#include "src/pki/crl_due.h"
#include "src/pki/issue.h"
#include "src/pki/issuer_check.h"
#include "src/pki/passphrase.h"
#include "src/pki/private_key.h"
#include "src/pki/revocation_list.h"
#include "src/pki/usages.h"
#include "src/step/foresee.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/pki/crl_entries.h"

// A certificate revocation list (RFC 5280 5), in PEM and in DER. Reasons by their RFC 5280 names. Digest: of
// the DER.
//
// Both files hold the same CRL. The PEM is written first; when a kill comes between the two, the one with the
// higher number is the newer, and the next run copies it over the other. So a number never stands for two
// CRLs. The CA's key is read only when something is to be signed.

namespace kplan {
namespace {

// The shortest expiry. Two thirds of one below 8 minutes and 15 seconds would be over at once (ValidityFrom
// in pki/issue.h).
constexpr int64_t kMinExpiry = 600;

struct Spec {
  std::string path, der, issuer, issuer_key;
  PassphraseSource passphrase;
  int64_t expiry = 0;  // seconds from thisUpdate to nextUpdate
};

// One of the two files.
struct Copy {
  std::string path;
  bool exists = false;
  std::shared_ptr<const RevocationList> list;  // null when it is missing or damaged
  bool valid = false;                          // list is the issuer's
};

// What is on disk, and what has to become of it.
struct Found {
  Copy pem, der;
  std::shared_ptr<const RevocationList> current;  // the valid one with the highest number, if there is one
  std::vector<WantedEntry> wanted;
  std::vector<Reason> reasons;  // why another one has to be signed; empty when the current one stands
  std::vector<Reason> repairs;  // and then, what is wrong with a file that does not hold it
};

absl::StatusOr<Spec> ReadSpec(const CrlRecord& record) {
  Spec spec = {record.path,  record.der, record.issuer, record.issuer_key, record.issuer_passphrase,
               record.expiry};
  if (spec.expiry < kMinExpiry) {
    return absl::InvalidArgumentError(absl::StrCat("an expiry of ", DurationText(spec.expiry),
                                                   " is too short for a CRL, which starts 5 minutes before "
                                                   "it is made; take 10m or more"));
  }
  return spec;
}

// The copy in PATH; OTHER, if there is one, is that in the other file, with which it usually agrees. No copy
// is valid when ISSUER is not known (null).
absl::StatusOr<Copy> ReadCopy(const std::string& path, bool pem, const Certificate* issuer,
                              const Copy* other) {
  Copy copy;
  copy.path = path;
  absl::StatusOr<std::string> bytes = ReadFile(path, kMaxCrlFile);
  if (absl::IsNotFound(bytes.status())) return copy;
  copy.exists = true;
  if (absl::IsOutOfRange(bytes.status())) return copy;
  if (!bytes.ok()) return bytes.status();
  if (other != nullptr && other->list != nullptr && other->list->der == *bytes) {
    copy.list = other->list;
    copy.valid = other->valid;
    return copy;
  }
  absl::StatusOr<RevocationList> list =
      pem ? RevocationList::ParsePem(*bytes) : RevocationList::Parse(*bytes);
  if (absl::IsDataLoss(list.status())) return copy;
  if (!list.ok())
    return absl::Status(list.status().code(), absl::StrCat(path, ": ", list.status().message()));
  copy.valid = issuer != nullptr && list->NamesAsIssuer(*issuer) && list->IsSignedBy(*issuer);
  copy.list = std::make_shared<const RevocationList>(*std::move(list));
  return copy;
}

// Every reason for which LIST, which is the issuer's, is not the CRL that is wanted.
std::vector<Reason> Differences(const RevocationList& list, const std::vector<RevokedEntry>& entries,
                                int64_t expiry, absl::Time now) {
  std::vector<Reason> reasons;
  if (!list.complete) {
    reasons.push_back({"form", "it is not a whole CRL of version 2 with a number and an end"});
  }
  if (std::string difference = EntriesDifference(entries, list.entries); !difference.empty()) {
    reasons.push_back({"revoked", absl::StrCat("revoked entries differ: ", difference)});
  }
  if (std::optional<Reason> time = CrlTimeReason(list.validity, expiry, now); time.has_value()) {
    reasons.push_back(*std::move(time));
  }
  return reasons;
}

bool Holds(const Copy& copy, const RevocationList& current) {
  return copy.list != nullptr && copy.list->der == current.der;
}

// Why COPY does not hold CURRENT, if it does not.
void AddCopyDifference(const Copy& copy, const RevocationList& current, std::vector<Reason>* reasons) {
  if (Holds(copy, current)) return;
  auto add = [&](absl::string_view name, absl::string_view what) {
    reasons->push_back({name, absl::StrCat(copy.path, what)});
  };
  if (!copy.exists) {
    add("missing", " was missing");
  } else if (copy.list == nullptr) {
    add("damaged", " was damaged");
  } else {
    add("content", copy.valid ? " was an older CRL" : " was not the issuer's");
  }
}

// ISSUER is null for a look before its key is made.
absl::StatusOr<Found> Look(const Spec& spec, const CrlRecord& record, const Certificate* issuer,
                           absl::Time now, const Foreseen& foreseen) {
  Found found;
  if (issuer != nullptr) {
    absl::StatusOr<std::vector<WantedEntry>> wanted = WantedEntries(record, *issuer, foreseen);
    if (!wanted.ok()) return wanted.status();
    found.wanted = *std::move(wanted);
  }
  absl::StatusOr<Copy> pem = ReadCopy(spec.path, /*pem=*/true, issuer, nullptr);
  if (!pem.ok()) return pem.status();
  absl::StatusOr<Copy> der = ReadCopy(spec.der, /*pem=*/false, issuer, &*pem);
  if (!der.ok()) return der.status();

  if (pem->valid) found.current = pem->list;
  if (der->valid && (found.current == nullptr || SerialLess(found.current->number, der->list->number))) {
    found.current = der->list;
  }
  if (found.current != nullptr) {
    std::vector<RevokedEntry> entries =
        ResolveEntries(found.wanted, found.current->entries, absl::ToUnixSeconds(now));
    found.reasons = Differences(*found.current, entries, spec.expiry, now);
    if (found.reasons.empty()) {
      for (const Copy* copy : {&*pem, &*der}) AddCopyDifference(*copy, *found.current, &found.repairs);
    }
  } else if (!pem->exists && !der->exists) {
    found.reasons = {{"missing", "missing"}};
  } else if (pem->list == nullptr && der->list == nullptr) {
    found.reasons = {{"damaged", "damaged"}};
  } else {
    const RevocationList& list = pem->list != nullptr ? *pem->list : *der->list;
    if (issuer != nullptr && list.NamesAsIssuer(*issuer)) {
      found.reasons = {{"signature", "its signature is not its issuer's"}};
    } else {
      found.reasons = {{"issuer", "issuer changed"}};
    }
  }
  found.pem = *std::move(pem);
  found.der = *std::move(der);
  return found;
}

// The number after that of the CRLs in FOUND, as octets. It never goes down: RFC 5280 5.2.3.
std::string NextNumber(const Found& found, absl::Time now) {
  // A number that nobody signed counts as long as it is one that could have been counted up to, so that a
  // damaged file cannot use the numbers up.
  constexpr size_t kMaxUnsignedNumber = 8;
  std::string number;
  bool known = false;
  for (const Copy* copy : {&found.pem, &found.der}) {
    if (copy->list == nullptr) continue;
    if (found.current == nullptr ? copy->list->number.size() > kMaxUnsignedNumber : !copy->valid) continue;
    known = true;
    if (SerialLess(number, copy->list->number)) number = copy->list->number;
  }
  if (!known && (found.pem.exists || found.der.exists)) {
    // There were CRLs, and their numbers cannot be read any more. Seconds run faster than CRLs are signed.
    std::string hex = absl::StrCat(absl::Hex(absl::ToUnixSeconds(now), absl::kZeroPad16));
    number = absl::HexStringToBytes(hex);
    number.erase(0, number.find_first_not_of('\0'));
  }
  size_t at = number.size();
  while (at > 0 && number[at - 1] == '\xff') number[--at] = '\0';
  if (at == 0) return absl::StrCat("\x01", number);
  ++number[at - 1];
  return number;
}

// What is to be signed, besides the number.
struct Draft {
  std::vector<RevokedEntry> entries;
  Validity validity;
};

// ISSUER_SPKI: of its key, null when that is not known.
absl::StatusOr<Draft> MakeDraft(const Spec& spec, const Found& found, const Certificate& issuer,
                                const std::string* issuer_spki, absl::Time now) {
  absl::Status fit = CheckSigner({spec.issuer, issuer, spec.issuer_key, issuer_spki}, kCrlSign, now);
  if (!fit.ok()) return fit;
  const int64_t seconds = absl::ToUnixSeconds(now);
  std::vector<RevokedEntry> previous;
  if (found.current != nullptr) previous = found.current->entries;
  // Dates that were taken from a clock that was ahead.
  for (RevokedEntry& entry : previous) entry.date = std::min(entry.date, seconds);
  std::vector<RevokedEntry> entries = ResolveEntries(found.wanted, previous, seconds);
  for (const RevokedEntry& entry : entries) {
    if (entry.date <= seconds) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("serial ", SerialText(entry.serial), " is to be revoked on ", TimeText(entry.date),
                     ", which is still to come, and a CRL revokes at once; take a date that has passed, or "
                     "is the clock wrong?"));
  }
  absl::StatusOr<Validity> validity = ValidityFrom(now, spec.expiry);
  if (!validity.ok()) return validity.status();
  if (validity->not_before < issuer.not_before) {
    *validity = {issuer.not_before, issuer.not_before + spec.expiry};
  }
  return Draft{std::move(entries), *validity};
}

absl::StatusOr<RevocationList> Sign(const Spec& spec, const Found& found, const Certificate& issuer,
                                    absl::Time now) {
  absl::StatusOr<PrivateKey> issuer_key = PrivateKey::ReadUsable(spec.issuer_key, spec.passphrase);
  if (!issuer_key.ok()) return issuer_key.status();
  absl::StatusOr<Draft> draft = MakeDraft(spec, found, issuer, &issuer_key->spki(), now);
  if (!draft.ok()) return draft.status();
  absl::StatusOr<RevocationList> made =
      RevocationList::Make(draft->entries, NextNumber(found, now), draft->validity, issuer, *issuer_key);
  if (!made.ok()) return made.status();
  std::string wrong = Join(Differences(*made, draft->entries, spec.expiry, now));
  if (!made->NamesAsIssuer(issuer) || !made->IsSignedBy(issuer)) wrong = "its signature is not its issuer's";
  if (!wrong.empty()) {
    return absl::InternalError(absl::StrCat("the CRL made for ", spec.path, " fails its own check: ", wrong));
  }
  return made;
}

// What a person should know of the serial numbers that are not among ENTRIES, the new ones.
std::string Released(const Spec& spec, const Found& found, const std::vector<RevokedEntry>& entries) {
  if (found.current == nullptr) return "";
  std::vector<std::string> released = SerialsMissing(found.current->entries, entries);
  if (released.empty()) return "";
  return absl::StrCat(spec.path, " no longer revokes ", SerialsText(released),
                      ": what it was issued for is trusted again until it expires");
}

// Foresees the CRL when another one has to be signed, and the errors that Sign would end with. Only a look
// needs it.
absl::Status ForeseeSigning(const Spec& spec, const Found& found, const Certificate* issuer,
                            const LookContext& context, Outlook* outlook) {
  absl::StatusOr<SeenKey> key = SeeKey(spec.issuer_key, spec.passphrase, context.foreseen);
  if (!key.ok()) return key.status();
  outlook->reasons = found.reasons;
  outlook->changes_digest = true;
  for (const std::string& path : {spec.path, spec.der}) outlook->files.emplace_back(path, ForeseenFile());
  if (issuer == nullptr) return absl::OkStatus();
  absl::StatusOr<Draft> draft = MakeDraft(spec, found, *issuer, key->known(), context.now);
  if (!draft.ok()) return draft.status();
  outlook->note = Released(spec, found, draft->entries);
  if (found.current == nullptr) return absl::OkStatus();
  const RevocationList& current = *found.current;
  outlook->changes = EntryChanges(current.entries, draft->entries);
  auto add = [outlook](const char* what, std::string from, std::string to) {
    if (from != to) outlook->changes.push_back({what, std::move(from), std::move(to)});
  };
  auto life = [](const Validity& validity) { return DurationText(validity.not_after - validity.not_before); };
  add("expiry", life(current.validity), life(draft->validity));
  add("until", TimeText(current.validity.not_after), TimeText(draft->validity.not_after));
  return absl::OkStatus();
}

// Foresees what is written when the current CRL stands. Only a look needs it.
absl::Status ForeseeRepairs(const Found& found, Outlook* outlook) {
  outlook->digest = Sha256Hex(found.current->der);
  outlook->reasons = found.repairs;
  for (const Copy* copy : {&found.pem, &found.der}) {
    if (!Holds(*copy, *found.current)) {
      ForeseenFile file;
      file.content = copy == &found.pem ? found.current->ToPem() : found.current->der;
      outlook->files.emplace_back(copy->path, std::move(file));
      continue;
    }
    absl::Status status =
        AddFileDifferences(PublicFileDifferences(copy->path), absl::StrCat(copy->path, ": "), outlook);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StepResult> CrlStep(const StepContext& context, const CrlRecord& record) {
  absl::StatusOr<Spec> spec = ReadSpec(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<Certificate> issuer = Certificate::Read(spec->issuer);
  if (!issuer.ok()) return issuer.status();

  StepResult result;
  result.files = {spec->path, spec->der};
  absl::StatusOr<FolderLock> lock = absl::NotFoundError("not needed yet");
  absl::StatusOr<Found> found = absl::UnknownError("not looked at yet");
  // Twice when there is something to do: another run may be at it, and whoever comes second takes what the
  // first one made.
  for (int round = 0; round < 2; ++round) {
    if (round == 1) lock = FolderLock::Acquire(spec->path);
    if (round == 1 && !lock.ok()) return lock.status();
    found = Look(*spec, record, &*issuer, context.now, Foreseen());
    if (!found.ok()) return found.status();
    if (found->reasons.empty() && found->repairs.empty()) break;
  }

  result.reason = JoinReasons(Join(found->reasons), Join(found->repairs));
  absl::StatusOr<RevocationList> made = absl::NotFoundError("not needed");
  const RevocationList* list = found->current.get();
  if (!found->reasons.empty()) {
    made = Sign(*spec, *found, *issuer, context.now);
    if (!made.ok()) return made.status();
    list = &*made;
    result.output = Released(*spec, *found, made->entries);
  }
  if (!Holds(found->pem, *list)) {
    if (absl::Status status = WriteFile(spec->path, list->ToPem(), 0644); !status.ok()) return status;
  }
  if (!Holds(found->der, *list)) {
    if (absl::Status status = WriteFile(spec->der, list->der, 0644); !status.ok()) return status;
  }
  for (const std::string& path : result.files) {
    absl::StatusOr<std::string> mode = PublishFile(path);
    if (!mode.ok()) return mode.status();
    if (!mode->empty()) result.reason = JoinReasons(result.reason, absl::StrCat(path, ": ", *mode));
  }
  result.digest = Sha256Hex(list->der);
  return result;
}

absl::StatusOr<Outlook> CrlLook(const LookContext& context, const CrlRecord& record) {
  absl::StatusOr<Spec> spec = ReadSpec(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<std::shared_ptr<const Certificate>> issuer = SeeCertificate(spec->issuer, context.foreseen);
  if (!issuer.ok()) return issuer.status();
  absl::StatusOr<Found> found = Look(*spec, record, issuer->get(), context.now, context.foreseen);
  if (!found.ok()) return found.status();

  Outlook outlook;
  absl::Status status = found->reasons.empty()
                            ? ForeseeRepairs(*found, &outlook)
                            : ForeseeSigning(*spec, *found, issuer->get(), context, &outlook);
  if (!status.ok()) return status;
  return outlook;
}

}  // namespace kplan
