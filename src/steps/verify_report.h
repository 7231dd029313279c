#ifndef KPLAN_STEPS_VERIFY_REPORT_H_
#define KPLAN_STEPS_VERIFY_REPORT_H_

// What a verification saw, and its verdict: reports/verify-etcd.json.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kplan {

struct CertificateSeen {
  std::string fingerprint;        // SHA-256 of the DER, hexadecimal
  std::string subject;            // RFC 2253, in the certificate's order
  std::vector<std::string> sans;  // "DNS:worker", "IP:127.0.0.1", in the certificate's order
  std::string not_after;          // RFC 3339, UTC
};

// What DER, a certificate, says of itself.
absl::StatusOr<CertificateSeen> DescribeCertificate(absl::string_view der);

struct MemberSeen {
  std::string id, name, endpoint, version;
  bool leader = false;
  std::vector<std::string> peer_urls, client_urls;
  CertificateSeen certificate;
};

struct Refusal {
  std::string endpoint;
  std::string kind;      // no-cert, wrong-ca, plaintext
  std::string evidence;  // "TLS alert 42 bad_certificate"
};

// A check that failed.
struct Finding {
  std::string check;           // "serving-certificate"
  std::string expected, seen;  // what was compared
  std::string advice;          // what to look at

  bool ok() const { return check.empty(); }
};

struct VerifyReport {
  std::string label;
  std::string cluster_id;
  std::vector<MemberSeen> members;
  std::vector<Refusal> refusals;
  Finding failure;

  // Canonical JSON (keys sorted, one line), with TIME as RFC 3339 in UTC.
  std::string ToJson(absl::Time time) const;
};

}  // namespace kplan

#endif  // KPLAN_STEPS_VERIFY_REPORT_H_
