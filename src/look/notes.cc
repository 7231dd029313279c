#include "src/look/notes.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/string_view.h"
#include "src/base/paths.h"
#include "src/look/step_record.h"
#include "src/pki/certificate.h"
#include "src/pki/request.h"
#include "src/step/any_record.h"

namespace kplan {
namespace {

bool IsThere(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

// Only of these is more looked at than the kind.
bool IsAboutKeys(StepKind kind) {
  switch (kind) {
    case StepKind::kKey:
    case StepKind::kCsr:
    case StepKind::kCaCert:
    case StepKind::kAdoptCa:
    case StepKind::kCert:
      return true;
    default:
      return false;
  }
}

// A private key that a record names, and the file in which its public half may be.
struct KeyFile {
  std::string key, proof;
  bool request = false;  // the proof is a request, and no certificate
  bool of_plan = true;   // kplan keeps the proof
};

struct KeyFileOf {
  KeyFile operator()(const CsrRecord& record) const { return {record.key, record.path, /*request=*/true}; }
  KeyFile operator()(const CaCertRecord& record) const { return {record.key, record.path}; }
  KeyFile operator()(const CertRecord& record) const { return {record.key, record.path}; }
  KeyFile operator()(const AdoptCaRecord& record) const {
    return {record.key, record.from, /*request=*/false, /*of_plan=*/false};
  }
  template <typename Other>
  KeyFile operator()(const Other&) const {
    return {};
  }
};

std::vector<KeyFile> KeyFilesOf(const Graph& graph) {
  std::vector<KeyFile> files;
  for (const Step& step : graph.steps()) {
    if (!IsAboutKeys(step.kind)) continue;
    KeyFile file = std::visit(KeyFileOf(), ReadAnyRecord(step.record));
    if (!file.proof.empty()) files.push_back(std::move(file));
  }
  return files;
}

// The SubjectPublicKeyInfo in FILE's proof; empty when there is none that can be read.
std::string PublicHalf(const KeyFile& file) {
  if (file.request) {
    absl::StatusOr<CertificationRequest> request = CertificationRequest::Read(file.proof);
    return request.ok() && request->ProvesItsKey() ? request->spki : "";
  }
  absl::StatusOr<Certificate> certificate = Certificate::Read(file.proof);
  return certificate.ok() ? certificate->spki : "";
}

bool HasStamps(const Graph& graph) {
  return std::any_of(graph.steps().begin(), graph.steps().end(),
                     [](const Step& step) { return IsThere(paths::Stamp(step.label)); });
}

struct SigningKeys {
  std::vector<std::string> operator()(const CsrRecord& record) const { return {record.key}; }
  std::vector<std::string> operator()(const CaCertRecord& record) const { return {record.key}; }
  std::vector<std::string> operator()(const CertRecord& record) const { return {record.issuer_key}; }
  std::vector<std::string> operator()(const CrlRecord& record) const { return {record.issuer_key}; }
  std::vector<std::string> operator()(const BundleRecord& record) const { return {record.key}; }
  template <typename Other>
  std::vector<std::string> operator()(const Other&) const {
    return {};
  }
};

}  // namespace

Notes NotesOf(const Graph& graph, const std::vector<Journal>& journals) {
  const bool noted = std::any_of(journals.begin(), journals.end(),
                                 [](const Journal& journal) { return !journal.entries().empty(); });
  if (noted || HasStamps(graph)) return Notes::kKept;
  const std::vector<KeyFile> files = KeyFilesOf(graph);
  auto is_public = [](const KeyFile& file) { return file.of_plan && !file.request && IsThere(file.proof); };
  if (std::none_of(files.begin(), files.end(), is_public)) return Notes::kKept;  // nothing was made yet
  if (IsThere(paths::kShards)) return Notes::kLost;                              // `gen` was here
  const bool key = std::any_of(files.begin(), files.end(),
                               [](const KeyFile& file) { return !file.key.empty() && IsThere(file.key); });
  return key ? Notes::kLost : Notes::kElsewhere;
}

std::map<std::string, ForeseenFile> KeysElsewhere(const Graph& graph) {
  std::map<std::string, ForeseenFile> keys;
  // A certificate says more than a request, which may be about a key that was replaced before it was signed
  // again.
  for (bool request : {false, true}) {
    for (const KeyFile& file : KeyFilesOf(graph)) {
      if (file.request != request || file.key.empty() || keys.count(file.key) > 0 || IsThere(file.key))
        continue;
      ForeseenFile key;
      key.spki = PublicHalf(file);
      if (!key.spki.empty()) keys.emplace(file.key, std::move(key));
    }
  }
  return keys;
}

std::vector<std::string> SigningKeysOf(const Step& step) {
  std::vector<std::string> keys = std::visit(SigningKeys(), ReadAnyRecord(step.record));
  keys.erase(std::remove(keys.begin(), keys.end(), ""), keys.end());
  return keys;
}

}  // namespace kplan
