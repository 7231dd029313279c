#include "src/steps/pki/certificate_wish.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/issue.h"
#include "src/pki/name_constraints.h"
#include "src/pki/subject_alt_name.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

std::vector<std::string> UnlessEmpty(const std::string& url) {
  return url.empty() ? std::vector<std::string>() : std::vector<std::string>{url};
}

absl::Status ReadLimits(const CaLimits& limits, Extensions* extensions) {
  extensions->path_length = limits.max_path_length;
  absl::StatusOr<StringPairs> permitted = CanonicalConstraints(limits.permitted);
  if (!permitted.ok()) return permitted.status();
  absl::StatusOr<StringPairs> excluded = CanonicalConstraints(limits.excluded);
  if (!excluded.ok()) return excluded.status();
  extensions->permitted_names = *std::move(permitted);
  extensions->excluded_names = *std::move(excluded);
  return absl::OkStatus();
}

// What CaCertRecord and CertRecord have in common.
template <typename Record>
absl::Status ReadMade(const Record& record, CertificateSpec* spec) {
  spec->path = record.path;
  spec->key = record.key;
  spec->passphrase = record.passphrase;
  spec->lifetime.renew_before = record.renew_before;
  spec->lifetime.expiry = record.expiry;
  // As in cfssl no back-dating is the usual one.
  spec->lifetime.backdate = record.backdate == 0 ? kBackdate : record.backdate;
  if (absl::Status status = CheckLifetime(spec->lifetime); !status.ok()) return status;
  absl::StatusOr<NamePtr> subject = MakeName(record.subject);
  if (!subject.ok()) return subject.status();
  spec->subject = *std::move(subject);
  return ReadLimits(record.limits, &spec->extensions);
}

}  // namespace

absl::StatusOr<CertificateSpec> CertificateSpecOf(const CaCertRecord& record) {
  CertificateSpec spec;
  spec.origin = CertificateSpec::kSelfSigned;
  spec.extensions.is_ca = true;
  spec.extensions.key_usage = kCertSign | kCrlSign;
  if (absl::Status status = ReadMade(record, &spec); !status.ok()) return status;
  return spec;
}

absl::StatusOr<CertificateSpec> CertificateSpecOf(const CertRecord& record) {
  CertificateSpec spec;
  spec.origin = record.issuer_key.empty() ? CertificateSpec::kExternal : CertificateSpec::kIssued;
  if (absl::Status status = ReadMade(record, &spec); !status.ok()) return status;
  if (spec.origin == CertificateSpec::kExternal) spec.lifetime.expiry.reset();
  spec.csr = record.csr;
  spec.issuer = record.issuer;
  spec.issuer_key = record.issuer_key;
  spec.issuer_passphrase = record.issuer_passphrase;
  spec.superseded = record.superseded;
  spec.revoked_before = record.revoked_before;
  Extensions& extensions = spec.extensions;
  extensions.is_ca = record.ca;
  extensions.ocsp_urls = UnlessEmpty(record.ocsp_url);
  extensions.crl_urls = UnlessEmpty(record.crl_url);
  extensions.issuer_urls = record.issuer_urls;
  absl::StatusOr<StringPairs> sans = CanonicalSans(record.sans);
  if (!sans.ok()) return sans.status();
  extensions.sans = *std::move(sans);
  if (absl::Status status = ResolveUsages(record.usages, &extensions); !status.ok()) return status;
  return spec;
}

absl::StatusOr<CertificateSpec> CertificateSpecOf(const AdoptCaRecord& record) {
  CertificateSpec spec;
  spec.origin = CertificateSpec::kAdopted;
  spec.path = record.path;
  spec.from = record.from;
  spec.key = record.key;
  spec.passphrase = record.passphrase;
  spec.lifetime.renew_before = record.renew_before;
  return spec;
}

absl::StatusOr<CertificateSpec> CertificateSpecOf(const AnyRecord& record) {
  if (const auto* it = std::get_if<CaCertRecord>(&record)) return CertificateSpecOf(*it);
  if (const auto* it = std::get_if<CertRecord>(&record)) return CertificateSpecOf(*it);
  if (const auto* it = std::get_if<AdoptCaRecord>(&record)) return CertificateSpecOf(*it);
  return absl::InvalidArgumentError("the record is none of a certificate");
}

}  // namespace kplan
