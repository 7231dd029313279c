#include "src/step/pki_records.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

constexpr char kFile[] = "file", kEnvironment[] = "env";

std::string OfACa(absl::string_view what, bool ca) { return absl::StrCat(what, ca ? " of a CA" : ""); }

}  // namespace

void AppendValue(const PassphraseSource& source, std::string* out) {
  const bool file = source.kind == PassphraseSource::Kind::kFile;
  AppendValue(std::array<std::string, 2>{file ? kFile : kEnvironment, source.name}, out);
}

bool ReadValue(const Json& json, PassphraseSource* source) {
  std::array<std::string, 2> place;
  if (!ReadValue(json, &place)) return false;
  if (place[1].empty() || (place[0] != kFile && place[0] != kEnvironment)) return false;
  source->kind = place[0] == kFile ? PassphraseSource::Kind::kFile : PassphraseSource::Kind::kEnvironment;
  source->name = place[1];
  return true;
}

std::string KeyRecord::What() const {
  return absl::StrCat(OfACa("private key", ca), ", ", algo, size == 0 ? "" : absl::StrCat(" ", size));
}

absl::Status KeyRecord::Complete() const {
  return ca && certificate.empty() ? RecordLacks("certificate") : absl::OkStatus();
}

std::string CsrRecord::What() const { return OfACa("certification request", ca); }

std::string CertRecord::What() const { return OfACa("certificate", ca); }

std::string BundleRecord::What() const {
  return form == "chain"    ? "certificate with its intermediates"
         : form == "bundle" ? "private key, certificate and intermediates in one file"
                            : "private key and certificates as PKCS#12";
}

absl::Status BundleRecord::Complete() const {
  return form != "chain" && key.empty() ? RecordLacks("key") : absl::OkStatus();
}

}  // namespace kplan
