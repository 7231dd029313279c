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

using CrlPointsPtr = std::unique_ptr<CRL_DIST_POINTS, OpenSslDelete<CRL_DIST_POINTS_free>>;
using AccessPtr = std::unique_ptr<AUTHORITY_INFO_ACCESS, OpenSslDelete<AUTHORITY_INFO_ACCESS_free>>;

std::string BaseName(const std::string& path) { return fs::path(path).filename().string(); }

// BASE without the first of SUFFIXES that it has.
std::string Stem(absl::string_view base, std::initializer_list<absl::string_view> suffixes) {
  for (absl::string_view suffix : suffixes) {
    if (absl::ConsumeSuffix(&base, suffix)) break;
  }
  return std::string(base);
}

std::string TextOf(const ASN1_STRING* string) {
  unsigned char* utf8 = nullptr;
  int size = ASN1_STRING_to_UTF8(&utf8, string);
  if (size < 0) return "";
  std::string text(reinterpret_cast<char*>(utf8), size);
  OPENSSL_free(utf8);
  return text;
}

// "" when NAME is no URI.
std::string UriOf(const GENERAL_NAME* name) {
  return name->type == GEN_URI ? TextOf(name->d.uniformResourceIdentifier) : "";
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
    return absl::OkStatus();
  }

 private:
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
        if (input_.config.has_value()) {
          findings_->Error(Code::kCfsslFile, file, "is a second configuration of cfssl's",
                           "name the files to import one by one, with the configuration that was used");
        }
        input_.config = ReadConfig(tree.root(), file.file, findings_);
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
    } else if (label == "CERTIFICATE REQUEST" || label == "NEW CERTIFICATE REQUEST") {
      Keep(file, Stem(base, {".csr", ".pem"}), RequestFile{file, "", std::move(bytes)}, &input_.requests);
    } else if (label == "CERTIFICATE") {
      ReadCertificate(file, base, *blocks, std::move(bytes));
    } else {
      findings_->Warning(Code::kCfsslLeftOut, file,
                         absl::StrCat("holds a PEM block ", Quote(label), ": left out"));
    }
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
    CertificateFile kept;
    kept.place = file;
    kept.bytes = std::move(bytes);
    kept.certificate = *std::move(certificate);
    ReadExtensions(&kept);
    ReadSubject(&kept);
    Keep(file, Stem(base, {".pem"}), std::move(kept), &input_.certificates);
  }

  static void ReadSubject(CertificateFile* file) {
    static constexpr std::pair<int, absl::string_view> kFields[] = {{NID_countryName, "C"},
                                                                    {NID_stateOrProvinceName, "ST"},
                                                                    {NID_localityName, "L"},
                                                                    {NID_organizationName, "O"},
                                                                    {NID_organizationalUnitName, "OU"},
                                                                    {NID_commonName, "CN"},
                                                                    {NID_serialNumber, "serialNumber"}};
    const X509_NAME* subject = file->certificate.subject.get();
    for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
      const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
      int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
      const auto* found = std::find_if(std::begin(kFields), std::end(kFields),
                                       [nid](const auto& field) { return field.first == nid; });
      if (found == std::end(kFields)) {
        char dotted[128];
        OBJ_obj2txt(dotted, sizeof(dotted), X509_NAME_ENTRY_get_object(entry), /*no_name=*/0);
        file->unknown_field = dotted;
        continue;
      }
      file->subject.emplace_back(std::string(found->second), TextOf(X509_NAME_ENTRY_get_data(entry)));
    }
  }

  void ReadExtensions(CertificateFile* file) {
    CertificatePtr x509 = FromDer<CertificatePtr>(file->certificate.der, d2i_X509);
    if (x509 == nullptr) return;  // Certificate::Parse has read the same bytes
    for (int i = 0; i < X509_get_ext_count(x509.get()); ++i) {
      X509_EXTENSION* extension = X509_get_ext(x509.get(), i);
      void* value = X509V3_EXT_d2i(extension);
      switch (OBJ_obj2nid(X509_EXTENSION_get_object(extension))) {
        case NID_basic_constraints: {
          BasicConstraintsPtr constraints(static_cast<BASIC_CONSTRAINTS*>(value));
          if (constraints != nullptr && constraints->pathlen != nullptr)
            file->path_length = static_cast<int>(ASN1_INTEGER_get(constraints->pathlen));
          break;
        }
        case NID_crl_distribution_points:
          ReadCrlPoints(CrlPointsPtr(static_cast<CRL_DIST_POINTS*>(value)).get(), file);
          break;
        case NID_info_access:
          ReadAccess(AccessPtr(static_cast<AUTHORITY_INFO_ACCESS*>(value)).get(), file);
          break;
        case NID_key_usage:
        case NID_ext_key_usage:
        case NID_subject_key_identifier:
        case NID_authority_key_identifier:
        case NID_subject_alt_name:
          FreeValue(extension, value);
          break;
        default: {
          char name[128];
          OBJ_obj2txt(name, sizeof(name), X509_EXTENSION_get_object(extension), /*no_name=*/0);
          findings_->Warning(Code::kCfsslDiffers, file->place,
                             absl::StrCat("has an extension that kplan does not write: ", name),
                             "it goes when the certificate is made again");
          FreeValue(extension, value);
        }
      }
    }
  }

  static void FreeValue(X509_EXTENSION* extension, void* value) {
    const X509V3_EXT_METHOD* method = X509V3_EXT_get(extension);
    if (value == nullptr || method == nullptr) return;
    if (method->it != nullptr) {
      ASN1_item_free(static_cast<ASN1_VALUE*>(value), ASN1_ITEM_ptr(method->it));
    } else if (method->ext_free != nullptr) {
      method->ext_free(value);
    }
  }

  static void ReadCrlPoints(const CRL_DIST_POINTS* points, CertificateFile* file) {
    for (int i = 0; points != nullptr && i < sk_DIST_POINT_num(points); ++i) {
      const DIST_POINT* point = sk_DIST_POINT_value(points, i);
      if (point->distpoint == nullptr || point->distpoint->type != 0) continue;
      const GENERAL_NAMES* names = point->distpoint->name.fullname;
      for (int k = 0; k < sk_GENERAL_NAME_num(names) && file->crl.empty(); ++k)
        file->crl = UriOf(sk_GENERAL_NAME_value(names, k));
    }
  }

  static void ReadAccess(const AUTHORITY_INFO_ACCESS* access, CertificateFile* file) {
    for (int i = 0; access != nullptr && i < sk_ACCESS_DESCRIPTION_num(access); ++i) {
      const ACCESS_DESCRIPTION* description = sk_ACCESS_DESCRIPTION_value(access, i);
      std::string uri = UriOf(description->location);
      int method = OBJ_obj2nid(description->method);
      if (method == NID_ad_OCSP) file->ocsp = uri;
      if (method == NID_ad_ca_issuers) file->issuers.push_back(uri);
    }
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
