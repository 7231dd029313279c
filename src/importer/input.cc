#include "src/importer/input.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/importer/json_tree.h"
#include "src/pki/der.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFile = 1 << 20;

std::string BaseName(const std::string& path) { return fs::path(path).filename().string(); }

// BASE without the first of SUFFIXES that it has.
std::string Stem(absl::string_view base, std::initializer_list<absl::string_view> suffixes) {
  for (absl::string_view suffix : suffixes) {
    if (absl::ConsumeSuffix(&base, suffix)) break;
  }
  return std::string(base);
}

class Reader {
 public:
  Reader(Input* input, Findings* findings) : input_(*input), findings_(findings) {}

  absl::Status Read(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
      std::error_code error;
      absl::Status status = fs::is_directory(path, error) ? ReadFolder(path) : ReadOne(path, /*asked=*/true);
      if (!status.ok()) return status;
    }
    for (const std::string& name : input_.skipped) LeaveOut(name);
    return absl::OkStatus();
  }

 private:
  void LeaveOut(const std::string& name) {
    if (auto found = input_.certificates.extract(name); !found.empty())
      input_.skipped_certificates.push_back(std::move(found.mapped()));
    input_.keys.erase(name);
    input_.requests.erase(name);
    input_.json_requests.erase(name);
  }

  absl::Status ReadFolder(const std::string& folder) {
    std::error_code error;
    std::vector<std::string> paths;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      std::error_code type_error;
      if (it->is_regular_file(type_error)) paths.push_back(it->path().string());
    }
    if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot read the folder ", folder));
    std::sort(paths.begin(), paths.end());  // the order of a folder is nobody's
    for (const std::string& path : paths) {
      if (absl::Status status = ReadOne(path, /*asked=*/false); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ReadOne(const std::string& path, bool asked) {
    const std::string base = BaseName(path);
    const bool json = absl::EndsWith(base, ".json"), pem = absl::EndsWith(base, ".pem"),
               csr = absl::EndsWith(base, ".csr");
    if (!json && !pem && !csr && !asked) return absl::OkStatus();
    struct stat info;
    absl::StatusOr<std::string> bytes = ReadFile(path, kMaxFile);
    if (!bytes.ok()) return bytes.status();
    if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
    // A private key is not text to be shown.
    const Place file = {findings_->AddFile(path, json ? *bytes : ""), {}, ""};
    const bool skipped = findings_->IsSkipped(file.file);
    if (skipped && pem) input_.skipped.insert(Stem(base, {"-key.pem", ".pem"}));
    if (skipped && !pem) return absl::OkStatus();
    if (json) {
      ReadJson(file, base, *bytes);
    } else if (pem || csr) {
      ReadPem(file, base, info.st_mode & 07777, *std::move(bytes));
    } else {
      findings_->Error(Code::kCfsslFile, file, "is no file of cfssl's", "it reads *.json, *.pem and *.csr");
    }
    return absl::OkStatus();
  }

  void ReadJson(const Place& file, const std::string& base, const std::string& text) {
    JsonTree tree;
    if (!tree.Parse(text, file.file, findings_)) return;
    switch (KindOf(tree.root())) {
      case CfsslFile::kConfig:
        input_.configs.push_back(ReadConfig(tree.root(), file.file, findings_));
        input_.configs.back().name = Stem(base, {".json"});
        return;
      case CfsslFile::kRequest: {
        CfsslRequest request = ReadRequest(tree.root(), file.file, findings_);
        Keep(file, Stem(base, {"-csr.json", "_csr.json", ".json"}), std::move(request),
             &input_.json_requests);
        return;
      }
      case CfsslFile::kOther:
        findings_->Warning(Code::kCfsslLeftOut, file,
                           "is neither a configuration nor a request of cfssl's: left out");
    }
  }

  void ReadPem(const Place& file, const std::string& base, mode_t mode, std::string bytes) {
    absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(bytes);
    if (!blocks.ok()) {
      findings_->Error(Code::kCfsslFile, file, std::string(blocks.status().message()));
      return;
    }
    const std::string& label = blocks->front().label;
    if (absl::StrContains(label, "PRIVATE KEY") || label == "EC PARAMETERS") {
      ReadKey(file, base, mode, *blocks, Secret(std::move(bytes)));
    } else if (IsRequest(blocks->front())) {
      ReadRequestFile(file, base, *blocks, std::move(bytes));
    } else if (label == "CERTIFICATE") {
      ReadCertificate(file, base, *blocks, std::move(bytes));
    } else {
      findings_->Warning(Code::kCfsslLeftOut, file,
                         absl::StrCat("holds a PEM block ", Quote(label), ": left out"));
    }
  }

  void ReadRequestFile(const Place& file, const std::string& base, const std::vector<PemBlock>& blocks,
                       std::string bytes) {
    absl::StatusOr<CertificationRequest> request = CertificationRequest::Parse(blocks.front().der.view());
    if (!request.ok() || blocks.size() > 1) {
      // It is not worth much: the next ninja writes another one.
      findings_->Warning(Code::kCfsslLeftOut, file, "is not one request, or damaged: left out");
      return;
    }
    Keep(file, Stem(base, {".csr", ".pem"}), RequestFile{file, "", std::move(bytes), *std::move(request)},
         &input_.requests);
  }

  void ReadKey(const Place& file, const std::string& base, mode_t mode, const std::vector<PemBlock>& blocks,
               Secret bytes) {
    if (blocks.back().label == "CERTIFICATE") {
      findings_->Warning(Code::kCfsslLeftOut, file, "holds a key and a certificate: left out",
                         "kplan makes such files by itself: `files: [bundle]` in the certificate's entry");
      return;
    }
    absl::StatusOr<PrivateKey> key = PrivateKey::Parse(bytes.view());
    if (absl::IsFailedPrecondition(key.status())) {
      findings_->Error(
          Code::kCfsslFile, file, "is encrypted with a passphrase, and an import asks for none",
          absl::StrCat(
              "decrypt a copy (`openssl pkey -in ", base,
              "`) and import that; with `key: {passphrase-file: FILE}` kplan encrypts a CA's key again"));
    } else if (!key.ok()) {
      findings_->Error(Code::kCfsslFile, file, std::string(key.status().message()));
    } else if (!key->usable()) {
      findings_->Error(Code::kCfsslFile, file,
                       absl::StrCat("holds a key of the kind ", key->kind(), ", which kplan cannot use"),
                       "keep the certificates of that key out of the import");
    } else {
      if ((mode & 077) != 0) {
        findings_->Warning(Code::kCfsslDiffers, file,
                           absl::StrFormat("has the mode %04o: others can read this private key", mode),
                           "the copy is 0600; whoever could read this file may have the key, and still can");
      }
      if (blocks.back().label == "Ed25519 PRIVATE KEY") {
        findings_->Warning(Code::kCfsslDiffers, file,
                           "has the PEM label of newer cfssls, \"Ed25519 PRIVATE KEY\", which Go's programs "
                           "(etcd) read, and OpenSSL and GnuTLS do not",
                           "kept as it is; for others write PRIVATE KEY in its first and last line: it stays "
                           "the same key");
      }
      KeyFile kept{file, "", std::move(bytes), mode, *std::move(key), false};
      kept.pkcs8 = blocks.back().label == "PRIVATE KEY" && !absl::StartsWith(kept.key.kind(), "ed25519");
      if (!absl::EndsWith(base, "-key.pem")) {
        findings_->Error(Code::kCfsslFile, file, "is a private key, and its name does not end with -key.pem",
                         "cfssljson calls the key of NAME.pem NAME-key.pem: rename it");
        return;
      }
      Keep(file, Stem(base, {"-key.pem"}), std::move(kept), &input_.keys);
    }
  }

  void ReadCertificate(const Place& file, const std::string& base, const std::vector<PemBlock>& blocks,
                       std::string bytes) {
    if (blocks.size() > 1) {
      findings_->Warning(Code::kCfsslLeftOut, file,
                         absl::StrCat("holds ", Count(blocks.size(), "PEM block"),
                                      " where one certificate belongs: left out"),
                         "kplan makes chains by itself: `files: [chain]`; if it is the only file with its "
                         "first certificate, import one that holds that alone");
      return;
    }
    absl::StatusOr<Certificate> certificate = Certificate::Parse(blocks[0].der.view());
    if (!certificate.ok()) {
      findings_->Error(Code::kCfsslFile, file, std::string(certificate.status().message()));
      return;
    }
    CertificateFile kept = DescribeCertificate(file, *std::move(certificate), findings_);
    kept.bytes = std::move(bytes);
    Keep(file, Stem(base, {".pem"}), std::move(kept), &input_.certificates);
  }

  template <typename T>
  void Keep(const Place& place, std::string name, T value, std::map<std::string, T>* all) {
    SetName(&value, name);
    auto [there, fresh] = all->try_emplace(name, std::move(value));
    if (fresh) return;
    findings_->Error(Code::kCfsslMismatch, place,
                     absl::StrCat("has the name of ", findings_->PathOf(there->second.place.file)),
                     "import one of the two");
  }
  static void SetName(CfsslRequest*, const std::string&) {}
  template <typename T>
  static void SetName(T* value, const std::string& name) {
    value->name = name;
  }

  Input& input_;
  Findings* findings_;
};

}  // namespace

absl::Status ReadInput(const std::vector<std::string>& paths, Input* input, Findings* findings) {
  InitOpenSsl();
  return Reader(input, findings).Read(paths);
}

}  // namespace kplan
