#include "src/importer/cluster_yaml.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace kplan {
namespace {

constexpr char kHeader[] =
    "What `kplan import cfssl` found. `kplan gen cluster.yaml && ninja pki` keeps every key and every\n"
    "certificate, and makes again only what is changed here.";
constexpr int64_t kCaExpirySeconds = int64_t{43800} * 3600;  // what a CA lives when nothing is written

using Pairs = std::vector<YamlText::Pair>;

class Writer {
 public:
  explicit Writer(const PkiImport& import) : import_(import) {}

  YamlText Write() {
    out_.Comment(0, kHeader);
    size_t others = import_.cas.size();
    if (import_.cas.front().name() == "ca") {
      out_.Word("ca", import_.cas.front().certificate->place).Raw(":\n");
      WriteCa(import_.cas.front(), 2);
      --others;
    }
    if (others > 0) out_.Raw("cas:\n");
    for (const ImportedCa& ca : import_.cas) {
      if (ca.name() == "ca") continue;
      out_.Raw("  ").Scalar({ca.name(), ca.certificate->place}).Raw(":\n");
      WriteCa(ca, 4);
    }
    WriteSigning();
    if (!import_.certs.empty()) out_.Raw("certs:\n");
    for (const ImportedCert& cert : import_.certs) WriteCert(cert);
    WriteEtcdHint();
    return std::move(out_);
  }

 private:
  // "KEY: ", whose value comes from PLACE.
  YamlText& Key(size_t indent, absl::string_view key, const Place& place) {
    return out_.Raw(std::string(indent, ' ')).Word(key, place).Raw(": ");
  }
  void Line(size_t indent, absl::string_view key, const Sourced& value) {
    if (!value.value.empty()) Key(indent, key, value.place).Scalar(value).Raw("\n");
  }

  // cfssl's "names" for the fields of SUBJECT but CN: a field's first value in the first entry, and so on.
  static std::vector<Pairs> NamesOf(const CertificateFile& file) {
    std::vector<Pairs> names;
    for (const char* field : {"C", "ST", "L", "O", "OU", "serialNumber"}) {
      const bool serial = absl::string_view(field) == "serialNumber";
      size_t entry = 0;
      for (const auto& [key, value] : file.subject) {
        if (key != field) continue;
        if (entry == names.size()) names.emplace_back();
        names[entry++].emplace_back(serial ? "SerialNumber" : field,
                                    Sourced{value, {file.place.file, {}, absl::StrCat("subject ", field)}});
      }
    }
    return names;
  }

  void WriteNames(size_t indent, const std::vector<Pairs>& names) {
    if (names.empty()) return;
    Key(indent, "names", names[0][0].second.place).FlowListOfMaps(names).Raw("\n");
  }

  static Sourced CnOf(const CertificateFile& file) {
    for (const auto& [key, value] : file.subject) {
      if (key == "CN") return {value, {file.place.file, {}, "subject CN"}};
    }
    return {};
  }

  // "rsa 2048" is what every key is when nothing is written.
  void WriteKey(size_t indent, const KeyFile& key) {
    Pairs pairs;
    const Place place = {key.place.file, {}, "key"};
    if (key.key.kind() != "rsa 2048") {
      std::vector<std::string> parts = absl::StrSplit(key.key.kind(), ' ');
      pairs.emplace_back("algo", Sourced{parts[0], place});
      if (parts.size() > 1) pairs.emplace_back("size", Sourced{parts[1], place});
    }
    if (key.pkcs8) pairs.emplace_back("format", Sourced{"pkcs8", place});
    if (!pairs.empty()) Key(indent, "key", place).FlowMap(pairs).Raw("\n");
  }

  void WriteUrls(size_t indent, const Sourced& crl, const Sourced& ocsp,
                 const std::vector<Sourced>& issuers) {
    Line(indent, "crl_url", crl);
    Line(indent, "ocsp_url", ocsp);
    if (!issuers.empty()) Key(indent, "issuer_urls", issuers[0].place).FlowList(issuers).Raw("\n");
  }

  void WriteCa(const ImportedCa& ca, size_t indent) {
    const CertificateFile& file = *ca.certificate;
    if (ca.existing) {
      Line(indent, "cert", {absl::StrCat("pki/", file.name, ".pem"), file.place});
      if (ca.key != nullptr)
        Line(indent, "key", {absl::StrCat("pki/", file.name, "-key.pem"), ca.key->place});
      if (!ca.issuer.empty()) Line(indent, "issuer", {ca.issuer, file.place});
      return;
    }
    Line(indent, "CN", CnOf(file));
    WriteNames(indent, NamesOf(file));
    WriteKey(indent, *ca.key);
    const int64_t life = file.certificate.not_after - file.certificate.not_before;
    if (life != kCaExpirySeconds)
      Line(indent, "expiry", {DurationText(life), {file.place.file, {}, "validity"}});
    if (!ca.issuer.empty()) Line(indent, "issuer", {ca.issuer, file.place});
    if (file.path_length != kNoPathLimit) {
      const Place place = {file.place.file, {}, "basic constraints"};
      Key(indent, "ca_constraint", place)
          .FlowMap({{"max_path_len", {absl::StrCat(file.path_length), place}}})
          .Raw("\n");
    }
    std::vector<Sourced> issuers;
    for (const std::string& url : file.issuers) issuers.push_back({url, {file.place.file, {}, "CA issuers"}});
    WriteUrls(indent, {file.crl, {file.place.file, {}, "CRL distribution point"}},
              {file.ocsp, {file.place.file, {}, "OCSP"}}, issuers);
  }

  void WriteSigning() {
    const bool profiles = std::any_of(import_.profiles.begin(), import_.profiles.end(),
                                      [](const ImportedProfile& profile) { return !IsBuiltIn(profile); });
    if (!profiles && !import_.compat) return;
    out_.Raw("signing:\n");
    if (import_.compat)
      out_.Raw("  compat: cfssl                     # certificates of EC keys have key encipherment\n");
    if (!profiles) return;
    out_.Raw("  profiles:\n");
    for (const ImportedProfile& profile : import_.profiles) {
      if (IsBuiltIn(profile)) continue;
      if (!profile.comment.empty()) out_.Comment(4, profile.comment);
      out_.Raw("    ").Scalar(profile.name).Raw(":\n");
      Key(6, "usages", profile.name.place).FlowList(profile.usages).Raw("\n");
      Line(6, "expiry", profile.expiry);
      Line(6, "backdate", profile.backdate);
      if (profile.is_ca) {
        Key(6, "ca_constraint", profile.name.place).Raw("{is_ca: true");
        if (profile.path_length != kNoPathLimit)
          out_.Raw(absl::StrCat(", max_path_len: ", profile.path_length));
        out_.Raw("}\n");
      }
      WriteUrls(6, profile.crl, profile.ocsp, profile.issuers);
    }
  }

  void WriteCert(const ImportedCert& cert) {
    const Place place = cert.certificate != nullptr ? cert.certificate->place : cert.request->place;
    if (cert.certificate == nullptr) out_.Comment(2, "not issued yet: kplan will");
    out_.Raw("  ").Scalar({cert.name, place}).Raw(":\n");
    const size_t body = out_.text().size();
    if (cert.certificate != nullptr) {
      WriteIssued(cert);
    } else {
      WriteRequested(cert);
    }
    if (cert.profile != kBuiltInProfile) Line(4, "profile", {cert.profile, place});
    const ImportedCa* default_ca = import_.DefaultCa();
    if (default_ca == nullptr || default_ca->name() != cert.ca) Line(4, "ca", {cert.ca, place});
    // A certificate of which everything is as it is by default.
    if (out_.text().size() == body) out_.Raw("    {}\n");
  }

  void WriteIssued(const ImportedCert& cert) {
    const CertificateFile& file = *cert.certificate;
    Sourced cn = CnOf(file);
    if (cn.value != cert.name) Line(4, "CN", cn);
    WriteNames(4, NamesOf(file));
    WriteKey(4, *cert.key);
    std::vector<Sourced> hosts;
    for (const auto& [kind, value] : file.hosts)
      hosts.push_back({value, {file.place.file, {}, absl::StrCat(kind, " SAN")}});
    if (!hosts.empty()) Key(4, "hosts", hosts[0].place).FlowList(hosts).Raw("\n");
  }

  void WriteRequested(const ImportedCert& cert) {
    const CfsslRequest& request = *cert.request;
    if (request.CN.value != cert.name) Line(4, "CN", request.CN);
    std::vector<Pairs> names;
    for (const CfsslRequest::Names& entry : request.names) names.emplace_back(entry.begin(), entry.end());
    if (!request.serial_number.value.empty()) {
      if (names.empty()) names.emplace_back();
      names[0].emplace_back("SerialNumber", request.serial_number);
    }
    names.erase(std::remove_if(names.begin(), names.end(), [](const Pairs& pairs) { return pairs.empty(); }),
                names.end());
    WriteNames(4, names);
    if (cert.key != nullptr) {
      WriteKey(4, *cert.key);
    } else if (request.algo.value.empty()) {
      out_.Raw("    key: {algo: ecdsa, size: 256}     # what cfssl makes when nothing is said\n");
    } else if (request.algo.value != "rsa" || request.size.value != "2048") {
      Pairs pairs = {{"algo", request.algo}};
      if (!request.size.value.empty()) pairs.emplace_back("size", request.size);
      Key(4, "key", request.algo.place).FlowMap(pairs).Raw("\n");
    }
    if (!request.hosts.empty()) Key(4, "hosts", request.hosts[0].place).FlowList(request.hosts).Raw("\n");
  }

  // The certificate that etcd can use as server and client on this machine: of several the tutorial's, or
  // else one for 127.0.0.1.
  const ImportedCert* ForEtcd() const {
    const ImportedCert* best = nullptr;
    int best_score = 0;
    for (const ImportedCert& cert : import_.certs) {
      if (cert.certificate == nullptr) continue;
      const Certificate& c = cert.certificate->certificate;
      auto has = [&c](absl::string_view oid) {
        return std::find(c.extended_key_usages.begin(), c.extended_key_usages.end(), oid) !=
               c.extended_key_usages.end();
      };
      constexpr absl::string_view kServer = "1.3.6.1.5.5.7.3.1", kClient = "1.3.6.1.5.5.7.3.2";
      if (!has(kServer) || !has(kClient) || c.is_ca) continue;
      const bool local = std::find(c.sans.begin(), c.sans.end(),
                                   std::pair<std::string, std::string>("ip", "127.0.0.1")) != c.sans.end();
      const int score = 1 + (local ? 2 : 0) + (cert.name == "kubernetes" ? 1 : 0);
      if (score <= best_score) continue;
      best = &cert;
      best_score = score;
    }
    return best_score >= 3 ? best : nullptr;  // etcd listens on 127.0.0.1 unless told otherwise
  }

  bool HasName(absl::string_view name) const {
    return std::any_of(import_.certs.begin(), import_.certs.end(),
                       [name](const ImportedCert& cert) { return cert.name == name; });
  }

  void WriteEtcdHint() {
    const ImportedCert* cert = ForEtcd();
    out_.Raw("\n");
    if (cert == nullptr) {
      out_.Comment(
          0,
          "To run etcd too, add `hosts:` and `etcd:`, and a certificate for it: one for server and client\n"
          "auth, with 127.0.0.1 among its hosts (docs/cluster-yaml.md).");
      return;
    }
    const char* host = HasName("worker") ? "etcd-host" : "worker";
    out_.Comment(0, "To run etcd with these certificates on this machine, take the # away:");
    out_.Raw(absl::StrCat("#hosts:\n#  ", host,
                          ": {}\n#etcd:\n#  version: 3.4.15\n#  cert: ", YamlScalar(cert->name), "\n"));
  }

  const PkiImport& import_;
  YamlText out_;
};

}  // namespace

YamlText WriteClusterYaml(const PkiImport& import) { return Writer(import).Write(); }

}  // namespace kplan
