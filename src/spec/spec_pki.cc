#include "src/spec/spec_pki.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {
namespace {

Text NameOf(const YamlNode::Entry& entry) { return {entry.key, entry.key_range}; }

class PkiReader {
 public:
  PkiReader(Spec* spec, Diagnostics* diagnostics) : spec_(*spec), diagnostics_(diagnostics) {}

  void Read(MapReader& top) {
    if (const YamlNode* ca = top.Take("ca"); ca != nullptr) {
      spec_.cas.push_back(ReadCa(*ca, {"ca", top.KeyRange("ca")}));
    }
    Each(top, "cas",
         [&](const YamlNode::Entry& entry) { spec_.cas.push_back(ReadCa(*entry.value, NameOf(entry))); });
    MapReader signing(top.Take("signing"), top.KeyRange("signing"), "signing", diagnostics_);
    spec_.compat = signing.GetText("compat");
    if (const YamlNode* profile = signing.Take("default"); profile != nullptr) {
      spec_.default_profile = ReadProfile(*profile, {"default", signing.KeyRange("default")});
    }
    Each(signing, "profiles", [&](const YamlNode::Entry& entry) {
      spec_.profiles.push_back(ReadProfile(*entry.value, NameOf(entry)));
    });
    signing.Finish();
    Each(top, "certs", [&](const YamlNode::Entry& entry) { spec_.certs.push_back(ReadCert(entry)); });
    EachItem(top, "revoked", "a revoked certificate", "revoked: [{cert: kubernetes, date: 2026-11-22}]",
             [&](MapReader& reader, Range range) { spec_.revoked.push_back(ReadRevoked(reader, range)); });
  }

 private:
  template <typename Function>
  void Each(MapReader& reader, absl::string_view key, Function function) {
    const YamlNode* node = reader.Take(key);
    ForEachEntry(node, reader.KeyRange(key), Quote(key), diagnostics_, function);
  }

  // The maps of the list KEY, each of which is WHAT.
  template <typename Function>
  void EachItem(MapReader& reader, absl::string_view key, absl::string_view what, absl::string_view example,
                Function function) {
    const YamlNode* node = reader.Take(key);
    if (node == nullptr) return;
    if (node->kind != YamlNode::Kind::kList) {
      Range range = node->range.known() ? node->range : reader.KeyRange(key);
      diagnostics_->Error(range, absl::StrCat(Quote(key), " must be a list of maps, not ", node->KindName()),
                          absl::StrCat("for example ", example));
      return;
    }
    for (const YamlNode* item : node->items) {
      Range range = item->range.known() ? item->range : reader.KeyRange(key);
      MapReader item_reader(item, range, std::string(what), diagnostics_);
      function(item_reader, range);
      item_reader.Finish();
    }
  }

  std::vector<NameSpec> ReadNames(MapReader& reader) {
    std::vector<NameSpec> names;
    EachItem(reader, "names", "names", "names: [{C: US, O: Kubernetes}]", [&](MapReader& item, Range) {
      NameSpec name;
      name.C = item.GetText("C");
      name.ST = item.GetText("ST");
      name.L = item.GetText("L");
      name.O = item.GetText("O");
      name.OU = item.GetText("OU");
      name.SerialNumber = item.GetText("SerialNumber");
      names.push_back(std::move(name));
    });
    return names;
  }

  static PassphraseSpec ReadPassphrase(MapReader& reader) {
    PassphraseSpec passphrase;
    passphrase.file = reader.GetText("passphrase-file");
    passphrase.env = reader.GetText("passphrase-env");
    return passphrase;
  }

  KeySpec ReadKey(MapReader& reader, bool ca) {
    KeySpec key;
    key.range = reader.KeyRange("key");
    const YamlNode* node = reader.Take("key");
    if (ca && node != nullptr && node->kind == YamlNode::Kind::kScalar) {
      key.file = MapReader::ToText(*node, key.range, "key", diagnostics_);
      return key;
    }
    MapReader key_reader(node, key.range, "a key", diagnostics_);
    if (ca) {
      key.file = key_reader.GetText("file");
      key.passphrase = ReadPassphrase(key_reader);
    }
    key.algo = key_reader.GetText("algo");
    key.size = key_reader.GetText("size");
    key.format = key_reader.GetText("format");
    key_reader.Finish();
    return key;
  }

  CaConstraintSpec ReadCaConstraint(MapReader& reader) {
    CaConstraintSpec constraint;
    constraint.range = reader.KeyRange("ca_constraint");
    MapReader inner(reader.Take("ca_constraint"), constraint.range, "ca_constraint", diagnostics_);
    constraint.is_ca = inner.GetText("is_ca");
    constraint.max_path_len = inner.GetText("max_path_len");
    inner.Finish();
    return constraint;
  }

  static UrlsSpec ReadUrls(MapReader& reader) {
    UrlsSpec urls;
    urls.crl_url = reader.GetText("crl_url");
    urls.ocsp_url = reader.GetText("ocsp_url");
    urls.issuer_urls = reader.GetTexts("issuer_urls");
    return urls;
  }

  CaSpec ReadCa(const YamlNode& node, Text name) {
    MapReader reader(&node, name.range, name.value == "ca" ? "ca" : "a CA", diagnostics_);
    CaSpec ca;
    ca.range = name.range;
    ca.name = std::move(name);
    ca.CN = reader.GetText("CN");
    ca.expiry = reader.GetText("expiry");
    ca.backdate = reader.GetText("backdate");
    ca.renew_before = reader.GetText("renew-before");
    ca.issuer = reader.GetText("issuer");
    ca.crl_expiry = reader.GetText("crl-expiry");
    ca.cert = reader.GetText("cert");
    ca.names = ReadNames(reader);
    ca.key = ReadKey(reader, /*ca=*/true);
    ca.ca_constraint = ReadCaConstraint(reader);
    ca.name_constraints = reader.KeyRange("name-constraints");
    MapReader names(reader.Take("name-constraints"), ca.name_constraints, "name-constraints", diagnostics_);
    ca.permitted = names.GetTexts("permitted");
    ca.excluded = names.GetTexts("excluded");
    names.Finish();
    ca.urls = ReadUrls(reader);
    reader.Finish();
    return ca;
  }

  ProfileSpec ReadProfile(const YamlNode& node, Text name) {
    MapReader reader(&node, name.range, "a profile", diagnostics_);
    ProfileSpec profile;
    profile.name = std::move(name);
    profile.expiry = reader.GetText("expiry");
    profile.backdate = reader.GetText("backdate");
    profile.renew_before = reader.GetText("renew-before");
    profile.usages = reader.GetTexts("usages");
    profile.ca_constraint = ReadCaConstraint(reader);
    profile.urls = ReadUrls(reader);
    reader.Finish();
    return profile;
  }

  CertSpec ReadCert(const YamlNode::Entry& entry) {
    MapReader reader(entry.value, entry.key_range, "a certificate", diagnostics_);
    CertSpec cert;
    cert.name = NameOf(entry);
    cert.CN = reader.GetText("CN");
    cert.profile = reader.GetText("profile");
    cert.per = reader.GetText("per");
    cert.ca = reader.GetText("ca");
    cert.key_generation = reader.GetText("key-generation");
    cert.names = ReadNames(reader);
    cert.hosts = reader.GetTexts("hosts");
    cert.files = reader.GetTexts("files");
    cert.key = ReadKey(reader, /*ca=*/false);
    cert.pkcs12_range = reader.KeyRange("pkcs12");
    MapReader pkcs12(reader.Take("pkcs12"), cert.pkcs12_range, "pkcs12", diagnostics_);
    cert.pkcs12 = ReadPassphrase(pkcs12);
    pkcs12.Finish();
    reader.Finish();
    return cert;
  }

  static RevokedSpec ReadRevoked(MapReader& reader, Range range) {
    RevokedSpec revoked;
    revoked.range = range;
    revoked.serial = reader.GetText("serial");
    revoked.ca = reader.GetText("ca");
    revoked.cert = reader.GetText("cert");
    revoked.reason = reader.GetText("reason");
    revoked.date = reader.GetText("date");
    return revoked;
  }

  Spec& spec_;
  Diagnostics* diagnostics_;
};

}  // namespace

void ReadPki(MapReader& top, Spec* spec, Diagnostics* diagnostics) { PkiReader(spec, diagnostics).Read(top); }

}  // namespace kplan
