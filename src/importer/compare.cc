#include "src/importer/compare.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/pki/names.h"

namespace kplan {
namespace {

// "", or the values of FIELD in SUBJECT.
std::string ValuesOf(const StringPairs& subject, const std::string& field) {
  std::vector<std::string> values;
  for (const auto& [key, value] : subject) {
    if (key == field) values.push_back(value);
  }
  std::sort(values.begin(), values.end());
  return absl::StrJoin(values, ", ");
}

// HOST as kplan writes it into certificates.
std::string CanonicalHost(const std::string& host) {
  absl::StatusOr<std::pair<std::string, std::string>> name = ClassifySan(host);
  return name.ok() ? name->second : host;
}

constexpr const char* kFields[] = {"C", "ST", "L", "O", "OU", "CN", "serialNumber"};

// The fields of the subject that REQUEST asks for, and where they stand.
std::pair<StringPairs, std::vector<std::pair<std::string, Place>>> SubjectOf(const CfsslRequest& request) {
  StringPairs asked;
  std::vector<std::pair<std::string, Place>> places;
  auto add = [&](const std::string& field, const Sourced& value) {
    if (value.value.empty()) return;
    asked.emplace_back(field, value.value);
    places.emplace_back(field, value.place);
  };
  for (const CfsslRequest::Names& names : request.names) {
    for (const auto& [field, value] : names) add(field, value);
  }
  add("CN", request.CN);
  add("serialNumber", request.serial_number);
  return {std::move(asked), std::move(places)};
}

std::string Bracketed(std::vector<std::string> list) {
  return absl::StrCat("[", absl::StrJoin(list, ", "), "]");
}

void CompareSubject(const CertificateFile& file, const CfsslRequest& request, Findings* findings) {
  const auto& [asked, places] = SubjectOf(request);
  for (const char* field : kFields) {
    const std::string wanted = ValuesOf(asked, field), is = ValuesOf(file.subject, field);
    if (wanted == is) continue;
    const std::string name = field;
    auto place = std::find_if(places.begin(), places.end(), [&](const auto& p) { return p.first == name; });
    findings->Warning(Code::kCfsslDiffers, place == places.end() ? request.place : place->second,
                      absl::StrCat(place == places.end() ? absl::StrCat(field, ": ") : "", "says ",
                                   Quote(wanted), ", and the certificate has ", Quote(is)),
                      "the certificate is kept as it is");
  }
}

void CompareHosts(const CertificateFile& file, const CfsslRequest& request, Findings* findings) {
  // Without hosts in the JSON they come from cfssl's command line, as in the tutorial.
  if (!request.has_hosts || file.certificate.is_ca) return;
  std::vector<std::string> asked, is, shown;
  for (const Sourced& host : request.hosts) {
    asked.push_back(CanonicalHost(host.value));
    shown.push_back(host.value);
  }
  for (const auto& [kind, value] : file.hosts) is.push_back(value);
  const std::string is_text = Bracketed(is);
  for (std::vector<std::string>* list : {&asked, &is}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  if (asked == is) return;
  findings->Warning(Code::kCfsslDiffers, request.hosts.empty() ? request.place : request.hosts.front().place,
                    absl::StrCat("hosts are ", Bracketed(shown), ", and the certificate has ", is_text),
                    "the certificate is kept as it is");
}

void CompareKey(const KeyFile& key, const CfsslRequest& request, Findings* findings) {
  if (request.algo.value.empty()) return;
  const std::string wanted = KeyKindOf(request);
  if (wanted == key.key.kind() || absl::StartsWith(key.key.kind(), absl::StrCat(wanted, " "))) return;
  findings->Warning(Code::kCfsslDiffers, request.algo.place,
                    absl::StrCat("says ", wanted, ", and the key is ", key.key.kind()),
                    "the key is kept as it is");
}

}  // namespace

bool AsksForSubjectOf(const CfsslRequest& request, const CertificateFile& certificate) {
  const StringPairs asked = SubjectOf(request).first;
  return certificate.unknown_field.empty() &&
         std::all_of(std::begin(kFields), std::end(kFields), [&](const char* field) {
           return ValuesOf(asked, field) == ValuesOf(certificate.subject, field);
         });
}

std::string KeyKindOf(const CfsslRequest& request) {
  if (request.algo.value.empty()) return "ecdsa 256";  // cfssl's default
  if (request.size.value.empty() || request.algo.value == "ed25519") return request.algo.value;
  return absl::StrCat(request.algo.value, " ", request.size.value);
}

void CompareWithRequest(const CertificateFile& file, const KeyFile& key, const CfsslRequest& request,
                        Findings* findings) {
  CompareSubject(file, request, findings);
  CompareHosts(file, request, findings);
  CompareKey(key, request, findings);
  const int64_t life = file.certificate.not_after - file.certificate.not_before;
  if (request.ca_expiry_seconds != 0 && request.ca_expiry_seconds != life) {
    findings->Warning(
        Code::kCfsslDiffers, request.ca_expiry.place,
        absl::StrCat("says ", request.ca_expiry.value, ", and the certificate lives ", DurationText(life)),
        "the certificate is kept as it is");
  }
}

}  // namespace kplan
