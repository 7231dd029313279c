#include "src/importer/request_match.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/importer/compare.h"
#include "src/pki/distinguished_name.h"

namespace kplan {

const RequestFile* RequestOf(const Input& input, const CertificateFile& file, Findings* findings) {
  auto fits = [&file](const RequestFile& request) {
    if (request.request.spki != file.certificate.spki) return false;
    NamePtr subject = FromDer<NamePtr>(request.request.subject_der, d2i_X509_NAME);
    return subject != nullptr && SameName(subject.get(), file.certificate.subject.get());
  };
  auto namesake = input.requests.find(file.name);
  if (namesake != input.requests.end() && fits(namesake->second)) return &namesake->second;
  auto found = std::find_if(input.requests.begin(), input.requests.end(),
                            [&](const auto& request) { return fits(request.second); });
  if (found != input.requests.end()) return &found->second;
  if (namesake != input.requests.end()) {
    findings->Warning(Code::kCfsslLeftOut, namesake->second.place,
                      absl::StrCat("asks for another subject, or for another key, than ",
                                   findings->PathOf(file.place.file), " has: left out"),
                      "the next ninja writes one that fits");
  }
  return nullptr;
}

std::vector<const CertificateFile*> MadeFrom(const Input& input, const std::string& name,
                                             const CfsslRequest& request) {
  std::vector<const CertificateFile*> made;
  auto add = [&](const CertificateFile& file) {
    auto key = input.keys.find(file.name);
    // Where the key is elsewhere the subject has to do.
    const bool known = key != input.keys.end() && key->second.key.spki() == file.certificate.spki;
    if (known && key->second.key.kind() != KeyKindOf(request)) return;
    if (AsksForSubjectOf(request, file)) made.push_back(&file);
  };
  auto namesake = input.certificates.find(name);
  if (namesake != input.certificates.end()) add(namesake->second);
  if (!made.empty()) return made;
  for (const auto& [other, file] : input.certificates) add(file);
  for (const CertificateFile& file : input.skipped_certificates) add(file);
  if (made.empty() && namesake != input.certificates.end()) made.push_back(&namesake->second);
  return made;
}

}  // namespace kplan
