// What etcd's certificates have to be.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/model/resolve_etcd_internal.h"
#include "src/pki/names.h"

namespace kplan {

int FindCertificate(const EtcdContext& context, const Text& name, int host) {
  // As Cluster::certificates.
  std::vector<absl::string_view> names;
  for (size_t i = 0; i < context.cluster.certificates.size(); ++i) {
    const LeafCertificate& cert = context.cluster.certificates[i];
    if (cert.kind->spec_name == name.value && (cert.host == -1 || cert.host == host))
      return static_cast<int>(i);
    names.push_back(cert.kind->spec_name);
  }
  if (!context.all.knows_certs) return -1;
  context.diagnostics->Error(
      Code::kUnknownName, name.range, absl::StrCat("there is no certificate ", Quote(name.value)),
      MeantAmong(
          *context.diagnostics, name.value, [&] { return names; }, "write it under `certs`"));
  return -1;
}

Range PlaceOfCert(const EtcdContext& context, const LeafCertificate& cert) {
  for (const CertSpec& written : context.all.certs) {
    if (written.name.value == cert.kind->spec_name) return written.name.range;
  }
  return {};
}

void CheckEtcdCert(const EtcdContext& context, const LeafCertificate& cert, Range place,
                   const std::vector<absl::string_view>& usages) {
  if (cert.kind->is_ca) {
    context.diagnostics
        ->Error(Code::kEtcdCert, place,
                absl::StrCat("the certificate ", Quote(cert.kind->spec_name), " is a CA's, which no ",
                             usages.size() == 1 ? "client" : "server", " should show"),
                "name one whose profile makes no CAs")
        .Relate(PlaceOfCert(context, cert), "it is here");
    return;
  }
  for (absl::string_view usage : usages) {
    bool has = std::any_of(cert.kind->usages.begin(), cert.kind->usages.end(),
                           [&](const std::string& u) { return u == usage || u == "any"; });
    if (has) continue;
    context.diagnostics
        ->Error(Code::kEtcdCert, place,
                absl::StrCat("the certificate ", Quote(cert.kind->spec_name), " lacks the usage ",
                             Quote(usage), ", which etcd needs"),
                "add it to the certificate's profile")
        .Relate(PlaceOfCert(context, cert), "it is here");
  }
}

void CheckKeyKinds(const EtcdContext& context, const std::vector<const LeafCertificate*>& certs,
                   Range place) {
  constexpr int kFirstWithEd25519 = 18;
  if (context.version.minor != 4 || context.version.patch >= kFirstWithEd25519) return;
  const std::vector<CertificateAuthority>& cas = context.cluster.cas;
  std::string whose;
  Range other;
  for (size_t i = 0; i < certs.size() && whose.empty(); ++i) {
    const LeafKind& kind = *certs[i]->kind;
    if (kind.key.algo == "ed25519") {
      whose = absl::StrCat("the certificate ", Quote(kind.spec_name));
      other = PlaceOfCert(context, *certs[i]);
    }
    for (int ca = kind.ca; ca >= 0 && whose.empty(); ca = cas[ca].issuer) {
      if (cas[ca].key.algo != "ed25519") continue;
      whose = absl::StrCat("the CA ", Quote(cas[ca].name));
      other = PlaceOfCa(context.all, cas[ca].name);
    }
  }
  if (whose.empty()) return;
  context.diagnostics
      ->Error(Code::kEtcdCert, place,
              absl::StrCat("etcd ", context.etcd.version,
                           " is built with Go 1.12, whose TLS has no Ed25519; ", whose, " has such a key"),
              "take an ecdsa or rsa key, or etcd 3.4.18 or later")
      .Relate(other, "it is here");
}

bool IsValidFor(const LeafCertificate& cert, absl::string_view host) {
  return std::any_of(cert.sans.begin(), cert.sans.end(),
                     [&](const auto& san) { return SanCovers(san, host); });
}

}  // namespace kplan
