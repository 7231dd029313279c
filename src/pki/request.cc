#include "src/pki/request.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/pki/extensions.h"

namespace kplan {
namespace {

constexpr size_t kMaxRequestFile = 1 << 20;

// The names in a request's attributes (RFC 2986 4.1), which ATTRIBUTES, the [0], has. By hand, see der.h.
StringPairs SansIn(absl::string_view attributes) {
  constexpr absl::string_view kExtensionRequest("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e", 9);
  for (DerReader reader(attributes); reader.ok() && !reader.AtEnd();) {
    DerReader attribute = reader.Enter();
    const bool extensions = attribute.Read(V_ASN1_OBJECT).content == kExtensionRequest;
    DerReader values(attribute.Read(V_ASN1_SET).content);
    if (!extensions || !attribute.ok()) continue;
    Extensions found;
    return ReadExtensions(values.Read(V_ASN1_SEQUENCE).whole, &found) ? found.sans : StringPairs();
  }
  return {};
}

}  // namespace

bool IsRequest(const PemBlock& block) {
  return block.label == "CERTIFICATE REQUEST" || block.label == "NEW CERTIFICATE REQUEST";
}

absl::StatusOr<CertificationRequest> CertificationRequest::Parse(absl::string_view der) {
  absl::StatusOr<SignedObject> object = SignedObject::Parse(der);
  if (!object.ok()) return absl::DataLossError("it is no request, or damaged");
  CertificationRequest request;
  request.der = std::string(der);
  request.object = *std::move(object);
  DerReader outer(request.object.signed_part);
  DerReader fields = outer.Enter();
  fields.Read(V_ASN1_INTEGER);
  request.subject_der = std::string(fields.Read(V_ASN1_SEQUENCE).whole);
  request.spki = std::string(fields.Read(V_ASN1_SEQUENCE).whole);
  if (!fields.ok()) return absl::DataLossError("it is no request, or damaged");
  request.sans = SansIn(fields.ReadOptional(0).content);
  return request;
}

absl::StatusOr<CertificationRequest> CertificationRequest::Read(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxRequestFile);
  if (absl::IsOutOfRange(text.status())) return absl::DataLossError(text.status().message());
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(*text);
  absl::StatusOr<CertificationRequest> request = absl::DataLossError("");
  if (blocks.ok() && blocks->size() == 1 && IsRequest(blocks->front())) {
    request = Parse(blocks->front().der.view());
  }
  if (!request.ok()) return absl::DataLossError(absl::StrCat(path, " is no request, or damaged"));
  return request;
}

}  // namespace kplan
