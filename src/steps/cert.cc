#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/usages.h"
#include "src/steps/artifact_file.h"
#include "src/steps/certificate.h"
#include "src/steps/certificate_check.h"
#include "src/steps/der.h"
#include "src/steps/distinguished_name.h"
#include "src/steps/issue.h"
#include "src/steps/private_key.h"
#include "src/steps/step.h"
#include "src/steps/subject_alt_name.h"

// A leaf certificate. Record:
//   {"csr":"pki/x.csr","expiry":seconds,"issuer":"pki/ca.pem","issuer-key":"pki/ca-key.pem",
//    "key":"pki/x-key.pem","kind":"cert","path":"pki/x.pem","sans":[["dns","worker"],...],
//    "subject":[["C","US"],...],"usages":["signing","server auth",...]}
// and, optionally, "renew-before": seconds. Digest: of the DER.
//
// The CA's key is read only when something is to be signed.

namespace kplan {
namespace {

constexpr size_t kMaxRequestFile = 1 << 20;

struct Spec {
  std::string path, csr, key, issuer, issuer_key;
  StringPairs subject, sans;
  UsageSet usages;
  Lifetime lifetime;
  NamePtr name;  // of subject
};

absl::StatusOr<Spec> ReadSpec(const Record& record) {
  Spec spec;
  spec.path = record.String("path");
  spec.csr = record.String("csr");
  spec.key = record.String("key");
  spec.issuer = record.String("issuer");
  spec.issuer_key = record.String("issuer-key");
  spec.subject = record.Pairs("subject");
  spec.lifetime.expiry = record.Int("expiry");
  if (record.Has("renew-before")) spec.lifetime.renew_before = record.Int("renew-before");
  absl::StatusOr<StringPairs> sans = CanonicalSans(record.Pairs("sans"));
  absl::StatusOr<UsageSet> usages = ResolveUsages(record.Strings("usages"));
  if (!record.status().ok()) return record.status();
  if (absl::Status status = CheckLifetime(spec.lifetime); !status.ok()) return status;
  absl::StatusOr<NamePtr> name = MakeName(spec.subject);
  for (const absl::Status& status : {sans.status(), usages.status(), name.status()}) {
    if (!status.ok()) return status;
  }
  spec.sans = *std::move(sans);
  spec.usages = *std::move(usages);
  spec.name = *std::move(name);
  return spec;
}

std::vector<std::string> Sorted(std::vector<std::string> list) {
  std::sort(list.begin(), list.end());
  return list;
}

// Every reason for which C is not the certificate that is wanted, or "".
std::string Difference(const Certificate& c, const Spec& spec, const PrivateKey& key,
                       const Certificate& issuer, absl::Time now) {
  std::vector<std::string> reasons;
  if (c.spki != key.spki()) reasons.emplace_back("key does not match");
  if (!SameName(spec.name.get(), c.subject.get())) {
    reasons.push_back(absl::StrCat("subject differs: spec ", NameText(spec.name.get()), ", certificate ",
                                   NameText(c.subject.get())));
  }
  if (std::string san = SanDifference(spec.sans, c.sans); !san.empty()) reasons.push_back(std::move(san));
  if (c.key_usage != spec.usages.key_usage ||
      Sorted(c.extended_key_usages) != Sorted(spec.usages.extended_key_usages)) {
    reasons.push_back(absl::StrCat("usages differ: spec ",
                                   UsagesText(spec.usages.key_usage, spec.usages.extended_key_usages),
                                   ", certificate ", UsagesText(c.key_usage, c.extended_key_usages)));
  }
  if (c.version != 3 || c.is_ca) reasons.emplace_back("basic constraints differ: spec not a CA");
  if (!c.NamesAsIssuer(issuer)) {
    reasons.emplace_back("issuer changed");
  } else if (!c.IsSignedBy(issuer)) {
    reasons.emplace_back("its signature is not its issuer's");
  }
  if (std::string time = TimeDifference(c.validity(), spec.lifetime, now); !time.empty())
    reasons.push_back(std::move(time));
  return absl::StrJoin(reasons, "; ");
}

// Whether ISSUER may sign now.
absl::Status CheckIssuer(const Spec& spec, const Certificate& issuer, const PrivateKey& issuer_key,
                         absl::Time now) {
  auto refuse = [&spec](absl::string_view why) {
    return absl::FailedPreconditionError(absl::StrCat("cannot sign with ", spec.issuer, ": ", why));
  };
  if (issuer.spki != issuer_key.spki())
    return refuse(absl::StrCat("it is not the certificate of ", spec.issuer_key));
  if (!issuer.is_ca) return refuse("it is not a CA certificate");
  if ((issuer.key_usage & kCertSign) == 0) return refuse("its key usage lacks \"cert sign\"");
  const int64_t seconds = absl::ToUnixSeconds(now);
  if (issuer.not_before > seconds) {
    return refuse(
        absl::StrCat("it is not valid before ", TimeText(issuer.not_before), "; is the clock right?"));
  }
  if (issuer.not_after <= seconds) {
    return refuse(absl::StrCat("it expired on ", TimeText(issuer.not_after),
                               "; remove it and run ninja to make it again with the same key"));
  }
  // OpenSSL and Go take a certificate whose subject is its issuer for a self-signed one.
  std::string subject_der = ToDer(spec.name.get(), i2d_X509_NAME);
  if (subject_der == issuer.subject_der) {
    return refuse(absl::StrCat("the certificate asked for has the same subject, ", NameText(spec.name.get()),
                               ", and would pass for self-signed; give it another CN"));
  }
  return absl::OkStatus();
}

// The request proves that whoever asks holds the key, and has to be about the key on disk.
absl::Status CheckRequest(const Spec& spec, const PrivateKey& key) {
  absl::StatusOr<std::string> text = ReadFile(spec.csr, kMaxRequestFile);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(*text);
  absl::StatusOr<SignedObject> request = absl::DataLossError("no request");
  if (blocks.ok() && blocks->front().label == "CERTIFICATE REQUEST") {
    request = SignedObject::Parse(blocks->front().der.view());
  }
  if (!request.ok())
    return absl::DataLossError(absl::StrCat(spec.csr, " is damaged; run ninja to make it again"));
  DerReader outer(request->signed_part);
  DerReader fields = outer.Enter();
  fields.Read(V_ASN1_INTEGER);
  fields.Read(V_ASN1_SEQUENCE);
  if (fields.Read(V_ASN1_SEQUENCE).whole != key.spki() || !request->IsSignedBy(key.spki())) {
    return absl::FailedPreconditionError(
        absl::StrCat(spec.csr, " is not a request of the key ", spec.key, "; run ninja to make it again"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Certificate> Sign(const Spec& spec, const PrivateKey& key, const Certificate& issuer,
                                 absl::Time now) {
  absl::StatusOr<PrivateKey> issuer_key = PrivateKey::ReadUsable(spec.issuer_key);
  if (!issuer_key.ok()) return issuer_key.status();
  if (absl::Status status = CheckIssuer(spec, issuer, *issuer_key, now); !status.ok()) return status;
  if (absl::Status status = CheckRequest(spec, key); !status.ok()) return status;
  Leaf leaf;
  leaf.subject = spec.subject;
  leaf.sans = spec.sans;
  leaf.usages = spec.usages;
  // A chain is valid only while all of it is. cfssl lets a leaf outlive its CA, and every verifier lets it
  // pass until the day on which all of them fail at once.
  leaf.validity = ValidityFrom(now, spec.lifetime.expiry);
  if (leaf.validity.not_before < issuer.not_before) {
    leaf.validity = {issuer.not_before, issuer.not_before + spec.lifetime.expiry};
  }
  leaf.validity.not_after = std::min(leaf.validity.not_after, issuer.not_after);
  absl::StatusOr<std::string> serial = RandomSerial();
  if (!serial.ok()) return serial.status();
  leaf.serial = *std::move(serial);
  absl::StatusOr<std::string> der = MakeLeafCertificate(leaf, key, issuer, *issuer_key);
  if (!der.ok()) return der.status();
  absl::StatusOr<Certificate> made = Certificate::Parse(*der);
  if (!made.ok()) return made.status();
  if (std::string wrong = Difference(*made, spec, key, issuer, now); !wrong.empty()) {
    return absl::InternalError(
        absl::StrCat("the certificate made for ", spec.path, " fails its own check: ", wrong));
  }
  return made;
}

// The certificate on disk, and in *REASON why another one has to be made; empty when it is right, and when it
// cannot be told.
absl::StatusOr<Certificate> Look(const Spec& spec, const PrivateKey& key, const Certificate& issuer,
                                 absl::Time now, std::string* reason) {
  absl::StatusOr<Certificate> certificate = Certificate::Read(spec.path);
  if (absl::IsNotFound(certificate.status())) {
    *reason = "missing";
  } else if (absl::IsDataLoss(certificate.status())) {
    *reason = "damaged";
  } else {
    *reason = certificate.ok() ? Difference(*certificate, spec, key, issuer, now) : "";
  }
  return certificate;
}

}  // namespace

absl::StatusOr<StepResult> CertStep(const StepContext& context, const Record& record) {
  absl::StatusOr<Spec> spec = ReadSpec(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(spec->key);
  if (!key.ok()) return key.status();
  absl::StatusOr<Certificate> issuer = Certificate::Read(spec->issuer);
  if (!issuer.ok()) return issuer.status();
  spec->lifetime.cap = issuer->not_after;

  StepResult result;
  result.files = {spec->path};
  absl::StatusOr<Certificate> certificate = Look(*spec, *key, *issuer, context.now, &result.reason);
  absl::StatusOr<FolderLock> lock = absl::NotFoundError("not needed yet");
  if (!result.reason.empty()) {
    // Another run may be signing it at this moment: whoever comes second takes what the first one made.
    lock = FolderLock::Acquire(spec->path);
    if (!lock.ok()) return lock.status();
    certificate = Look(*spec, *key, *issuer, context.now, &result.reason);
  }
  if (!certificate.ok() && result.reason.empty()) return certificate.status();

  if (result.reason.empty()) {
    absl::StatusOr<std::string> mode = PublishFile(spec->path);
    if (!mode.ok()) return mode.status();
    result.reason = *std::move(mode);
    result.digest = Sha256Hex(certificate->der);
    return result;
  }
  absl::StatusOr<Certificate> made = Sign(*spec, *key, *issuer, context.now);
  if (!made.ok()) return made.status();
  if (absl::Status status = WriteFile(spec->path, made->ToPem(), 0644); !status.ok()) return status;
  result.digest = Sha256Hex(made->der);
  if (int64_t life = made->not_after - made->not_before; life < spec->lifetime.expiry) {
    result.output = absl::StrCat(spec->path, " ends with its CA on ", TimeText(made->not_after), ", ",
                                 DurationText(life), " instead of ", DurationText(spec->lifetime.expiry),
                                 " from its start; renew the CA certificate");
  }
  return result;
}

}  // namespace kplan
