#ifndef KPLAN_LOWER_LOWER_INTERNAL_H_
#define KPLAN_LOWER_LOWER_INTERNAL_H_

// What the parts of Lower share, and how one finds the other's steps.

#include <string>
#include <utility>
#include <vector>

#include "src/graph/graph.h"
#include "src/model/cluster.h"

namespace kplan {

struct PkiSteps {
  struct Ca {
    StepId cert = 0;
    bool has_crl = false;
    StepId crl = 0;
  };
  struct Leaf {
    StepId key = 0, csr = 0, cert = 0;
    // What a server shows: the certificate, or the chain with the intermediates.
    StepId shown = 0;
    std::string shown_path;  // relative to DIR
  };
  std::vector<Ca> cas;       // as Cluster::cas
  std::vector<Leaf> leaves;  // as Cluster::certificates
};

struct Lowering {
  const Cluster& cluster;
  Graph& graph;
  uint32_t shared = 0;               // the shard of what hosts share
  std::vector<uint32_t> host_shard;  // as Cluster::hosts
};

// pki.cc: ca/key ca/csr ca/cert ca/crl, and key/ csr/ cert/ chain/ bundle/ pkcs12/ of every certificate.
PkiSteps LowerPki(const Lowering& lowering);

// A file on a host.
struct HostFile {
  std::string path;   // inside the host's root
  std::string from;   // relative to DIR
  StepId source = 0;  // the step that makes `from`
  bool executable = false;
  bool secret = false;  // a private key: 0600
  std::string owner;    // empty: root
};

// A certificate and its key on a host, always exchanged together: one step.
struct HostPair {
  std::string certificate_path, key_path;  // inside the host's root, in one folder
  std::string certificate_from, key_from;  // relative to DIR
  StepId certificate_source = 0, key_source = 0;
  std::string key_owner;  // empty: root
};

// service.cc: what any service is made of. Whatever runs as a service fills this in.
struct Service {
  std::string name;  // "etcd"
  int host = 0;
  std::vector<HostFile> restart_files;  // it is restarted when one of these changes (binary, trust)
  std::vector<HostPair> reread_pairs;   // it reads these again by itself (leaf certificate and key)
  std::vector<HostFile> reread_files;   // and these, or does not read them at all
  std::string data_folder, data_owner;  // 0700
  std::string unit_text;
  std::vector<Argument> arguments;
  std::vector<std::string> environment;
  std::vector<std::string> answers;  // host:port that accept connections when it runs
};

struct ServiceSteps {
  StepId service = 0;
  std::vector<StepId> files;  // of all three kinds
};

// archive/NAME and unpack/NAME; gives the latter.
StepId LowerArchive(const Lowering& lowering, const std::string& name, const Archive& archive);

// file/ dir/ render/ unit/ service/ on the host.
ServiceSteps LowerService(const Lowering& lowering, const Service& service);

// etcd.cc
void LowerEtcd(const Lowering& lowering, const PkiSteps& pki);

}  // namespace kplan

#endif  // KPLAN_LOWER_LOWER_INTERNAL_H_
