#include "src/model/profiles.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/model/resolve_internal.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

// The tutorial's.
constexpr char kBuiltIn[] = "kubernetes";
constexpr int64_t kLeafExpirySeconds = int64_t{8760} * 3600;
// So many profiles are all named to who asks for another one.
constexpr size_t kMostNamed = 20;

bool Has(const std::vector<std::string>& usages, absl::string_view usage) {
  return absl::c_linear_search(usages, usage);
}

// Whether a key of the kind ALGO can be used so. RSA keys can everything.
bool CanHave(absl::string_view algo, absl::string_view usage) {
  if (algo == "rsa") return true;
  if (usage == "key encipherment" || usage == "data encipherment") return false;
  bool agreement = usage == "key agreement" || usage == "encipher only" || usage == "decipher only";
  return algo == "ecdsa" || !agreement;
}

}  // namespace

Profiles::Profiles(const Spec& spec, Diagnostics* diagnostics)
    : values_(diagnostics, spec.well_formed),
      diagnostics_(diagnostics),
      well_formed_(spec.well_formed),
      knows_all_(spec.knows_profiles) {
  if (spec.compat.set() && spec.compat.value != "cfssl") {
    diagnostics->Error(Code::kUnknownValue, spec.compat.range,
                       absl::StrCat("compat ", Quote(spec.compat.value), " is not known"),
                       Remedy("write compat: cfssl, or leave it out", "cfssl"));
  }
  compatible_ = spec.compat.set();
  Profile built_in;
  built_in.name = kBuiltIn;
  built_in.usages = {"signing", "key encipherment", "server auth", "client auth"};
  built_in.life.expiry_seconds = kLeafExpirySeconds;
  Profile fallback;
  fallback.life.expiry_seconds = kLeafExpirySeconds;
  if (spec.default_profile.name.set()) fallback = Resolve(spec.default_profile, fallback);
  for (const ProfileSpec& profile : spec.profiles) {
    profiles_[profile.name.value] = Resolve(profile, fallback);
    if (!profile.usages.empty() || !well_formed_) continue;
    diagnostics->Error(Code::kMissingKey, profile.name.range,
                       absl::StrCat("the profile ", Quote(profile.name.value), " has no usages"),
                       "for example usages: [signing, key encipherment, server auth, client auth]");
  }
  profiles_.try_emplace(kBuiltIn, built_in);
  // The tutorial's ca-config.json has a default that says nothing but how long.
  default_ = fallback.usages.empty() ? profiles_[kBuiltIn] : fallback;
  fallback_ = std::move(fallback);
}

Profile Profiles::Resolve(const ProfileSpec& spec, const Profile& fallback) {
  Profile profile;
  profile.name = spec.name.value;
  profile.place = spec.name.range;
  profile.ca_place = spec.ca_constraint.is_ca.range;
  profile.life = values_.ResolveLife(spec.expiry, spec.backdate, spec.renew_before, fallback.life);
  profile.urls = values_.ResolveUrls(spec.urls, fallback.urls);
  profile.is_ca = values_.ResolveBool(spec.ca_constraint.is_ca, "is_ca", false);
  profile.max_path_length = values_.ResolvePathLength(spec.ca_constraint.max_path_len);
  CheckUsages(spec, &profile);
  CheckCa(spec, profile);
  return profile;
}

void Profiles::CheckUsages(const ProfileSpec& spec, Profile* profile) {
  for (const Text& usage : spec.usages) {
    if (FindUsage(usage.value) == nullptr) {
      std::vector<absl::string_view> all;
      for (const Usage& known : kUsages) all.push_back(known.name);
      diagnostics_->Error(Code::kUnknownValue, usage.range,
                          absl::StrCat("there is no usage ", Quote(usage.value)),
                          MeantOr(usage.value, all,
                                  "cfssl's words: signing, key encipherment, server auth, client auth, ..."));
    } else if ((usage.value == "cert sign" || usage.value == "crl sign") && !profile->is_ca) {
      diagnostics_->Error(
          Code::kBadUsages, usage.range,
          absl::StrCat("the usage ", Quote(usage.value), " is for CAs, and this profile makes none"),
          "remove it, or add ca_constraint: {is_ca: true}");
    } else if (!Has(profile->usages, usage.value)) {
      profile->usages.push_back(usage.value);
    }
  }
  for (const Text& usage : spec.usages) {
    bool only = usage.value == "encipher only" || usage.value == "decipher only";
    if (!only || Has(profile->usages, "key agreement")) continue;
    diagnostics_->Error(Code::kBadUsages, usage.range,
                        absl::StrCat("the usage ", Quote(usage.value),
                                     " means nothing without \"key agreement\" (RFC 5280 4.2.1.3)"),
                        "add key agreement, or remove it");
  }
}

void Profiles::CheckCa(const ProfileSpec& spec, const Profile& profile) {
  if (!profile.is_ca && spec.ca_constraint.max_path_len.set()) {
    diagnostics_->Error(Code::kBadUsages, spec.ca_constraint.max_path_len.range,
                        "max_path_len is for CAs, and this profile makes none", "add is_ca: true");
  }
  if (profile.is_ca && !profile.usages.empty() && !Has(profile.usages, "cert sign")) {
    diagnostics_->Error(Code::kBadUsages, spec.ca_constraint.range,
                        "a CA needs the usage \"cert sign\", or no verifier accepts what it signs",
                        "add cert sign and crl sign to the usages");
  }
}

const Profile& Profiles::Of(const CertSpec& spec) const {
  if (!spec.profile.set()) return default_;
  auto found = profiles_.find(spec.profile.value);
  if (found != profiles_.end()) return found->second;
  if (!knows_all_) return default_;
  auto names = [&] {
    std::vector<absl::string_view> all;
    for (const auto& [known, profile] : profiles_) all.push_back(known);
    std::sort(all.begin(), all.end());
    return all;
  };
  Remedy otherwise;
  if (profiles_.size() <= kMostNamed) {
    const std::vector<absl::string_view> all = names();
    otherwise = absl::StrCat("there are ", JoinAnd({all.begin(), all.end()}));
  }
  diagnostics_->Error(Code::kUnknownName, spec.profile.range,
                      absl::StrCat("there is no profile ", Quote(spec.profile.value)),
                      MeantAmong(*diagnostics_, spec.profile.value, names, std::move(otherwise)));
  return default_;
}

const Profile* Profiles::Find(absl::string_view name) const {
  auto found = profiles_.find(name);
  return found == profiles_.end() ? nullptr : &found->second;
}

std::vector<std::string> Profiles::UsagesFor(const Profile& profile, absl::string_view algo) const {
  std::vector<std::string> usages;
  for (const std::string& usage : profile.usages) {
    if (compatible_ || CanHave(algo, usage)) usages.push_back(usage);
  }
  return usages;
}

}  // namespace kplan
