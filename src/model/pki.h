#ifndef KPLAN_MODEL_PKI_H_
#define KPLAN_MODEL_PKI_H_

// The certificates of a cluster: who signs, what is signed, and for how long it is good.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/base/paths.h"
#include "src/base/source.h"
#include "src/base/string_pairs.h"
#include "src/pki/passphrase_source.h"

namespace kplan {

struct KeyKind {
  std::string algo;             // "rsa", "ecdsa", "ed25519"
  int size = 0;                 // bits; 0 for ed25519
  bool pkcs8 = false;           // else the form that cfssl writes: PKCS#1, SEC1
  PassphraseSource passphrase;  // of a CA's: encrypted at rest
};

// What certificates say about where to find their issuer's certificate, CRL and OCSP responder.
struct IssuerUrls {
  std::string crl, ocsp;  // empty: none
  std::vector<std::string> issuers;
};

// How long a certificate lives.
struct Life {
  int64_t expiry_seconds = 0;        // from its start to its end
  int64_t backdate_seconds = 0;      // its start is so long before it is made; 0: cfssl's five minutes
  int64_t renew_before_seconds = 0;  // before its end it is made again; 0: in the last third of its life
};

constexpr int kNoPathLength = -1;

// A certificate that is revoked by its number, whoever it was made for.
struct RevokedSerial {
  std::string serial;  // lower-case hex without leading zeros
  std::string reason;  // RFC 5280 5.3.1: "keyCompromise"
  int64_t date = 0;    // Unix seconds; 0: when it first came into the CRL
};

// The certificates of one of ours that began before DATE.
struct RevokedLeaf {
  int certificate = 0;  // index into Cluster::certificates
  std::string reason;
  int64_t date = 0;
};

struct CertificateAuthority {
  enum class Origin {
    kMade,      // key and certificate are made here
    kExisting,  // both are files that are there
    kExternal,  // the certificate is a file that is there; who has the key signs elsewhere
  };

  std::string name;  // "ca", or the key in `cas`: its place below ca/, and of the first generation below pki/
  Origin origin = Origin::kMade;
  int issuer = -1;  // index into Cluster::cas, always a smaller one; -1: self-signed, or not known

  // The files of an existing one, relative to DIR. Only renew_before_seconds of its life is known: when its
  // end is near enough to be said.
  std::string given_certificate, given_key;

  // The key's passphrase, whether made here or not; the rest is of one that is made here.
  KeyKind key;
  // ("C", "US"), ..., ("CN", "Kubernetes"); the certificate's own order is the signer's affair.
  StringPairs subject;
  Life life;
  int max_path_length = kNoPathLength;  // how many CAs may be below it (RFC 5280 4.2.1.9)
  StringPairs permitted, excluded;      // name constraints: ("dns", "example.com"), ("ip", "10.0.0.0/8")
  IssuerUrls urls;                      // of an intermediate

  int64_t crl_expiry_seconds = 0;  // how long a CRL is good; 0: it has none
  std::vector<RevokedSerial> revoked_serials;
  std::vector<RevokedLeaf> revoked_leaves;

  // Of one that is made here. A key of another generation has files of its own, and a CN that says the
  // number; no key of a CA is ever made in the place of another one.
  int generation = 1;
  // Whether its generation is written: then it may be in the place of another one, which somebody may trust
  // still (lower/trust.cc).
  bool exchanged = false;
  // The exchange stops where everybody trusts both: the generation before signs.
  bool held = false;
  std::vector<int> revoked_generations;  // whose keys got out

  Range place;  // in cluster.yaml: its key

  // What its files are called: `name` of paths::Certificate.
  std::string stem() const { return paths::Generation(name, generation); }
  // Those of who signs.
  std::string signing_stem() const { return paths::Generation(name, held ? generation - 1 : generation); }

  // Whether it signs here.
  bool has_key() const { return origin != Origin::kExternal; }
};

// What the certificates of one entry of `certs` have in common: kept once, not once a host.
struct LeafKind {
  std::string spec_name;  // "kubernetes", "server": the key in `certs`
  Range place;            // where that stands
  int ca = 0;             // who signs: index into Cluster::cas
  KeyKind key;
  int key_generation = 1;  // raised when the key has to be another one
  StringPairs names;       // the subject without CN
  // cfssl's words; those that a key of this kind cannot have are left out.
  std::vector<std::string> usages;
  Life life;
  bool is_ca = false;  // by its profile's ca_constraint
  int max_path_length = kNoPathLength;
  IssuerUrls urls;
  bool chain = false, bundle = false, pkcs12 = false;  // which files are made beside the certificate
  PassphraseSource pkcs12_passphrase;
};

struct LeafCertificate {
  std::string name;  // "kubernetes", or "etcd-1/server" when made per host: its place below cert/ and pki/
  int host = -1;     // index into Cluster::hosts when made per host
  std::shared_ptr<const LeafKind> kind;
  std::string CN;  // empty: none
  // ("dns", "worker"), ("ip", "127.0.0.1"), "email", "uri"; in the order written, each once
  StringPairs sans;
  int64_t revoked_before = 0;  // one that began before is made again; Unix seconds, 0: none is revoked
};

// ("C", "US"), ..., ("CN", "kubernetes")
StringPairs SubjectOf(const LeafCertificate& cert);

}  // namespace kplan

#endif  // KPLAN_MODEL_PKI_H_
