#ifndef KPLAN_MODEL_CLUSTER_H_
#define KPLAN_MODEL_CLUSTER_H_

// What a cluster.yaml means: every default in, every name checked, one value a host. Nothing below this layer
// knows that there was YAML; nothing in it can be wrong any more.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "src/base/record.h"
#include "src/model/pki.h"

namespace kplan {

enum class ServiceManager { kSystemd, kProcess, kNone };

// As in cluster.yaml: "systemd".
const char* ManagerName(ServiceManager manager);

struct Host {
  std::string name;     // "worker"
  std::string address;  // empty when not given
  std::string root;     // "/", or a folder relative to DIR
  std::string arch;     // "amd64"
  ServiceManager manager = ServiceManager::kSystemd;
};

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
  std::vector<CertificateAuthority> cas;  // an issuer before those it signs, else by name
  std::vector<LeafCertificate> certificates;
  bool has_etcd = false;
  Etcd etcd;
};

}  // namespace kplan

#endif  // KPLAN_MODEL_CLUSTER_H_
