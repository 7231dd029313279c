#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/steps/artifact_file.h"
#include "src/steps/certificate.h"
#include "src/steps/der.h"
#include "src/steps/distinguished_name.h"
#include "src/steps/issue.h"
#include "src/steps/private_key.h"
#include "src/steps/step.h"
#include "src/steps/subject_alt_name.h"

// A certification request. Record:
//   {"ca":bool,"key":"pki/x-key.pem","kind":"csr","path":"pki/x.csr","sans":[["dns","worker"],...],
//    "subject":[["C","US"],...]}
// and, when the key is encrypted, "passphrase" (passphrase.h). A CA's request has the same shape (cfssl
// gencert -initca), so "ca" changes nothing here. Digest: of what is signed (subject, SANs, public key),
// since an ECDSA signature is another one every time.

namespace kplan {
namespace {

constexpr size_t kMaxRequestFile = 1 << 20;
constexpr char kLabel[] = "CERTIFICATE REQUEST";

// The names in a request's attributes; empty when there are none or they cannot be read.
StringPairs SansIn(absl::string_view der) {
  RequestPtr request = FromDer<RequestPtr>(der, d2i_X509_REQ);
  if (request == nullptr) return {};
  ExtensionsPtr extensions(X509_REQ_get_extensions(request.get()));
  if (extensions == nullptr) return {};
  GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
  return names == nullptr ? StringPairs() : SansOf(*names);
}

// Why a request that is not the expected one is not. INFO, EXPECTED: CertificationRequestInfos.
std::string Difference(absl::string_view der, absl::string_view info, absl::string_view expected,
                       const StringPairs& sans) {
  struct Fields {
    NamePtr subject;
    absl::string_view spki;
  };
  auto read = [](absl::string_view bytes) {
    DerReader outer(bytes);
    DerReader reader = outer.Enter();
    reader.Read(V_ASN1_INTEGER);
    Fields fields;
    fields.subject = FromDer<NamePtr>(reader.Read(V_ASN1_SEQUENCE).whole, d2i_X509_NAME);
    fields.spki = reader.Read(V_ASN1_SEQUENCE).whole;
    return fields;
  };
  Fields is = read(info), want = read(expected);
  if (is.subject == nullptr || is.spki.empty()) return "damaged";
  std::vector<std::string> reasons;
  if (is.spki != want.spki) reasons.emplace_back("key does not match");
  if (!SameName(want.subject.get(), is.subject.get())) {
    reasons.push_back(absl::StrCat("subject differs: spec ", NameText(want.subject.get()), ", request ",
                                   NameText(is.subject.get())));
  }
  if (std::string san = SanDifference(sans, SansIn(der)); !san.empty()) reasons.push_back(std::move(san));
  // The order of the names, the string types of the subject, attributes that another tool added.
  return reasons.empty() ? "encoding differs" : absl::StrJoin(reasons, "; ");
}

// "" when PATH holds the request that is wanted.
absl::StatusOr<std::string> Check(const std::string& path, absl::string_view expected,
                                  const StringPairs& sans, const PrivateKey& key) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxRequestFile);
  if (absl::IsNotFound(text.status())) return "missing";
  if (absl::IsOutOfRange(text.status())) return "damaged";
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(*text);
  if (!blocks.ok() || blocks->size() != 1 || blocks->front().label != kLabel) return "damaged";
  absl::string_view der = blocks->front().der.view();
  absl::StatusOr<SignedObject> request = SignedObject::Parse(der);
  if (!request.ok()) return "damaged";
  if (request->signed_part != expected) return Difference(der, request->signed_part, expected, sans);
  return request->IsSignedBy(key.spki()) ? "" : "damaged";
}

}  // namespace

absl::StatusOr<StepResult> CsrStep(const StepContext&, const Record& record) {
  const std::string path = record.String("path");
  const std::string key_path = record.String("key");
  const StringPairs subject = record.Pairs("subject");
  absl::StatusOr<StringPairs> sans = CanonicalSans(record.Pairs("sans"));
  absl::StatusOr<PassphraseSource> passphrase = PassphraseSource::From(record, "passphrase");
  if (!record.status().ok()) return record.status();
  if (!sans.ok()) return sans.status();
  if (!passphrase.ok()) return passphrase.status();
  absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(key_path, *passphrase);
  if (!key.ok()) return key.status();
  absl::StatusOr<std::string> expected = MakeRequestInfo(subject, *sans, *key);
  if (!expected.ok()) return expected.status();

  absl::StatusOr<std::string> reason = Check(path, *expected, *sans, *key);
  if (!reason.ok()) return reason.status();
  if (!reason->empty()) {
    absl::StatusOr<std::string> der = MakeRequest(subject, *sans, *key);
    if (!der.ok()) return der.status();
    if (absl::Status status = WriteFile(path, EncodePem(kLabel, *der), 0644); !status.ok()) return status;
  } else {
    reason = PublishFile(path);
    if (!reason.ok()) return reason.status();
  }
  StepResult result;
  result.digest = Sha256Hex(*expected);
  result.files = {path};
  result.reason = *std::move(reason);
  return result;
}

}  // namespace kplan
