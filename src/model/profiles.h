#ifndef KPLAN_MODEL_PROFILES_H_
#define KPLAN_MODEL_PROFILES_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/base/diagnostic.h"
#include "src/model/pki_values.h"
#include "src/spec/spec.h"

namespace kplan {

// One of cfssl's signing profiles: what a certificate is for, and for how long.
struct Profile {
  std::string name;
  Range place, ca_place;            // where its name and its is_ca stand, if anybody wrote them
  std::vector<std::string> usages;  // as written, each once
  Life life;
  bool is_ca = false;
  int max_path_length = kNoPathLength;
  IssuerUrls urls;
};

// `signing`: the profiles by their names.
class Profiles {
 public:
  Profiles(const Spec& spec, Diagnostics* diagnostics);

  // The one that SPEC names, else the default one. What is wrong with the name is reported.
  const Profile& Of(const CertSpec& spec) const;

  // `signing.profiles.NAME`, or the built-in one; null when there is none.
  const Profile* Find(absl::string_view name) const;
  // `signing.default`, what the others take from it included; it may have no usages.
  const Profile& fallback() const { return fallback_; }

  // The usages of PROFILE that a key of the kind ALGO can have (RFC 5480 3, RFC 8410 5): cfssl gives key
  // encipherment to keys that cannot encipher, and does here too where `compat: cfssl` is written.
  std::vector<std::string> UsagesFor(const Profile& profile, absl::string_view algo) const;

 private:
  Profile Resolve(const ProfileSpec& spec, const Profile& fallback);
  void CheckUsages(const ProfileSpec& spec, Profile* profile);
  void CheckCa(const ProfileSpec& spec, const Profile& profile);

  PkiValues values_;
  Diagnostics* diagnostics_;
  bool well_formed_;
  bool knows_all_;           // Spec::knows_profiles
  bool compatible_ = false;  // with cfssl
  Profile fallback_;         // `signing.default`
  Profile default_;          // for certificates that name none
  absl::flat_hash_map<std::string, Profile> profiles_;
};

}  // namespace kplan

#endif  // KPLAN_MODEL_PROFILES_H_
