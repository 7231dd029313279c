#include "src/pki/certificate_spec.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/issue.h"
#include "src/pki/name_constraints.h"
#include "src/pki/subject_alt_name.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

std::optional<int64_t> OptionalInt(const Record& record, const char* key) {
  if (!record.Has(key)) return std::nullopt;
  return record.Int(key);
}

std::vector<std::string> OptionalStrings(const Record& record, const char* key) {
  return record.Has(key) ? record.Strings(key) : std::vector<std::string>();
}

std::vector<std::string> OptionalUrl(const Record& record, const char* key) {
  if (!record.Has(key)) return {};
  return {record.String(key)};
}

// What is in the records of both kinds of CA, made here.
absl::Status ReadConstraints(const Record& record, Extensions* extensions) {
  extensions->path_length = OptionalInt(record, "max-path-len");
  for (const auto& [key, names] : {std::make_pair("permitted", &extensions->permitted_names),
                                   std::make_pair("excluded", &extensions->excluded_names)}) {
    if (!record.Has(key)) continue;
    absl::StatusOr<StringPairs> canonical = CanonicalConstraints(record.Pairs(key));
    if (!canonical.ok()) return canonical.status();
    *names = *std::move(canonical);
  }
  return absl::OkStatus();
}

absl::Status ReadIssued(const Record& record, CertificateSpec* spec) {
  spec->csr = record.String("csr");
  spec->issuer = record.String("issuer");
  spec->issuer_key = record.StringOr("issuer-key", "");
  spec->superseded = record.StringOr("superseded", "");
  spec->revoked_before = OptionalInt(record, "revoked-before");
  Extensions& extensions = spec->extensions;
  extensions.is_ca = record.BoolOr("ca", false);
  extensions.ocsp_urls = OptionalUrl(record, "ocsp-url");
  extensions.crl_urls = OptionalUrl(record, "crl-url");
  extensions.issuer_urls = OptionalStrings(record, "issuer-urls");
  absl::StatusOr<PassphraseSource> passphrase = PassphraseSource::From(record, "issuer-passphrase");
  absl::StatusOr<StringPairs> sans = CanonicalSans(record.Pairs("sans"));
  for (const absl::Status& status : {record.status(), passphrase.status(), sans.status(),
                                     ResolveUsages(record.Strings("usages"), &extensions)}) {
    if (!status.ok()) return status;
  }
  spec->issuer_passphrase = *std::move(passphrase);
  extensions.sans = *std::move(sans);
  if (spec->issuer_key.empty()) {
    spec->origin = CertificateSpec::kExternal;
    spec->lifetime.expiry.reset();
  }
  return absl::OkStatus();
}

absl::StatusOr<CertificateSpec> ReadAdopted(const Record& record, CertificateSpec spec) {
  spec.origin = CertificateSpec::kAdopted;
  spec.from = record.String("from");
  spec.key = record.StringOr("key", "");
  if (!record.status().ok()) return record.status();
  return spec;
}

}  // namespace

absl::StatusOr<CertificateSpec> CertificateSpec::From(const Record& record) {
  CertificateSpec spec;
  spec.path = record.String("path");
  absl::StatusOr<PassphraseSource> passphrase = PassphraseSource::From(record, "passphrase");
  if (!passphrase.ok()) return passphrase.status();
  spec.passphrase = *std::move(passphrase);
  spec.lifetime.renew_before = OptionalInt(record, "renew-before");
  const std::string kind = record.String("kind");
  if (!record.status().ok()) return record.status();
  if (kind == "adopt-ca") return ReadAdopted(record, std::move(spec));

  spec.key = record.String("key");
  spec.lifetime.expiry = record.Int("expiry");
  // As in cfssl no back-dating is the usual one.
  spec.lifetime.backdate = record.IntOr("backdate", 0);
  if (spec.lifetime.backdate == 0) spec.lifetime.backdate = kBackdate;
  absl::StatusOr<NamePtr> subject = MakeName(record.Pairs("subject"));
  absl::Status constraints = ReadConstraints(record, &spec.extensions);
  absl::Status rest;
  if (kind == "ca-cert") {
    spec.origin = kSelfSigned;
    spec.extensions.is_ca = true;
    spec.extensions.key_usage = kCertSign | kCrlSign;
  } else if (kind == "cert") {
    rest = ReadIssued(record, &spec);
  } else {
    return absl::InvalidArgumentError(absl::StrCat(Quote(kind), " is no kind of certificate"));
  }
  for (const absl::Status& status :
       {record.status(), CheckLifetime(spec.lifetime), subject.status(), constraints, rest}) {
    if (!status.ok()) return status;
  }
  spec.subject = *std::move(subject);
  return spec;
}

}  // namespace kplan
