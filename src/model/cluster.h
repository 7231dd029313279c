#ifndef KPLAN_MODEL_CLUSTER_H_
#define KPLAN_MODEL_CLUSTER_H_

// What a cluster.yaml means: every default in, every name checked, one value a host. Nothing below this layer
// knows that there was YAML; nothing in it can be wrong any more.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/base/record.h"

namespace kplan {

enum class ServiceManager { kSystemd, kProcess, kNone };

struct Host {
  std::string name;     // "worker"
  std::string address;  // empty when not given
  std::string root;     // "/", or a folder relative to DIR
  std::string arch;     // "amd64"
  ServiceManager manager = ServiceManager::kSystemd;
};

struct KeyKind {
  std::string algo;  // "rsa", "ecdsa"
  int size = 0;      // bits
};

struct CertificateAuthority {
  KeyKind key;
  StringPairs
      subject;  // ("C", "US"), ..., ("CN", "Kubernetes"); the certificate's own order is the signer's affair
  int64_t expiry_seconds = 0;
  int64_t renew_before_seconds = 0;  // before its end it is made again; 0: in the last third of its life
};

// What the certificates of one entry of `certs` have in common: kept once, not once a host.
struct LeafKind {
  std::string spec_name;  // "kubernetes", "server": the key in `certs`
  KeyKind key;
  StringPairs names;  // the subject without CN
  std::vector<std::string> usages;
  int64_t expiry_seconds = 0;
  int64_t renew_before_seconds = 0;  // before its end it is made again; 0: in the last third of its life
};

struct LeafCertificate {
  std::string name;  // "kubernetes", or "etcd-1/server" when made per host: its place below cert/ and pki/
  int host = -1;     // index into Cluster::hosts when made per host
  std::shared_ptr<const LeafKind> kind;
  std::string CN;  // empty: none
  StringPairs
      sans;  // ("dns", "worker"), ("ip", "127.0.0.1"), "email", "uri"; in the order written, each once
};

// ("C", "US"), ..., ("CN", "kubernetes")
StringPairs SubjectOf(const LeafCertificate& cert);

// A release archive and what is taken out of it.
struct Archive {
  std::string url;   // empty: `path` is a file that somebody put there
  std::string path;  // relative to DIR
  bool given = false;
  std::string sha256;
  std::string unpacked;  // the folder its members are unpacked to, relative to DIR
  StringPairs members;   // (name in the archive, file name)
};

// One argument of a service: TEXT followed by PATH, which is a path on the host (so that a service in a
// folder can be given the real path).
using Argument = std::pair<std::string, std::string>;

struct EtcdMember {
  int host = 0;
  int archive = 0;  // index into Etcd::archives
  std::string name;
  int cert = 0;                                     // index into Cluster::certificates
  std::vector<std::string> peer_urls, client_urls;  // advertised
  std::string probe;                                // the client URL that checks connect to
  std::vector<Argument> arguments;                  // argv of the service
  std::vector<std::string> environment;             // "NAME=value"
  std::string unit;                                 // the unit file's text
  std::string owner;                                // "user" or "user:group" of key and data; empty: root
};

struct Etcd {
  std::string version, token;
  std::vector<Archive> archives;  // one an architecture
  std::vector<EtcdMember> members;
  std::vector<std::string> refuse;  // of "no-cert", "wrong-ca", "plaintext"
};

struct Cluster {
  std::string name;
  std::vector<Host> hosts;  // by name
  CertificateAuthority ca;
  std::vector<LeafCertificate> certificates;
  bool has_etcd = false;
  Etcd etcd;
};

}  // namespace kplan

#endif  // KPLAN_MODEL_CLUSTER_H_
