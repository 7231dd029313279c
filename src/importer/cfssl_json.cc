#include "src/importer/cfssl_json.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "src/base/text.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

using Kind = JsonNode::Kind;

// What a field of cfssl's means to a declarative, local compiler: nothing.
struct Dropped {
  absl::string_view field, why;
};

constexpr Dropped kDroppedOfProfile[] = {
    {"auth_key", "it guards a cfssl server, and kplan signs here"},
    {"prev_auth_key", "it guards a cfssl server, and kplan signs here"},
    {"remote", "it makes a cfssl server sign, and kplan signs here"},
    {"auth_remote", "it makes a cfssl server sign, and kplan signs here"},
    {"auth_remotes", "it makes a cfssl server sign, and kplan signs here"},
    {"remote_certs", "it makes a cfssl server sign, and kplan signs here"},
    {"client_certs", "it makes a cfssl server sign, and kplan signs here"},
    {"name_whitelist",
     "cluster.yaml itself lists every name; for a limit that verifiers enforce give the CA "
     "`name-constraints`"},
    {"not_before", "kplan's certificates begin when they are made; `backdate` moves that"},
    {"not_after", "kplan's certificates end an `expiry` after they begin"},
    {"ocsp_no_check", "kplan makes no certificates for OCSP responders"},
    {"ct_log_servers", "kplan submits nothing to CT logs"},
    {"allowed_extensions", "kplan's requests carry host names only"},
    {"copy_extensions", "kplan's requests carry host names only"},
    {"cert_store", "kplan keeps certificates as files"},
    {"policies", "kplan writes no certificate policies"},
    {"lint_error_level", "kplan checks every certificate that it makes"},
    {"ignored_lints", "kplan checks every certificate that it makes"},
    {"ignored_lint_sources", "kplan checks every certificate that it makes"},
};
constexpr Dropped kDroppedOfConfig[] = {
    {"auth_keys", "they guard a cfssl server, and kplan signs here"},
    {"remotes", "they name cfssl servers, and kplan signs here"},
    {"ocsp", "it is of a cfssl OCSP responder"},
};
constexpr Dropped kDroppedOfRequest[] = {
    {"crl", "write crl_url into the profile"},
    {"requests", "it is of a cfssl server"},
    {"delegation_enabled", "kplan makes no delegated credentials"},
    {"extensions", "kplan's requests carry host names only"},
    {"E", "kplan writes no e-mail addresses into subjects; as a name of its own write it among the hosts"},
    {"OID", "kplan writes no other fields into subjects than C, ST, L, O, OU, CN and SerialNumber"},
};

class Reader {
 public:
  Reader(size_t file, Findings* findings) : file_(file), findings_(findings) {}

 protected:
  Place At(const JsonNode& node, std::string field) const { return {file_, node.range, std::move(field)}; }
  static std::string Below(absl::string_view field, absl::string_view key) {
    return field.empty() ? std::string(key) : absl::StrCat(field, ".", key);
  }

  // The value of KEY when it has the kind WANTED; null, after an error for another kind, otherwise.
  const JsonNode* Get(const JsonNode& map, absl::string_view field, absl::string_view key, Kind wanted) {
    const JsonNode::Entry* entry = map.Find(key);
    if (entry == nullptr || entry->value->kind == Kind::kNull) return nullptr;
    if (entry->value->kind == wanted) return entry->value;
    JsonNode example;
    example.kind = wanted;
    findings_->Error(Code::kCfsslFile, At(*entry->value, Below(field, key)),
                     absl::StrCat("must be ", example.KindName(), ", not ", entry->value->KindName()));
    return nullptr;
  }

  Sourced GetText(const JsonNode& map, absl::string_view field, absl::string_view key) {
    const JsonNode* node = Get(map, field, key, Kind::kString);
    if (node == nullptr) return {};
    return {node->text, At(*node, Below(field, key))};
  }

  std::vector<Sourced> GetTexts(const JsonNode& map, absl::string_view field, absl::string_view key) {
    std::vector<Sourced> texts;
    const JsonNode* list = Get(map, field, key, Kind::kList);
    if (list == nullptr) return texts;
    for (const JsonNode* item : list->items) {
      std::string item_field = absl::StrCat(Below(field, key), "[", texts.size(), "]");
      if (item->kind != Kind::kString) {
        findings_->Error(Code::kCfsslFile, At(*item, item_field),
                         absl::StrCat("must be a text, not ", item->KindName()));
        continue;
      }
      texts.push_back({item->text, At(*item, item_field)});
    }
    return texts;
  }

  // A Go duration in whole seconds; 0, after an error, when it is none.
  int64_t Seconds(const Sourced& text) {
    absl::Duration duration;
    if (text.value.empty()) return 0;
    if (absl::ParseDuration(text.value, &duration) && duration > absl::ZeroDuration() &&
        duration < absl::InfiniteDuration()) {
      return absl::ToInt64Seconds(duration);
    }
    findings_->Error(Code::kCfsslFile, text.place,
                     absl::StrCat(Quote(text.value), " is not a duration of Go's, as 8760h is"),
                     "cfssl refuses it too");
    return 0;
  }

  template <size_t kDroppedCount>
  void WarnOfOthers(const JsonNode& map, const std::string& field, const Dropped (&dropped)[kDroppedCount],
                    const std::vector<absl::string_view>& known) {
    for (const JsonNode::Entry& entry : map.entries) {
      auto same = [&](absl::string_view name) { return absl::EqualsIgnoreCase(name, entry.key); };
      if (std::any_of(known.begin(), known.end(), same)) continue;
      auto found = std::find_if(std::begin(dropped), std::end(dropped),
                                [&](const Dropped& d) { return same(d.field); });
      const Place place = {file_, entry.key_range, Below(field, entry.key)};
      if (found != std::end(dropped)) {
        findings_->Warning(Code::kCfsslLeftOut, place, "dropped", std::string(found->why));
      } else {
        findings_->Warning(Code::kCfsslLeftOut, place,
                           absl::StrCat("cfssl has no field ", Quote(entry.key), ", and ignored it"),
                           DidYouMean(entry.key, known));
      }
    }
  }

  size_t file_;
  Findings* findings_;
};

class ConfigReader : public Reader {
 public:
  using Reader::Reader;

  CfsslConfig Read(const JsonNode& root) {
    CfsslConfig config;
    WarnOfOthers(root, "", kDroppedOfConfig, {"signing"});
    const JsonNode* signing = Get(root, "", "signing", Kind::kMap);
    if (signing == nullptr) return config;
    WarnOfOthers(*signing, "signing", kDroppedOfConfig, {"default", "profiles"});
    CfsslProfile base;  // what profiles inherit
    if (const JsonNode* node = Get(*signing, "signing", "default", Kind::kMap); node != nullptr) {
      base = ReadProfile(*node, {"default", At(*node, "signing.default")}, {});
      base.is_default = true;
      config.profiles.push_back(base);
    }
    const JsonNode* profiles = Get(*signing, "signing", "profiles", Kind::kMap);
    if (profiles == nullptr) return config;
    for (const JsonNode::Entry& entry : profiles->entries) {
      const std::string field = absl::StrCat("signing.profiles.", entry.key);
      if (entry.value->kind != Kind::kMap) {
        findings_->Error(Code::kCfsslFile, At(*entry.value, field),
                         absl::StrCat("must be a map, not ", entry.value->KindName()));
        continue;
      }
      config.profiles.push_back(
          ReadProfile(*entry.value, {entry.key, {file_, entry.key_range, field}}, base));
    }
    return config;
  }

 private:
  CfsslProfile ReadProfile(const JsonNode& node, Sourced name, const CfsslProfile& base) {
    CfsslProfile profile;
    const std::string field = name.place.field;
    profile.name = std::move(name);
    WarnOfOthers(node, field, kDroppedOfProfile,
                 {"usages", "expiry", "backdate", "ca_constraint", "crl_url", "ocsp_url", "issuer_urls"});
    for (Sourced& usage : GetTexts(node, field, "usages")) {
      if (FindUsage(usage.value) == nullptr) {
        std::vector<absl::string_view> all;
        for (const Usage& known : kUsages) all.push_back(known.name);
        findings_->Warning(Code::kCfsslLeftOut, usage.place,
                           absl::StrCat("cfssl has no usage ", Quote(usage.value),
                                        ", and left it out of every certificate without a word"),
                           DidYouMean(usage.value, all));
        continue;
      }
      bool twice = std::any_of(profile.usages.begin(), profile.usages.end(),
                               [&](const Sourced& other) { return other.value == usage.value; });
      if (!twice) profile.usages.push_back(std::move(usage));
    }
    profile.expiry = GetText(node, field, "expiry");
    if (profile.expiry.value.empty()) profile.expiry = base.expiry;
    profile.expiry_seconds = Seconds(profile.expiry);
    profile.backdate = GetText(node, field, "backdate");
    Seconds(profile.backdate);
    profile.crl = GetText(node, field, "crl_url");
    profile.ocsp = GetText(node, field, "ocsp_url");
    profile.issuers = GetTexts(node, field, "issuer_urls");
    if (profile.crl.value.empty()) profile.crl = base.crl;
    if (profile.ocsp.value.empty()) profile.ocsp = base.ocsp;
    const JsonNode::Entry* issuers = node.Find("issuer_urls");
    // An empty list is one to cfssl.
    if (issuers == nullptr || issuers->value->kind == Kind::kNull) profile.issuers = base.issuers;
    ReadCaConstraint(node, field, &profile);
    return profile;
  }

  void ReadCaConstraint(const JsonNode& node, const std::string& field, CfsslProfile* profile) {
    const JsonNode* constraint = Get(node, field, "ca_constraint", Kind::kMap);
    if (constraint == nullptr) return;
    const std::string below = Below(field, "ca_constraint");
    auto is = [&](absl::string_view key) {
      const JsonNode* value = Get(*constraint, below, key, Kind::kBool);
      return value != nullptr && value->text == "true";
    };
    profile->is_ca = is("is_ca");
    const JsonNode* length = Get(*constraint, below, "max_path_len", Kind::kNumber);
    int limit = 0;
    if (length != nullptr && (!absl::SimpleAtoi(length->text, &limit) || limit < 0)) {
      findings_->Error(Code::kCfsslFile, At(*length, Below(below, "max_path_len")),
                       absl::StrCat(length->text, " is no number of CAs"));
    }
    // Without max_path_len_zero 0 means "not said" to cfssl.
    const bool zero = is("max_path_len_zero");
    if (profile->is_ca) profile->path_length = limit > 0 || zero ? limit : kNoPathLimit;
  }
};

class RequestReader : public Reader {
 public:
  using Reader::Reader;

  CfsslRequest Read(const JsonNode& root) {
    CfsslRequest request;
    request.place = {file_, {}, ""};
    WarnOfOthers(root, "", kDroppedOfRequest, {"CN", "names", "hosts", "key", "ca", "serialnumber"});
    request.CN = GetText(root, "", "CN");
    request.serial_number = GetText(root, "", "serialnumber");
    if (const JsonNode* hosts = Get(root, "", "hosts", Kind::kList); hosts != nullptr) {
      request.has_hosts = !hosts->items.empty();
      request.hosts = GetTexts(root, "", "hosts");
    }
    if (const JsonNode* names = Get(root, "", "names", Kind::kList); names != nullptr) {
      for (size_t i = 0; i < names->items.size(); ++i)
        ReadNames(*names->items[i], absl::StrCat("names[", i, "]"), &request);
    }
    if (const JsonNode* key = Get(root, "", "key", Kind::kMap); key != nullptr) {
      WarnOfOthers(*key, "key", kDroppedOfRequest, {"algo", "size"});
      request.algo = GetText(*key, "key", "algo");
      if (const JsonNode* size = Get(*key, "key", "size", Kind::kNumber); size != nullptr)
        request.size = {size->text, At(*size, "key.size")};
    }
    if (const JsonNode* ca = Get(root, "", "ca", Kind::kMap); ca != nullptr) {
      request.is_ca = true;
      WarnOfOthers(*ca, "ca", kDroppedOfRequest, {"expiry", "pathlen", "pathlenzero", "backdate"});
      request.ca_expiry = GetText(*ca, "ca", "expiry");
      request.ca_expiry_seconds = Seconds(request.ca_expiry);
    }
    return request;
  }

 private:
  void ReadNames(const JsonNode& node, const std::string& field, CfsslRequest* request) {
    if (node.kind != Kind::kMap) {
      findings_->Error(Code::kCfsslFile, At(node, field),
                       absl::StrCat("must be a map, not ", node.KindName()));
      return;
    }
    WarnOfOthers(node, field, kDroppedOfRequest, {"C", "ST", "L", "O", "OU", "SerialNumber"});
    CfsslRequest::Names names;
    for (const char* key : {"C", "ST", "L", "O", "OU"}) {
      Sourced value = GetText(node, field, key);
      if (!value.value.empty()) names.emplace_back(key, std::move(value));
    }
    Sourced serial = GetText(node, field, "SerialNumber");
    if (!serial.value.empty()) request->serial_number = std::move(serial);
    request->names.push_back(std::move(names));
  }
};

}  // namespace

CfsslFile KindOf(const JsonNode& root) {
  if (root.kind != Kind::kMap) return CfsslFile::kOther;
  if (root.Find("signing") != nullptr) return CfsslFile::kConfig;
  for (const char* key : {"CN", "names", "hosts", "key"}) {
    if (root.Find(key) != nullptr) return CfsslFile::kRequest;
  }
  return CfsslFile::kOther;
}

CfsslConfig ReadConfig(const JsonNode& root, size_t file, Findings* findings) {
  return ConfigReader(file, findings).Read(root);
}

CfsslRequest ReadRequest(const JsonNode& root, size_t file, Findings* findings) {
  return RequestReader(file, findings).Read(root);
}

}  // namespace kplan
