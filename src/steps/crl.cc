#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/usages.h"
#include "src/steps/artifact_file.h"
#include "src/steps/certificate.h"
#include "src/steps/crl_due.h"
#include "src/steps/crl_entries.h"
#include "src/steps/issue.h"
#include "src/steps/issuer_check.h"
#include "src/steps/passphrase.h"
#include "src/steps/private_key.h"
#include "src/steps/revocation_list.h"
#include "src/steps/step.h"

// A certificate revocation list (RFC 5280 5), in PEM and in DER. Record:
//   {"certs":[["pki/x.pem","pki/superseded/x",reason,date],...],"der":"pki/ca.crl","expiry":seconds,
//    "issuer":"pki/ca.pem","issuer-key":"pki/ca-key.pem","kind":"crl","path":"pki/ca-crl.pem",
//    "serials":[["5a01",reason,date],...]}
// and, optionally, "issuer-passphrase": PASS (passphrase.h). Reasons by their RFC 5280 names, dates in Unix
// seconds as text; "" in "serials": when it first came into the CRL. Digest: of the DER.
//
// Both files hold the same CRL. The PEM is written first; when a kill comes between the two, the one with the
// higher number is the newer, and the next run copies it over the other. So a number never stands for two
// CRLs. The CA's key is read only when something is to be signed.

namespace kplan {
namespace {

// Of less than 8 minutes and 15 seconds, two thirds would be over at once (issue.h, ValidityFrom).
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
  std::string reason;   // why another one has to be signed; empty when the current one stands
  std::string repairs;  // and then, what is wrong with a file that does not hold it
};

absl::StatusOr<Spec> ReadSpec(const Record& record) {
  Spec spec;
  spec.path = record.String("path");
  spec.der = record.String("der");
  spec.issuer = record.String("issuer");
  spec.issuer_key = record.String("issuer-key");
  spec.expiry = record.Int("expiry");
  absl::StatusOr<PassphraseSource> passphrase = PassphraseSource::From(record, "issuer-passphrase");
  if (!record.status().ok()) return record.status();
  if (!passphrase.ok()) return passphrase.status();
  spec.passphrase = *std::move(passphrase);
  if (spec.expiry < kMinExpiry) {
    return absl::InvalidArgumentError(absl::StrCat("an expiry of ", DurationText(spec.expiry),
                                                   " is too short for a CRL, which starts 5 minutes before "
                                                   "it is made; take 10m or more"));
  }
  return spec;
}

// The copy in PATH; OTHER, if there is one, is that in the other file, with which it usually agrees.
absl::StatusOr<Copy> ReadCopy(const std::string& path, bool pem, const Certificate& issuer,
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
  copy.valid = list->NamesAsIssuer(issuer) && list->IsSignedBy(issuer);
  copy.list = std::make_shared<const RevocationList>(*std::move(list));
  return copy;
}

// Every reason for which LIST, which is the issuer's, is not the CRL that is wanted, or "".
std::string Difference(const RevocationList& list, const std::vector<RevokedEntry>& entries, int64_t expiry,
                       absl::Time now) {
  std::string reasons;
  if (!list.complete) reasons = "it is not a whole CRL of version 2 with a number and an end";
  if (std::string difference = EntriesDifference(entries, list.entries); !difference.empty()) {
    reasons = JoinReasons(reasons, absl::StrCat("revoked entries differ: ", difference));
  }
  return JoinReasons(reasons, CrlTimeDifference(list.validity, expiry, now));
}

// Why COPY does not hold CURRENT, or "".
std::string CopyDifference(const Copy& copy, const RevocationList& current) {
  if (!copy.exists) return absl::StrCat(copy.path, " was missing");
  if (copy.list == nullptr) return absl::StrCat(copy.path, " was damaged");
  if (copy.list->der == current.der) return "";
  return absl::StrCat(copy.path, copy.valid ? " was an older CRL" : " was not the issuer's");
}

absl::StatusOr<Found> Look(const Spec& spec, const Record& record, const Certificate& issuer,
                           absl::Time now) {
  Found found;
  absl::StatusOr<std::vector<WantedEntry>> wanted = WantedEntries(record, issuer);
  if (!wanted.ok()) return wanted.status();
  found.wanted = *std::move(wanted);
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
    found.reason = Difference(*found.current, entries, spec.expiry, now);
    if (found.reason.empty()) {
      found.repairs = JoinReasons(CopyDifference(*pem, *found.current), CopyDifference(*der, *found.current));
    }
  } else if (!pem->exists && !der->exists) {
    found.reason = "missing";
  } else if (pem->list == nullptr && der->list == nullptr) {
    found.reason = "damaged";
  } else {
    const RevocationList& list = pem->list != nullptr ? *pem->list : *der->list;
    found.reason = list.NamesAsIssuer(issuer) ? "its signature is not its issuer's" : "issuer changed";
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

absl::StatusOr<RevocationList> Sign(const Spec& spec, const Found& found, const Certificate& issuer,
                                    absl::Time now) {
  absl::StatusOr<PrivateKey> issuer_key = PrivateKey::ReadUsable(spec.issuer_key, spec.passphrase);
  if (!issuer_key.ok()) return issuer_key.status();
  absl::Status fit = CheckSigner({spec.issuer, issuer, spec.issuer_key, *issuer_key}, kCrlSign, now);
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
  absl::StatusOr<RevocationList> made =
      RevocationList::Make(entries, NextNumber(found, now), *validity, issuer, *issuer_key);
  if (!made.ok()) return made.status();
  std::string wrong = Difference(*made, entries, spec.expiry, now);
  if (!made->NamesAsIssuer(issuer) || !made->IsSignedBy(issuer)) wrong = "its signature is not its issuer's";
  if (!wrong.empty()) {
    return absl::InternalError(absl::StrCat("the CRL made for ", spec.path, " fails its own check: ", wrong));
  }
  return made;
}

// What a person should know of the serial numbers that MADE lists no more.
std::string Released(const Spec& spec, const Found& found, const RevocationList& made) {
  if (found.current == nullptr) return "";
  std::vector<std::string> released = SerialsMissing(found.current->entries, made.entries);
  if (released.empty()) return "";
  return absl::StrCat(spec.path, " no longer revokes ", SerialsText(released),
                      ": what it was issued for is trusted again until it expires");
}

}  // namespace

absl::StatusOr<StepResult> CrlStep(const StepContext& context, const Record& record) {
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
    found = Look(*spec, record, *issuer, context.now);
    if (!found.ok()) return found.status();
    if (found->reason.empty() && found->repairs.empty()) break;
  }

  result.reason = JoinReasons(found->reason, found->repairs);
  absl::StatusOr<RevocationList> made = absl::NotFoundError("not needed");
  const RevocationList* list = found->current.get();
  if (!found->reason.empty()) {
    made = Sign(*spec, *found, *issuer, context.now);
    if (!made.ok()) return made.status();
    list = &*made;
    result.output = Released(*spec, *found, *made);
  }
  if (found->pem.list == nullptr || found->pem.list->der != list->der) {
    if (absl::Status status = WriteFile(spec->path, list->ToPem(), 0644); !status.ok()) return status;
  }
  if (found->der.list == nullptr || found->der.list->der != list->der) {
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

}  // namespace kplan
