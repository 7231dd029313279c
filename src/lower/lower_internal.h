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
  std::string environment_file;      // inside the host's root; read at each start. Empty: none
  std::vector<std::string> answers;  // host:port that accept connections when it runs
};

// What the steps on one host wait for besides what each is made from.
struct HostGate {
  std::vector<StepId> inputs;  // stale with these: what says which machine the host is
  std::vector<StepId> after;   // and what has to be done before
};

// What a service is made of, on its host.
struct ServiceFiles {
  std::vector<StepId> restart;      // its restart files, then the unit
  std::vector<StepId> others;       // its pairs, its reread files, then the data folder
  std::vector<StepId> of_contents;  // of those all but unit and folder
};

struct ServiceSteps {
  StepId service = 0;
  std::vector<StepId> files;  // of all three kinds
};

// How long a service may take to answer: etcd may have to replay a large log. A failure is seen long before.
inline constexpr int kStartTimeoutSeconds = 90;

// archive/NAME and unpack/NAME; gives the latter.
StepId LowerArchive(const Lowering& lowering, const std::string& name, const Archive& archive);

// render/HOST/PATH: TEXT, which goes to PATH on the host.
StepId LowerRender(const Lowering& lowering, int host, const std::string& path, const std::string& text);

// file/ dir/ unit/ on the host; and render/ of the unit, unless UNIT_SOURCE is that step.
ServiceFiles LowerServiceFiles(const Lowering& lowering, const Service& service, const HostGate& gate,
                               const StepId* unit_source = nullptr);

// The record of the service's step. On a host that is reached by ssh it has the host's name WITH_HOST.
std::string ServiceRecord(const Lowering& lowering, const Service& service, bool with_host);

// service/ on the host, made from FILES.
StepId LowerServiceStep(const Lowering& lowering, const Service& service, const ServiceFiles& files);

// All of it, for a service on this machine.
ServiceSteps LowerService(const Lowering& lowering, const Service& service);

// A list of plain strings, and one of JSON texts, as JSON.
std::string JsonList(const std::vector<std::string>& values);
std::string JsonListOf(const std::vector<std::string>& texts);

// etcd.cc
void LowerEtcd(const Lowering& lowering, const PkiSteps& pki);

// "https://127.0.0.1:2379" as "127.0.0.1:2379".
std::string HostAndPort(absl::string_view url);

// MEMBER as a service, as far as it is the same for an etcd of one member and one of several.
Service EtcdServiceOf(const Lowering& lowering, const PkiSteps& pki, const EtcdMember& member, StepId unpack);

// How long verify waits until etcd is healthy.
inline constexpr int kVerifyTimeoutSeconds = 60;

// etcd_cluster.cc: Etcd::clustered. UNPACKED are the steps that unpack Etcd::archives.
void LowerEtcdCluster(const Lowering& lowering, const PkiSteps& pki, const std::vector<StepId>& unpacked);

}  // namespace kplan

#endif  // KPLAN_LOWER_LOWER_INTERNAL_H_
