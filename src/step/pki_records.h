#ifndef KPLAN_STEP_PKI_RECORDS_H_
#define KPLAN_STEP_PKI_RECORDS_H_

// The records of keys, requests, certificates and what is made of them. Paths are relative to DIR. A field of
// Optional() is not in the JSON when it has the value that stands for none.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "src/base/fields.h"
#include "src/pki/passphrase_source.h"
#include "src/step/holding.h"
#include "src/step/secret_place.h"

namespace kplan {

struct KeyRecord {
  static constexpr absl::string_view kWord = "key";
  std::string algo;             // "rsa", "ecdsa", "ed25519"
  int64_t size = 0;             // bits; 0 for ed25519
  bool ca = false;              // a CA's: never made again
  std::string certificate;      // of a CA: what is signed with it, by which a key that is gone is missed
  bool exchanged = false;       // of a CA: there may be keys of other generations beside it
  std::string format;           // "pkcs8"; else PKCS#1 or SEC1, as cfssl writes keys
  int64_t generation = 1;       // of a leaf: another number than the file's (pki/key_text.h) makes a new key
  PassphraseSource passphrase;  // encrypted at rest
  std::string path;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("algo", self.algo);
    fields.Always("size", self.size);
    fields.Always("ca", self.ca);
    fields.Optional("certificate", self.certificate);
    fields.Optional("exchanged", self.exchanged);
    fields.Optional("format", self.format);
    fields.Optional("generation", self.generation, int64_t{1});
    fields.Optional("passphrase", self.passphrase);
    fields.Always("path", self.path);
  }
  std::vector<Holding> Holds() const { return {{Holding::Kind::kFile, "", path}}; }
  std::string What() const;
  // DataLoss when a CA's has no certificate.
  absl::Status Complete() const;
};

struct CsrRecord {
  static constexpr absl::string_view kWord = "csr";
  bool ca = false;
  std::string key;              // the private key's file
  PassphraseSource passphrase;  // of that
  std::string path;
  StringPairs sans;     // ("dns", "worker")
  StringPairs subject;  // ("CN", "kubernetes")

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("ca", self.ca);
    fields.Always("key", self.key);
    fields.Optional("passphrase", self.passphrase);
    fields.Always("path", self.path);
    fields.Always("sans", self.sans);
    fields.Always("subject", self.subject);
  }
  std::vector<Holding> Holds() const { return {{Holding::Kind::kFile, "", path}}; }
  std::string What() const;
};

// What the certificate of a CA says of those below it (RFC 5280 4.2.1.9, 4.2.1.10).
struct CaLimits {
  std::optional<int64_t> max_path_length;  // how many CAs may be below it; none: any number
  StringPairs permitted, excluded;         // name constraints (pki/name_constraints.h)

  template <typename Self, typename Fields>
  static void VisitInto(Self& self, Fields& fields) {
    fields.Optional("max-path-len", self.max_path_length);
    fields.Optional("permitted", self.permitted);
    fields.Optional("excluded", self.excluded);
  }
};

// A self-signed CA.
struct CaCertRecord {
  static constexpr absl::string_view kWord = "ca-cert";
  std::string key;
  PassphraseSource passphrase;  // of that
  std::string path;
  StringPairs subject;
  int64_t expiry = 0;                   // seconds
  int64_t backdate = 0;                 // seconds; 0: cfssl's (pki/issue.h)
  std::optional<int64_t> renew_before;  // seconds before its end; none: the last third of its life
  CaLimits limits;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("key", self.key);
    fields.Optional("passphrase", self.passphrase);
    fields.Always("path", self.path);
    fields.Always("subject", self.subject);
    fields.Always("expiry", self.expiry);
    fields.Optional("backdate", self.backdate);
    fields.Optional("renew-before", self.renew_before);
    CaLimits::VisitInto(self.limits, fields);
  }
  std::vector<Holding> Holds() const { return {{Holding::Kind::kFile, "", path}}; }
};

// A CA that was there before.
struct AdoptCaRecord {
  static constexpr absl::string_view kWord = "adopt-ca";
  std::string from;  // the certificate, which is its owner's
  std::string key;   // used where it is, and never copied; empty: somebody else has it
  PassphraseSource passphrase;
  std::string path;
  std::optional<int64_t> renew_before;  // seconds before its end when that is said

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("from", self.from);
    fields.Optional("key", self.key);
    fields.Optional("passphrase", self.passphrase);
    fields.Always("path", self.path);
    fields.Optional("renew-before", self.renew_before);
  }
  // Used where it is, it is its owner's.
  std::vector<Holding> Holds() const {
    if (from == path) return {};
    return {{Holding::Kind::kFile, "", path}};
  }
};

// A certificate that another one signs: a leaf's, or an intermediate CA's.
struct CertRecord {
  static constexpr absl::string_view kWord = "cert";
  bool ca = false;  // an intermediate
  std::string csr;
  std::string key;              // its own
  PassphraseSource passphrase;  // of that
  std::string issuer;           // the CA's certificate
  std::string issuer_key;       // empty: somebody else signs, and kplan checks
  PassphraseSource issuer_passphrase;
  std::string path;
  StringPairs subject, sans;
  std::vector<std::string> usages;        // cfssl's words
  std::string crl_url, ocsp_url;          // of the issuer; empty: none
  std::vector<std::string> issuer_urls;   // likewise
  int64_t expiry = 0, backdate = 0;       // seconds, as in CaCertRecord
  std::optional<int64_t> renew_before;    // likewise
  std::optional<int64_t> revoked_before;  // one that starts earlier is revoked; Unix seconds
  std::string superseded;                 // the folder for those that were replaced; empty: none
  CaLimits limits;                        // of an intermediate

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Optional("ca", self.ca);
    fields.Always("csr", self.csr);
    fields.Always("key", self.key);
    fields.Optional("passphrase", self.passphrase);
    fields.Always("issuer", self.issuer);
    fields.Optional("issuer-key", self.issuer_key);
    fields.Optional("issuer-passphrase", self.issuer_passphrase);
    fields.Always("path", self.path);
    fields.Always("subject", self.subject);
    fields.Always("sans", self.sans);
    fields.Always("usages", self.usages);
    fields.Optional("crl-url", self.crl_url);
    fields.Optional("ocsp-url", self.ocsp_url);
    fields.Optional("issuer-urls", self.issuer_urls);
    fields.Always("expiry", self.expiry);
    fields.Optional("backdate", self.backdate);
    fields.Optional("renew-before", self.renew_before);
    fields.Optional("revoked-before", self.revoked_before);
    fields.Optional("superseded", self.superseded);
    CaLimits::VisitInto(self.limits, fields);
  }
  std::vector<Holding> Holds() const { return {{Holding::Kind::kFile, "", path}}; }
  std::string What() const;
};

struct RequestsRecord {
  static constexpr absl::string_view kWord = "requests";
  StringPairs pairs;  // (request, where its certificate is awaited)

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("pairs", self.pairs);
  }
};

struct CrlRecord {
  static constexpr absl::string_view kWord = "crl";
  // [certificate, folder of those it replaced, reason, Unix seconds before which they began]
  std::vector<std::array<std::string, 4>> certs;
  std::vector<std::array<std::string, 3>> serials;  // [hex, reason, Unix seconds or ""]
  std::string path, der;                            // PEM and DER
  int64_t expiry = 0;                               // seconds
  std::string issuer, issuer_key;
  PassphraseSource issuer_passphrase;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("certs", self.certs);
    fields.Always("serials", self.serials);
    fields.Always("path", self.path);
    fields.Always("der", self.der);
    fields.Always("expiry", self.expiry);
    fields.Always("issuer", self.issuer);
    fields.Always("issuer-key", self.issuer_key);
    fields.Optional("issuer-passphrase", self.issuer_passphrase);
  }
  std::vector<Holding> Holds() const {
    return {{Holding::Kind::kFile, "", path}, {Holding::Kind::kFile, "", der}};
  }
};

struct BundleRecord {
  static constexpr absl::string_view kWord = "bundle";
  std::string form;  // "chain", "bundle", "pkcs12"
  std::string cert;
  std::vector<std::string> issuers;  // the intermediates above it, upwards
  // The certificate by which who trusts the generation before trusts the CA above these; it comes last where
  // there is one (trust_records.h). Not in a pkcs12.
  std::string cross;
  std::string key;              // of all but a chain
  std::string name;             // of a pkcs12: its friendly name
  PassphraseSource passphrase;  // likewise
  std::string path;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("form", self.form);
    fields.Always("cert", self.cert);
    fields.Always("issuers", self.issuers);
    fields.Optional("cross", self.cross);
    fields.Optional("key", self.key);
    fields.Optional("name", self.name);
    fields.Optional("passphrase", self.passphrase);
    fields.Always("path", self.path);
  }
  std::vector<Holding> Holds() const { return {{Holding::Kind::kFile, "", path}}; }
  std::string What() const;
  // DataLoss when one with a key has none.
  absl::Status Complete() const;
};

}  // namespace kplan

#endif  // KPLAN_STEP_PKI_RECORDS_H_
