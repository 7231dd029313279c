#include "src/importer/pki_import.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"
#include "src/importer/compare.h"
#include "src/importer/profile_match.h"
#include "src/importer/request_match.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/usages.h"
#include "src/pki/verifier_objections.h"

namespace kplan {
namespace {

class Importer {
 public:
  Importer(const Input& input, Findings* findings) : input_(input), findings_(findings) {}

  PkiImport Make() {
    FindKeys();
    FindIssuers();
    SortCertificates();
    if (import_.cas.empty()) {
      findings_->Error(Code::kCfsslMismatch, {}, "there is no CA certificate with its key in it",
                       "an import needs the CA that signed the certificates: ca.pem and ca-key.pem");
      return std::move(import_);
    }
    SetCompat();
    ProfileMatcher matcher(input_, import_.compat, findings_);
    for (ImportedCert& cert : import_.certs) {
      cert.profile =
          matcher.NameFor(*cert.certificate, cert.key->key.kind(), issuers_.at(cert.name)->certificate);
    }
    AddRequests(matcher);
    import_.profiles = matcher.TakeProfiles();
    std::sort(import_.certs.begin(), import_.certs.end(),
              [](const ImportedCert& a, const ImportedCert& b) { return a.name < b.name; });
    return std::move(import_);
  }

 private:
  // Which certificate has which key, by the names of the files.
  void FindKeys() {
    for (const auto& [name, file] : input_.certificates) {
      auto found = input_.keys.find(name);
      // Who else has the key of this certificate: what a person may have mixed up.
      std::string other;
      for (const auto& [key_name, key] : input_.keys) {
        if (key.key.spki() == file.certificate.spki) other = findings_->PathOf(key.place.file);
      }
      if (found == input_.keys.end()) {
        without_key_.insert(name);
        missing_key_help_[name] =
            other.empty() ? "kplan keeps a certificate together with its key; what has its key elsewhere (a "
                            "kubelet's, somebody else's) is not its to renew"
                          : absl::StrCat(other, " is its key: call the two files alike to import them");
      } else if (found->second.key.spki() != file.certificate.spki) {
        findings_->Error(Code::kCfsslMismatch, found->second.place,
                         absl::StrCat("is not the key of ", findings_->PathOf(file.place.file)),
                         other.empty() ? "find the key that is, or leave that certificate out"
                                       : absl::StrCat(other, " is: were they mixed up?"));
      } else {
        keys_[name] = &found->second;
      }
    }
    for (const auto& [name, key] : input_.keys) {
      bool has_request = input_.json_requests.count(name) > 0;
      if (input_.certificates.count(name) == 0 && !has_request)
        findings_->Warning(Code::kCfsslLeftOut, key.place, "is a key without a certificate: left out");
    }
  }

  // Who signed which certificate; one that signed itself is not in there.
  void FindIssuers() {
    for (const auto& [name, file] : input_.certificates) {
      const Certificate& c = file.certificate;
      if (c.is_ca && c.NamesAsIssuer(c) && c.IsSignedBy(c)) continue;
      const CertificateFile* namesake = nullptr;
      for (const auto& [ca_name, ca] : input_.certificates) {
        if (&ca == &file || !ca.certificate.is_ca || !c.NamesAsIssuer(ca.certificate)) continue;
        namesake = &ca;
        if (c.IsSignedBy(ca.certificate)) issuers_.emplace(name, &ca);
      }
      if (issuers_.count(name) > 0) continue;
      orphans_.insert(name);
      if (without_key_.count(name) > 0) continue;  // left out anyway
      if (namesake != nullptr) {
        findings_->Error(Code::kCfsslMismatch, file.place,
                         absl::StrCat("names ", findings_->PathOf(namesake->place.file),
                                      " as its issuer, but was not signed by the key of that"),
                         "the CA was made again under the same name, or the file is damaged; leave it out, "
                         "and kplan issues a new one from its request");
      } else {
        findings_->Error(
            Code::kCfsslMismatch, file.place,
            absl::StrCat("was signed by no CA of these files, but by ", Quote(NameText(c.issuer.get()))),
            "import its CA too, or leave it out");
      }
    }
  }

  // Whether the CA certificate NAME has signed another one that is imported; when LEAF, one of no CA.
  bool Signs(const std::string& name, bool leaf) const {
    return std::any_of(issuers_.begin(), issuers_.end(), [&](const auto& signed_one) {
      const auto& [other, issuer] = signed_one;
      return issuer->name == name && without_key_.count(other) == 0 &&
             !(leaf && input_.certificates.at(other).certificate.is_ca);
    });
  }

  void SortCertificates() {
    for (const auto& [name, file] : input_.certificates) {
      const Certificate& c = file.certificate;
      const bool signs = c.is_ca && Signs(name, /*leaf=*/false);
      if (without_key_.count(name) > 0 && !signs) {
        findings_->Warning(Code::kCfsslLeftOut, file.place,
                           absl::StrCat("has no key beside it (", name, "-key.pem): left out"),
                           missing_key_help_[name]);
        continue;
      }
      auto key = keys_.find(name);
      auto issuer = issuers_.find(name);
      if (orphans_.count(name) > 0) continue;  // said before
      if (without_key_.count(name) > 0) {
        AddWithoutKey(file);
      } else if (key == keys_.end()) {
        continue;  // likewise
      } else if (c.is_ca && (issuer == issuers_.end() || signs || IsPlainCa(file))) {
        ImportedCa ca;
        ca.certificate = &file;
        ca.key = key->second;
        ca.csr = RequestOf(input_, file, findings_);
        if (issuer != issuers_.end()) ca.issuer = issuer->second->name;
        if (std::string wrong = WhatIsWrongWithSubject(file); !wrong.empty())
          UseAsItIs(&ca, wrong, findings_);
        if (!c.sans.empty()) WarnOfSans(file);
        import_.cas.push_back(std::move(ca));
      } else {
        if (std::string wrong = WhatIsWrongWithSubject(file); !wrong.empty()) {
          findings_->Error(
              Code::kBadSubject, {file.place.file, {}, "subject"}, wrong,
              "keep this certificate out of the import; from its request kplan issues a new one");
        }
        ImportedCert cert;
        cert.name = name;
        cert.certificate = &file;
        cert.key = key->second;
        cert.csr = RequestOf(input_, file, findings_);
        cert.ca = issuer->second->name;
        import_.certs.push_back(std::move(cert));
      }
    }
    for (const ImportedCa& ca : import_.cas) WarnOfVerifiers(ca);
    std::stable_partition(import_.cas.begin(), import_.cas.end(),
                          [](const ImportedCa& ca) { return ca.name() == "ca"; });
  }

  // A CA whose key is not among the files. A root that signs CAs only is kept offline by good habit; whatever
  // signs leaves has to be there.
  void AddWithoutKey(const CertificateFile& file) {
    if (Signs(file.name, /*leaf=*/true)) {
      findings_->Error(
          Code::kCfsslMismatch, file.place,
          absl::StrCat("signed certificates of these files, but its key, ", file.name,
                       "-key.pem, is not among them"),
          "without it nothing can be signed again; if the key is kept elsewhere on purpose, write "
          "cluster.yaml by hand, with `cert: FILE` and no `key` for that CA");
      return;
    }
    ImportedCa ca;
    ca.certificate = &file;
    ca.existing = true;
    auto issuer = issuers_.find(file.name);
    if (issuer != issuers_.end()) ca.issuer = issuer->second->name;
    findings_->Warning(Code::kCfsslDiffers, file.place,
                       absl::StrCat("has no key beside it (", file.name,
                                    "-key.pem): whoever has it will have to renew the CAs that it signed"),
                       "when one is due, kplan writes its request and says so");
    import_.cas.push_back(std::move(ca));
  }

  // Why kplan could not write the subject of FILE; "" when it could. Values that are wrong are found when
  // cluster.yaml is checked.
  static std::string WhatIsWrongWithSubject(const CertificateFile& file) {
    if (!file.unknown_field.empty()) {
      return absl::StrCat("has the field ", file.unknown_field,
                          ", which kplan does not write (newer cfssls do, for E and OID)");
    }
    if (std::none_of(file.subject.begin(), file.subject.end(),
                     [](const auto& field) { return field.first == "CN"; })) {
      return "has no CN, and kplan's certificates all have one";
    }
    absl::StatusOr<NamePtr> name = MakeName(file.subject);
    if (name.ok() && !SameName(name->get(), file.certificate.subject.get())) {
      return absl::StrCat("has its fields in another order than cfssl and kplan write them: ",
                          NameText(file.certificate.subject.get()));
    }
    return "";
  }

  // A CA as kplan makes them: it signs, and nothing else.
  static bool IsPlainCa(const CertificateFile& file) {
    const Certificate& c = file.certificate;
    return c.key_usage == (kCertSign | kCrlSign) && c.extended_key_usages.empty() && c.sans.empty();
  }

  void WarnOfVerifiers(const ImportedCa& ca) {
    auto issuer = issuers_.find(ca.name());
    const Certificate* signer = issuer == issuers_.end() ? nullptr : &issuer->second->certificate;
    for (const Objection& objection : ObjectionsTo(ca.certificate->certificate, signer)) {
      findings_->Warning(Code::kGivenCa, ca.certificate->place,
                         absl::StrCat("is refused by ", objection.who, ": ", objection.what),
                         std::string(objection.remedy));
    }
  }

  void WarnOfSans(const CertificateFile& file) {
    std::vector<std::string> names;
    for (const auto& [kind, value] : file.certificate.sans) names.push_back(value);
    findings_->Warning(Code::kCfsslDiffers, file.place,
                       absl::StrCat("names hosts (", absl::StrJoin(names, ", "),
                                    "), which no CA certificate should: cfssl took them from its request"),
                       "it stays as it is; when it is made again, it names none");
  }

  void SetCompat() {
    for (const ImportedCert& cert : import_.certs) {
      const bool enciphers =
          (cert.certificate->certificate.key_usage & (kKeyEncipherment | kDataEncipherment)) != 0;
      if (enciphers && !absl::StartsWith(cert.key->key.kind(), "rsa")) import_.compat = true;
    }
  }

  // Says what a certificate of its own name has otherwise than REQUEST, and that a request of another name
  // was found to have been used.
  void TellOf(const std::string& name, const CfsslRequest& request,
              const std::vector<const CertificateFile*>& made) {
    if (made.size() == 1 && made[0]->name == name) {
      if (auto key = keys_.find(name); key != keys_.end())
        CompareWithRequest(*made[0], *key->second, request, findings_);
      return;
    }
    if (input_.certificates.count(name) > 0) return;
    std::vector<std::string> paths;
    for (const CertificateFile* file : made) {
      if (!file->certificate.is_ca) paths.push_back(findings_->PathOf(file->place.file));
    }
    if (paths.empty()) return;
    findings_->Warning(Code::kCfsslLeftOut, request.place,
                       absl::StrCat("is, by its subject and key, the request of ", absl::StrJoin(paths, ", "),
                                    ": no certificate ", name, " is issued for it"),
                       absl::StrCat("if one is wanted, add ", name, " to `certs` by hand"));
  }

  // Requests of which there is no certificate.
  void AddRequests(const ProfileMatcher& matcher) {
    for (const auto& [name, request] : input_.json_requests) {
      if (std::vector<const CertificateFile*> made = MadeFrom(input_, name, request); !made.empty()) {
        TellOf(name, request, made);
        continue;
      }
      if (request.is_ca || name == "ca") {
        findings_->Warning(Code::kCfsslLeftOut, request.place,
                           absl::StrCat("is the request of a CA without ", name, ".pem: left out"),
                           "an import makes no CA; add it to cluster.yaml where one is wanted");
        continue;
      }
      const ImportedCa* ca = import_.DefaultCa();
      const std::string profile = matcher.NameForNew();
      if (ca == nullptr || profile.empty()) {
        findings_->Warning(Code::kCfsslLeftOut, request.place,
                           absl::StrCat("has no certificate, and there is more than one ",
                                        ca == nullptr ? "CA" : "profile", " to sign it: left out"),
                           "add it to `certs` by hand");
        continue;
      }
      ImportedCert cert;
      cert.name = name;
      cert.request = &request;
      auto key = input_.keys.find(name);
      if (key != input_.keys.end()) {
        cert.key = &key->second;
        auto csr = input_.requests.find(name);
        if (csr != input_.requests.end() && csr->second.request.spki == cert.key->key.spki())
          cert.csr = &csr->second;
      }
      cert.profile = profile;
      cert.ca = ca->name();
      findings_->Warning(
          Code::kCfsslDiffers, request.place,
          absl::StrCat("has no certificate ", name, ".pem: kplan will issue one, by the profile ", profile),
          request.has_hosts ? ""
                            : absl::StrCat("names no hosts: if cfssl got some by -hostname, add `hosts` to ",
                                           name, " in cluster.yaml"));
      import_.certs.push_back(std::move(cert));
    }
  }

  const Input& input_;
  Findings* findings_;
  PkiImport import_;
  std::map<std::string, const KeyFile*> keys_;             // by the certificate's name
  std::map<std::string, const CertificateFile*> issuers_;  // likewise
  std::map<std::string, std::string> missing_key_help_;    // likewise
  std::set<std::string> without_key_, orphans_;            // certificates' names
};

}  // namespace

const ImportedCa* PkiImport::DefaultCa() const {
  if (cas.empty()) return nullptr;
  return cas.size() == 1 || cas.front().name() == "ca" ? &cas.front() : nullptr;
}

void UseAsItIs(ImportedCa* ca, const std::string& why, Findings* findings) {
  ca->existing = true;
  findings->Warning(Code::kCfsslDiffers, ca->certificate->place,
                    absl::StrCat("is a CA that kplan would make otherwise: ", why),
                    "it is used as it is (`cert`, `key`), and never made again: see to its renewal yourself");
}

PkiImport MakeImport(const Input& input, Findings* findings) { return Importer(input, findings).Make(); }

}  // namespace kplan
