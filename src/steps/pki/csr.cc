#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/artifact_file.h"
#include "src/pki/certificate.h"
#include "src/pki/certificate_check.h"
#include "src/pki/der.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/issue.h"
#include "src/pki/private_key.h"
#include "src/pki/request.h"
#include "src/pki/subject_alt_name.h"
#include "src/step/certificate_changes.h"
#include "src/step/foresee.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

// A certification request. A CA's has the same shape as a leaf's (cfssl gencert -initca).
//
// Digest: of what is signed (subject, SANs, public key), since an ECDSA signature is another one every time.
//
// A request that asks for the same is kept as it is, whatever it looks like: other tools write names in
// another order or in capitals, and cfssl adds basic constraints to a CA's.

namespace kplan {
namespace {

constexpr char kLabel[] = "CERTIFICATE REQUEST";

struct Spec {
  std::string path, key;
  StringPairs subject, sans;  // sans: canonical
  PassphraseSource passphrase;
};

absl::StatusOr<Spec> ReadSpec(const CsrRecord& record) {
  absl::StatusOr<StringPairs> sans = CanonicalSans(record.sans);
  if (!sans.ok()) return sans.status();
  return Spec{record.path, record.key, record.subject, *std::move(sans), record.passphrase};
}

// What a request is about, as far as it goes the fields of the certificate that is to come of it.
Certificate FieldsOf(const CertificationRequest& request) {
  Certificate fields;
  fields.subject = FromDer<NamePtr>(request.subject_der, d2i_X509_NAME);
  fields.spki = request.spki;
  fields.sans = request.sans;
  return fields;
}

// What the request has to be.
struct Wanted {
  std::string info;       // the CertificationRequestInfo; empty when the key is not known
  bool key_anew = false;  // of a look: the key will be another one than any request has
  Certificate fields;     // as FieldsOf; filled in by DescribeWanted
};

absl::Status DescribeWanted(const Spec& spec, const std::string& spki, Wanted* wanted) {
  absl::StatusOr<NamePtr> subject = MakeName(spec.subject);
  if (!subject.ok()) return subject.status();
  wanted->fields.subject = *std::move(subject);
  wanted->fields.sans = spec.sans;
  wanted->fields.spki = spki;
  return absl::OkStatus();
}

// Why a request that is not the wanted one is not.
std::vector<Reason> Differences(const Certificate& is, const Wanted& wanted) {
  const Certificate& want = wanted.fields;
  if (is.subject == nullptr || is.spki.empty()) return {{"damaged", "damaged"}};
  std::vector<Reason> reasons;
  if (wanted.key_anew) {
    reasons.push_back({"key", "its key is made anew"});
  } else if (!want.spki.empty() && is.spki != want.spki) {
    reasons.push_back({"key", "key does not match"});
  }
  if (!SameName(want.subject.get(), is.subject.get())) {
    reasons.push_back({"subject", absl::StrCat("subject differs: spec ", NameText(want.subject.get()),
                                               ", request ", NameText(is.subject.get()))});
  }
  if (std::string san = SanDifference(want.sans, is.sans); !san.empty()) {
    reasons.push_back({"names", std::move(san)});
  }
  return reasons;
}

// Why REQUEST is not the one that is wanted, of the key SPKI; empty when it is. Errors: what is in its place
// cannot be read.
absl::StatusOr<std::vector<Reason>> WhyStale(const Spec& spec,
                                             const absl::StatusOr<CertificationRequest>& request,
                                             const std::string& spki, Wanted* wanted) {
  using Reasons = std::vector<Reason>;
  if (absl::IsNotFound(request.status())) return Reasons{{"missing", "missing"}};
  if (absl::IsDataLoss(request.status())) return Reasons{{"damaged", "damaged"}};
  if (!request.ok()) return request.status();
  if (wanted->key_anew || request->object.signed_part != wanted->info) {
    if (absl::Status status = DescribeWanted(spec, spki, wanted); !status.ok()) return status;
    Reasons reasons = Differences(FieldsOf(*request), *wanted);
    if (!reasons.empty()) return reasons;
  }
  if (!request->ProvesItsKey()) return Reasons{{"damaged", "damaged"}};
  return Reasons();
}

// The public key that a look takes for the one in the key's file; empty when that is not known. A key that is
// shut is taken for the one that the request is about.
std::string LikelyKey(const SeenKey& key, const absl::StatusOr<CertificationRequest>& request) {
  if (key.kind == SeenKey::kShut && request.ok()) return FieldsOf(*request).spki;
  return key.spki;
}

}  // namespace

absl::StatusOr<StepResult> CsrStep(const StepContext&, const CsrRecord& record) {
  absl::StatusOr<Spec> spec = ReadSpec(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(spec->key, spec->passphrase);
  if (!key.ok()) return key.status();
  absl::StatusOr<std::string> expected = RequestInfo(spec->subject, spec->sans, key->spki());
  if (!expected.ok()) return expected.status();
  Wanted wanted;
  wanted.info = *std::move(expected);

  absl::StatusOr<CertificationRequest> request = CertificationRequest::Read(spec->path);
  absl::StatusOr<std::vector<Reason>> reasons = WhyStale(*spec, request, key->spki(), &wanted);
  if (!reasons.ok()) return reasons.status();
  StepResult result;
  result.reason = Join(*reasons);
  if (!reasons->empty()) {
    absl::StatusOr<std::string> der = MakeRequest(spec->subject, spec->sans, *key);
    if (!der.ok()) return der.status();
    absl::Status status = WriteFile(spec->path, EncodePem(kLabel, *der), 0644);
    if (!status.ok()) return status;
  } else {
    absl::StatusOr<std::string> mode = PublishFile(spec->path);
    if (!mode.ok()) return mode.status();
    result.reason = *std::move(mode);
  }
  result.digest = Sha256Hex(reasons->empty() ? request->object.signed_part : wanted.info);
  result.files = {spec->path};
  return result;
}

absl::StatusOr<Outlook> CsrLook(const LookContext& context, const CsrRecord& record) {
  absl::StatusOr<Spec> spec = ReadSpec(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<SeenKey> key = SeeKey(spec->key, spec->passphrase, context.foreseen);
  if (!key.ok()) return key.status();
  absl::StatusOr<CertificationRequest> request = CertificationRequest::Read(spec->path);
  Wanted wanted;
  wanted.key_anew = key->kind == SeenKey::kAnew;
  const std::string spki = LikelyKey(*key, request);
  if (absl::Status status = DescribeWanted(*spec, spki, &wanted); !status.ok()) return status;
  if (!spki.empty()) {
    absl::StatusOr<std::string> info = RequestInfo(spec->subject, spec->sans, spki);
    if (key->kind == SeenKey::kShut && PublicKeyOf(spki) == nullptr) {
      request = absl::DataLossError("its public key is none");
    } else if (!info.ok()) {
      return info.status();
    } else {
      wanted.info = *std::move(info);
    }
  }

  absl::StatusOr<std::vector<Reason>> reasons = WhyStale(*spec, request, spki, &wanted);
  if (!reasons.ok()) return reasons.status();
  Outlook outlook;
  outlook.reasons = *std::move(reasons);
  if (outlook.reasons.empty()) {
    outlook.digest = Sha256Hex(request->object.signed_part);
  } else {
    if (!wanted.info.empty()) outlook.digest = Sha256Hex(wanted.info);
    outlook.changes_digest = !request.ok() || request->object.signed_part != wanted.info;
  }
  if (outlook.reasons.empty()) {
    absl::Status status = AddFileDifferences(PublicFileDifferences(spec->path), "", &outlook);
    if (!status.ok()) return status;
    return outlook;
  }
  ForeseenFile file;
  file.spki = spki;
  outlook.files.emplace_back(spec->path, std::move(file));
  if (!request.ok()) return outlook;
  Certificate is = FieldsOf(*request);
  if (is.subject == nullptr || is.spki.empty()) return outlook;
  if (wanted.key_anew) wanted.fields.spki = is.spki;
  outlook.changes = CertificateChanges(is, wanted.fields);
  if (wanted.key_anew) outlook.changes.push_back({"key", KeyFingerprint(is.spki), kNewKey});
  return outlook;
}

}  // namespace kplan
