#include "src/importer/profile_match.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

// The name under which `signing.default` of cfssl's becomes a profile like any other: in kplan no certificate
// falls back to it unseen.
constexpr char kDefaultName[] = "cfssl-default";
constexpr int64_t kBuiltInExpiry = int64_t{8760} * 3600;
const char* const kBuiltInUsages[] = {"signing", "key encipherment", "server auth", "client auth"};

std::vector<std::string> Values(const std::vector<Sourced>& list) {
  std::vector<std::string> values;
  for (const Sourced& each : list) values.push_back(each.value);
  return values;
}

std::vector<std::string> Sorted(std::vector<std::string> list) {
  std::sort(list.begin(), list.end());
  return list;
}

// What a key of KIND cannot be used for, and kplan leaves out unless told to be compatible.
uint16_t UnfitFor(const std::string& kind) {
  if (absl::StartsWith(kind, "rsa")) return 0;
  uint16_t unfit = kKeyEncipherment | kDataEncipherment;
  return absl::StartsWith(kind, "ecdsa") ? unfit : unfit | kKeyAgreement | kEncipherOnly | kDecipherOnly;
}

// Whether whatever is signed by A would be signed by B.
bool Same(const ImportedProfile& a, const ImportedProfile& b) {
  return Sorted(Values(a.usages)) == Sorted(Values(b.usages)) && a.expiry_seconds == b.expiry_seconds &&
         a.backdate.value == b.backdate.value && a.is_ca == b.is_ca && a.path_length == b.path_length &&
         a.crl.value == b.crl.value && a.ocsp.value == b.ocsp.value && Values(a.issuers) == Values(b.issuers);
}

ImportedProfile BuiltIn() {
  ImportedProfile profile;
  profile.name.value = kBuiltInProfile;
  for (const char* usage : kBuiltInUsages) profile.usages.push_back({usage, {}});
  profile.expiry_seconds = kBuiltInExpiry;
  profile.expiry.value = DurationText(kBuiltInExpiry);
  return profile;
}

}  // namespace

bool IsBuiltIn(const ImportedProfile& profile) {
  ImportedProfile built_in = BuiltIn();
  return profile.name.value == kBuiltInProfile &&
         Sorted(Values(profile.usages)) == Sorted(Values(built_in.usages)) &&
         profile.expiry_seconds == built_in.expiry_seconds && !profile.is_ca && profile.crl.value.empty() &&
         profile.ocsp.value.empty() && profile.issuers.empty() && profile.backdate.value.empty();
}

ProfileMatcher::ProfileMatcher(const Input& input, bool compat, Findings* findings)
    : compat_(compat), has_config_(!input.configs.empty()), findings_(findings) {
  std::vector<std::string> names;
  for (const CfsslConfig& config : input.configs) {
    names.push_back(config.name + ".json");
    AddProfiles(config);
  }
  config_text_ = absl::StrJoin(names, " or ");
}

void ProfileMatcher::AddProfiles(const CfsslConfig& config) {
  for (const CfsslProfile& from : config.profiles) {
    if (from.usages.empty() || from.expiry_seconds == 0) {
      // The tutorial's default is one: it says how long, and not for what.
      if (!from.is_default) {
        findings_->Warning(Code::kCfsslLeftOut, from.name.place,
                           absl::StrCat("the profile ", Quote(from.name.value), " has no ",
                                        from.usages.empty() ? "usages" : "expiry",
                                        ", so that cfssl signs nothing by it: left out"));
      }
      continue;
    }
    ImportedProfile profile;
    profile.name = from.name;
    if (from.is_default) {
      profile.name.value = kDefaultName;
      profile.is_default = true;
      profile.comment = absl::StrCat("signing.default of ", config.name, ".json");
    }
    profile.usages = from.usages;
    profile.expiry = from.expiry;
    profile.expiry_seconds = from.expiry_seconds;
    profile.backdate = from.backdate;
    profile.crl = from.crl;
    profile.ocsp = from.ocsp;
    profile.issuers = from.issuers;
    profile.is_ca = from.is_ca;
    profile.path_length = from.path_length;
    AddApart(std::move(profile), config.name);
  }
}

// Several configurations may have profiles of one name.
void ProfileMatcher::AddApart(ImportedProfile profile, const std::string& config) {
  auto namesake = std::find_if(profiles_.begin(), profiles_.end(), [&](const ImportedProfile& other) {
    return other.name.value == profile.name.value;
  });
  if (namesake != profiles_.end()) {
    if (Same(*namesake, profile)) return;
    const std::string base = absl::StrCat(profile.name.value, "-", config);
    if (profile.comment.empty()) profile.comment = absl::StrCat(profile.name.value, " of ", config, ".json");
    profile.name.value = base;
    for (int n = 2; Has(profile.name.value); ++n) profile.name.value = absl::StrCat(base, "-", n);
  }
  profiles_.push_back(std::move(profile));
}

bool ProfileMatcher::Has(const std::string& name) const {
  return std::any_of(profiles_.begin(), profiles_.end(),
                     [&name](const ImportedProfile& profile) { return profile.name.value == name; });
}

ProfileMatcher::Fit ProfileMatcher::FitOf(const ImportedProfile& profile, const CertificateFile& file,
                                          const std::string& key_kind, const Certificate& issuer) const {
  const Certificate& c = file.certificate;
  uint16_t key_usage = 0;
  std::vector<std::string> extended;
  for (const Sourced& word : profile.usages) {
    const Usage* usage = FindUsage(word.value);
    if (usage == nullptr) return Fit::kNo;
    key_usage |= usage->key_usage;
    if (!usage->extended.empty()) extended.emplace_back(usage->extended);
  }
  extended = Sorted(std::move(extended));
  extended.erase(std::unique(extended.begin(), extended.end()), extended.end());  // "s/mime" is another word
  if (!compat_) key_usage &= ~UnfitFor(key_kind);
  if (key_usage != c.key_usage || extended != Sorted(c.extended_key_usages) || profile.is_ca != c.is_ca ||
      profile.path_length != file.path_length || profile.crl.value != file.crl ||
      profile.ocsp.value != file.ocsp || Values(profile.issuers) != file.issuers) {
    return Fit::kNo;
  }
  const int64_t life = c.not_after - c.not_before;
  if (life == profile.expiry_seconds) return Fit::kExact;
  return life < profile.expiry_seconds && c.not_after == issuer.not_after ? Fit::kCapped : Fit::kNo;
}

std::string ProfileMatcher::NameFor(const CertificateFile& file, const std::string& key_kind,
                                    const Certificate& issuer) {
  ImportedProfile* best = nullptr;
  Fit best_fit = Fit::kNo;
  auto consider = [&](ImportedProfile& profile) {
    Fit fit = FitOf(profile, file, key_kind, issuer);
    // The default comes first in the file, and is the last that anybody meant.
    bool better = fit > best_fit || (fit == best_fit && fit != Fit::kNo && best->is_default);
    if (!better) return;
    best = &profile;
    best_fit = fit;
  };
  for (ImportedProfile& profile : profiles_) consider(profile);
  if (best == nullptr && !Has(kBuiltInProfile)) {
    ImportedProfile built_in = BuiltIn();
    if (FitOf(built_in, file, key_kind, issuer) != Fit::kNo) {
      profiles_.push_back(std::move(built_in));
      best = &profiles_.back();
    }
  }
  if (best == nullptr) return MakeFor(file);
  if (best->is_default && !best->used) {
    findings_->Warning(
        Code::kCfsslDiffers, file.place,
        absl::StrCat("was signed by cfssl's `default` profile, ",
                     UsagesText(file.certificate.key_usage, file.certificate.extended_key_usages), " for ",
                     best->expiry.value, ", and by none that has a name"),
        absl::StrCat(
            "cfssl takes it without a word for a profile that does not exist; here it is the profile ",
            best->name.value));
  }
  best->used = true;
  return best->name.value;
}

std::string ProfileMatcher::MakeFor(const CertificateFile& file) {
  const Certificate& c = file.certificate;
  const Place life_place = {file.place.file, {}, "validity"};
  ImportedProfile profile;
  profile.usages = UsageWords(file, findings_);
  profile.expiry_seconds = c.not_after - c.not_before;
  profile.expiry = {DurationText(profile.expiry_seconds), life_place};
  profile.is_ca = c.is_ca;
  profile.path_length = file.path_length;
  profile.crl = {file.crl, {file.place.file, {}, "CRL distribution point"}};
  profile.ocsp = {file.ocsp, {file.place.file, {}, "OCSP"}};
  for (const std::string& url : file.issuers)
    profile.issuers.push_back({url, {file.place.file, {}, "CA issuers"}});
  profile.used = true;

  // The first profile of the configuration that differs in its expiry alone gives this one its name.
  auto close = std::find_if(profiles_.begin(), profiles_.end(), [&](const ImportedProfile& other) {
    return Sorted(Values(other.usages)) == Sorted(Values(profile.usages)) && other.is_ca == profile.is_ca &&
           other.path_length == profile.path_length;
  });
  std::string base = close != profiles_.end() ? absl::StrCat(close->name.value, "-", profile.expiry.value)
                                              : absl::StrCat("as-", file.name);
  profile.name = {base, file.place};
  for (int n = 2; Has(profile.name.value); ++n) profile.name.value = absl::StrCat(base, "-", n);
  std::string what =
      absl::StrCat(UsagesText(c.key_usage, c.extended_key_usages), " for ", profile.expiry.value);
  if (close != profiles_.end() && close->expiry_seconds != profile.expiry_seconds) {
    profile.comment = absl::StrCat(file.name, " lives ", profile.expiry.value, ", and by the profile ",
                                   Quote(close->name.value), " it would ", close->expiry.value);
  } else if (has_config_) {
    profile.comment = absl::StrCat("no profile of ", config_text_, " is that of ", file.name);
  }
  if (has_config_) {
    findings_->Warning(Code::kCfsslDiffers, file.place,
                       absl::StrCat("was signed by no profile of this configuration: it is ", what),
                       absl::StrCat("kept as it is, by a profile of its own, ", Quote(profile.name.value)));
  }
  profiles_.push_back(std::move(profile));
  return profiles_.back().name.value;
}

std::string ProfileMatcher::NameForNew() const {
  if (profiles_.empty() || Has(kBuiltInProfile)) return kBuiltInProfile;
  std::vector<std::string> names;
  for (const ImportedProfile& profile : profiles_) {
    if (!profile.is_ca && !profile.is_default) names.push_back(profile.name.value);
  }
  if (names.size() == 1) return names[0];
  return Has(kDefaultName) ? kDefaultName : "";
}

std::vector<ImportedProfile> ProfileMatcher::TakeProfiles() { return std::move(profiles_); }

std::vector<Sourced> UsageWords(const CertificateFile& file, Findings* findings) {
  std::vector<Sourced> words;
  const Place place = {file.place.file, {}, "usages"};
  uint16_t named = 0;
  for (const Usage& usage : kUsages) {
    if ((usage.key_usage & file.certificate.key_usage & ~named) != 0)
      words.push_back({std::string(usage.name), place});
    named |= usage.key_usage;
  }
  for (const std::string& oid : file.certificate.extended_key_usages) {
    const auto* known = std::find_if(kUsages.begin(), kUsages.end(),
                                     [&oid](const Usage& usage) { return usage.extended == oid; });
    if (known == kUsages.end()) {
      findings->Error(Code::kBadUsages, place,
                      absl::StrCat("it has the extended key usage ", oid, ", for which cfssl has no word"),
                      "keep this certificate out of the import");
      continue;
    }
    words.push_back({std::string(known->name), place});
  }
  if (words.empty()) {
    findings->Error(Code::kBadUsages, place,
                    "it says nothing of what it may be used for, and a profile has to",
                    "keep this certificate out of the import");
  }
  return words;
}

}  // namespace kplan
