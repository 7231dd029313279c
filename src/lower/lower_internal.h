#ifndef KPLAN_LOWER_LOWER_INTERNAL_H_
#define KPLAN_LOWER_LOWER_INTERNAL_H_

// What the parts of Lower share, and how one finds the other's steps.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "src/graph/graph.h"
#include "src/model/cluster.h"
#include "src/step/file_records.h"
#include "src/step/service_records.h"

namespace kplan {

struct PkiSteps {
  struct Ca {
    StepId cert = 0;
    // What who trusts it is given, and the step that makes that: the certificate; while an exchange is held
    // all generations that are trusted.
    std::string trusted_path;  // relative to DIR
    StepId trusted = 0;
    // What kplan itself asks with, who may show a certificate of the generation before: likewise.
    std::string asked_path;
    bool has_crl = false;
    StepId crl = 0;
  };
  struct Leaf {
    StepId key = 0, csr = 0, cert = 0;
    // What a server shows: the certificate, or the chain with the intermediates.
    StepId shown = 0;
    std::string shown_path;        // relative to DIR
    std::optional<StepId> bundle;  // key, certificate and intermediates in one file, where they are wanted
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
//
// EXCHANGE is called once, when all CAs have their steps but those that are signed by one that is exchanged;
// it gives the step that has new CAs trusted beside those before them (trust/both, trust.cc), after which
// come all certificates that they sign. Nothing: no CA is exchanged.
PkiSteps LowerPki(const Lowering& lowering,
                  absl::FunctionRef<std::optional<StepId>(const PkiSteps&)> exchange);

// A file on a host.
struct HostFile {
  std::string path;   // inside the host's root
  std::string from;   // relative to DIR
  StepId source = 0;  // the step that makes `from`
  int mode = 0644;
  bool secret = false;  // a private key is in it: its digest is over what is public
  std::string owner;    // empty: root
  OnChange on_change = OnChange::kNothing;
  Range place;                 // in cluster.yaml: what asks for it
  std::vector<StepId> after;   // what has to be done before it comes to its host
  std::optional<StepId> step;  // it is made already
};

// A certificate and its key on a host, always exchanged together: one step.
struct HostPair {
  std::string certificate_path, key_path;  // inside the host's root, in one folder
  std::string certificate_from, key_from;  // relative to DIR
  StepId certificate_source = 0, key_source = 0;
  std::string key_owner;  // empty: root
  OnChange on_change = OnChange::kNothing;
  Range place;
  std::optional<StepId> step;  // it is made already
};

struct HostFolder {
  std::string path;
  int mode = 0700;
  std::string owner;  // empty: root
  bool any_owner = false;
  Range place;
};

// What any service is made of. Whatever runs as a service fills this in.
struct Service {
  std::string name;  // "etcd"
  int host = 0;
  std::vector<HostFile> files;
  std::vector<HostPair> pairs;
  std::vector<HostFolder> folders;
  std::string user;  // a system user that is made for it; empty: none
  std::string unit_text;
  std::vector<FurtherUnit> units;
  // The steps that render them. That of its own is made with the unit itself when it is not set.
  std::optional<StepId> unit_source;
  std::vector<StepId> unit_sources;
  std::vector<Argument> arguments;
  std::vector<std::string> environment;
  std::string environment_file;            // inside the host's root; read at each start. Empty: none
  std::vector<std::string> answers;        // host:port that accept connections when it runs
  int start_timeout = kLeastStartTimeout;  // seconds; a failure is seen long before
  bool replace = false;                    // a service that somebody else set up may give way to it
  bool by_unit = false;                    // one of `units` starts it
  bool in_turn = false;                    // it is restarted by a roll, when its turn among others has come
  // In cluster.yaml: what asks for the service and its unit, and for its user.
  Range place, user_place;
};

// What the steps on one host wait for besides what each is made from.
struct HostGate {
  std::vector<StepId> inputs;           // stale with these: what says which machine the host is
  std::vector<StepId> after;            // and what has to be done before
  std::map<std::string, StepId> users;  // user/HOST/NAME, by name: what is that user's has to wait for it
};

// What a service is made of, on its host.
struct ServiceFiles {
  std::vector<StepId> inputs;       // what it is restarted or reloaded for; its unit is the last
  std::vector<StepId> others;       // the other files, then its folders
  std::vector<StepId> of_contents;  // of these all but unit and folders
  std::vector<StepId> units;        // the further units, as Service::units
};

// hosts.cc: what comes before all that goes to a host, over everything that goes there.
//
//   host/H   which machine it is, for those that are reached by ssh: all that is there is made again when it
//            turns out to be another one
//   send/H   everything that H lacks, in one stream; likewise
//   user/H/NAME   and the file that says what user that is
class HostSteps {
 public:
  explicit HostSteps(const Lowering& lowering);

  // To be called for all services before anything else; they stay where they are, and say all that they need.
  // Adds the steps that render what is said of their users.
  void Add(const Service& service);

  // host/H of every host over ssh that a service is on, in the order in which they came, as far as it is not
  // there yet.
  void LowerIdentities();
  // That of HOST, which is one of these.
  StepId LowerIdentityOf(int host);

  // From now on what goes to HOST comes after STEP.
  void Delay(int host, StepId step);

  // host/H. Only of hosts over ssh.
  StepId IdentityOf(int host) const { return *hosts_[host].identity; }

  // What its steps wait for. The first time it makes send/H, and the host's users.
  const HostGate& GateOf(int host);

 private:
  struct User {
    std::string name;
    HostFile file;  // below /etc/sysusers.d
  };
  struct OfHost {
    std::vector<const Service*> services;
    std::vector<User> users;
    std::optional<StepId> identity;
    bool done = false;
    HostGate gate;
  };

  StepId LowerIdentity(int host);
  StepId LowerSend(int host);

  const Lowering& lowering_;
  std::vector<OfHost> hosts_;  // as Cluster::hosts
  std::vector<int> order_;     // of those with services: as these came
};

// The steps that make what SERVICE's host gets of it, each once, in the order of the files.
std::vector<StepId> SourcesOf(const Service& service);

// service.cc: archive/NAME and unpack/NAME; gives the latter.
StepId LowerArchive(const Lowering& lowering, const std::string& name, const Archive& archive);

// render/HOST/PATH: TEXT, which goes to PATH on the host.
StepId LowerRender(const Lowering& lowering, int host, const std::string& path, const std::string& text,
                   Range place);

// render/ of SERVICE's units, which then knows these steps.
void LowerUnitTexts(const Lowering& lowering, Service* service);

// file/ on the host. WAITS_FOR: as in the record.
StepId LowerFile(const Lowering& lowering, int host, const HostFile& file, const HostGate& gate,
                 const std::optional<FileFields::Service>& waits_for = std::nullopt);

// file/ of a certificate and its key on the host.
StepId LowerPair(const Lowering& lowering, int host, const HostPair& pair, const HostGate& gate);

// What the files that SERVICE is restarted for wait for. Where nothing is started nothing is waited for.
std::optional<FileFields::Service> TurnOf(const Lowering& lowering, const Service& service);

// file/ dir/ unit/ on the host.
ServiceFiles LowerServiceFiles(const Lowering& lowering, const Service& service, const HostGate& gate);

// The record of the service's step. On a host that is reached by ssh it has the host's name WITH_HOST.
ServiceRecord ServiceRecordOf(const Lowering& lowering, const Service& service, bool with_host);

// service/ on the host, made from FILES, and after AFTER, too.
StepId LowerServiceStep(const Lowering& lowering, const Service& service, const ServiceFiles& files,
                        const std::vector<StepId>& after = {});

// What a step on HOST comes with: its group, and what `gen` looks at (WATCHES) or, on a host that is reached
// by ssh, where nothing can be seen from here, that the host is contacted.
void Announce(const Lowering& lowering, const Host& host, StepId step, const std::vector<Watch>& watches);

// The host in a record: those of hosts that are reached by ssh alone have it.
std::string HostInRecord(const Host& host);

// etcd.cc: an etcd's members as services, which come to the hosts like any other.
struct EtcdServices {
  std::vector<Service> services;  // as Etcd::members
};
// The archives of all etcds, each once: two of one version have one archive.
class EtcdArchives {
 public:
  explicit EtcdArchives(const Lowering& lowering) : lowering_(lowering) {}

  // What unpacks ETCD's archive of this index.
  StepId Of(const Etcd& etcd, size_t index);

 private:
  const Lowering& lowering_;
  std::vector<std::pair<const Archive*, StepId>> steps_;
};

// Those of all etcds, as Cluster::etcds.
std::vector<EtcdServices> LowerEtcdSources(const Lowering& lowering, const PkiSteps& pki,
                                           EtcdArchives* archives);

// survey/ETCD of those that have one, as Cluster::etcds. All that goes to a host comes in one stream, so it
// waits until all etcds there have been looked at.
std::vector<std::optional<StepId>> LowerEtcdSurveys(const Lowering& lowering, const PkiSteps& pki,
                                                    const std::vector<EtcdServices>& services,
                                                    HostSteps* hosts);

// All else of them. Gives for each what proves that it serves, or at least starts it.
std::vector<std::vector<StepId>> LowerEtcds(const Lowering& lowering, const PkiSteps& pki,
                                            const std::vector<EtcdServices>& services,
                                            const std::vector<std::optional<StepId>>& surveys,
                                            HostSteps* hosts);

// ETCD's name in a record: those of `etcds` have it.
std::string NameInRecord(const Etcd& etcd);

// How long verify waits until etcd is healthy.
inline constexpr int kVerifyTimeoutSeconds = 60;

// etcd_cluster.cc: what members of Etcd::clustered have beside the others.
void AddClusterFiles(const Lowering& lowering, const Etcd& etcd, const PkiSteps& pki,
                     const EtcdMember& member, Service* service);
// survey/ETCD, after which comes what goes to its hosts; nothing where nothing runs.
std::optional<StepId> LowerEtcdSurvey(const Lowering& lowering, const Etcd& etcd, const PkiSteps& pki,
                                      const std::vector<Service>& services, HostSteps* hosts);
// And the rest.
std::vector<StepId> LowerEtcdCluster(const Lowering& lowering, const Etcd& etcd, const PkiSteps& pki,
                                     const std::vector<Service>& services, std::optional<StepId> survey,
                                     HostSteps* hosts);

// services.cc: Cluster::services. First their archives, and all that is made from the text of cluster.yaml.
std::vector<Service> LowerServiceSources(const Lowering& lowering, const PkiSteps& pki);

// Then they themselves. ETCDS (as Cluster::etcds): what has to be done before those that come after each.
// Gives what has to be done when each serves.
std::vector<std::vector<StepId>> LowerServices(const Lowering& lowering, const PkiSteps& pki,
                                               const std::vector<Service>& services,
                                               const std::vector<std::vector<StepId>>& etcds,
                                               HostSteps* hosts);

// How long the checks of a service may take to be true.
inline constexpr int kCheckTimeoutSeconds = 60;

}  // namespace kplan

#endif  // KPLAN_LOWER_LOWER_INTERNAL_H_
