#ifndef KPLAN_IMPORTER_PROFILE_MATCH_H_
#define KPLAN_IMPORTER_PROFILE_MATCH_H_

// By which profile a certificate was signed. cfssl writes no name into it, so that what it says is compared:
// usages, life, CA or not, URLs.

#include <string>
#include <vector>

#include "src/importer/findings.h"
#include "src/importer/pki_import.h"

namespace kplan {

class ProfileMatcher {
 public:
  // COMPAT: EC certificates keep key encipherment.
  ProfileMatcher(const Input& input, bool compat, Findings* findings);

  // The name of the profile by which ISSUER signed CERTIFICATE for a key of KEY_KIND ("rsa 2048"): one of
  // ca-config.json's; when none fits, one that is made to.
  std::string NameFor(const CertificateFile& certificate, const std::string& key_kind,
                      const Certificate& issuer);

  // For a certificate that is not issued yet: "kubernetes", the only one, or the default; "" when there is
  // none.
  std::string NameForNew() const;

  std::vector<ImportedProfile> TakeProfiles();

 private:
  enum class Fit { kNo, kCapped, kExact };
  Fit FitOf(const ImportedProfile& profile, const CertificateFile& certificate, const std::string& key_kind,
            const Certificate& issuer) const;
  void AddProfiles(const CfsslConfig& config);
  void AddApart(ImportedProfile profile, const std::string& config);
  std::string MakeFor(const CertificateFile& certificate);
  bool Has(const std::string& name) const;

  bool compat_;
  bool has_config_;
  std::string config_text_;  // "ca-config.json"
  Findings* findings_;
  std::vector<ImportedProfile> profiles_;
  bool built_in_added_ = false;
};

// The words for what CERTIFICATE may be used for; an error in FINDINGS for one that has no word.
std::vector<Sourced> UsageWords(const CertificateFile& certificate, Findings* findings);

}  // namespace kplan

#endif  // KPLAN_IMPORTER_PROFILE_MATCH_H_
