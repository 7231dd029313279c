#include "src/step/certificate_changes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/pki/common_name.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

constexpr size_t kShownDigits = 16;

using Texts = std::vector<std::string>;

std::string TextOf(const NamePtr& name) { return name != nullptr ? NameText(name.get()) : ""; }

// NAME without its CN.
std::string OtherFields(const NamePtr& name) {
  if (name == nullptr) return "";
  NamePtr rest(X509_NAME_dup(name.get()));
  if (rest == nullptr) return "";
  for (int at; (at = X509_NAME_get_index_by_NID(rest.get(), NID_commonName, -1)) >= 0;) {
    X509_NAME_ENTRY_free(X509_NAME_delete_entry(rest.get(), at));
  }
  return X509_NAME_entry_count(rest.get()) == 0 ? "" : NameText(rest.get());
}

Texts NameTexts(const StringPairs& names) {
  Texts texts;
  for (const auto& [type, value] : names) texts.push_back(absl::StrCat(type, " ", value));
  return texts;
}

Texts UsageTexts(const Certificate& certificate) {
  Texts texts;
  uint16_t named = 0;
  for (const Usage& usage : kUsages) {
    if ((usage.key_usage & certificate.key_usage & ~named) != 0) texts.emplace_back(usage.name);
    named |= usage.key_usage;
  }
  for (const std::string& oid : certificate.extended_key_usages) {
    const auto* known = std::find_if(kUsages.begin(), kUsages.end(),
                                     [&](const Usage& usage) { return usage.extended == oid; });
    texts.push_back(known == kUsages.end() ? oid : std::string(known->name));
  }
  return texts;
}

class Comparison {
 public:
  void Value(absl::string_view what, const std::string& from, const std::string& to) {
    if (from != to) changes_.push_back({std::string(what), from, to});
  }

  // Elements that are in one of them only; their order says nothing.
  void List(absl::string_view what, const Texts& from, const Texts& to) {
    for (const std::string& text : to) {
      if (!Has(from, text)) changes_.push_back({std::string(what), "", text});
    }
    for (const std::string& text : from) {
      if (!Has(to, text)) changes_.push_back({std::string(what), text, ""});
    }
  }

  std::vector<Change> Take() && { return std::move(changes_); }

 private:
  static bool Has(const Texts& texts, const std::string& text) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
  }
  std::vector<Change> changes_;
};

std::string PathLengthText(const Certificate& certificate) {
  return certificate.path_length.has_value() ? absl::StrCat(*certificate.path_length) : "";
}

std::string LifeText(const Certificate& certificate) {
  return DurationText(certificate.not_after - certificate.not_before);
}

}  // namespace

std::string KeyFingerprint(absl::string_view spki) {
  return absl::StrCat("SHA256:", Sha256Hex(spki).substr(0, kShownDigits));
}

std::vector<Change> CertificateChanges(const Certificate& from, const Certificate& to) {
  Comparison comparison;
  comparison.Value("CN", CommonName(from.subject.get()), CommonName(to.subject.get()));
  comparison.Value("subject", OtherFields(from.subject), OtherFields(to.subject));
  comparison.List("SAN", NameTexts(from.sans), NameTexts(to.sans));
  comparison.List("usage", UsageTexts(from), UsageTexts(to));
  comparison.Value("CA", from.is_ca ? "true" : "false", to.is_ca ? "true" : "false");
  comparison.Value("max-path-len", PathLengthText(from), PathLengthText(to));
  comparison.List("permitted name", NameTexts(from.permitted_names), NameTexts(to.permitted_names));
  comparison.List("excluded name", NameTexts(from.excluded_names), NameTexts(to.excluded_names));
  comparison.List("CRL URL", from.crl_urls, to.crl_urls);
  comparison.List("OCSP URL", from.ocsp_urls, to.ocsp_urls);
  comparison.List("issuer URL", from.issuer_urls, to.issuer_urls);
  comparison.Value("key", KeyFingerprint(from.spki), KeyFingerprint(to.spki));
  comparison.Value("issuer", TextOf(from.issuer), TextOf(to.issuer));
  // The same name, another key.
  if (TextOf(from.issuer) == TextOf(to.issuer)) {
    comparison.Value("issuer key", absl::BytesToHexString(from.authority_key_id),
                     absl::BytesToHexString(to.authority_key_id));
  }
  comparison.Value("expiry", LifeText(from), LifeText(to));
  comparison.Value("until", TimeText(from.not_after), TimeText(to.not_after));
  return std::move(comparison).Take();
}

}  // namespace kplan
