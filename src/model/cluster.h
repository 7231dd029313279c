#ifndef KPLAN_MODEL_CLUSTER_H_
#define KPLAN_MODEL_CLUSTER_H_

// What a cluster.yaml means: every default in, every name checked, one value a host. Nothing below this layer
// knows that there was YAML; nothing in it can be wrong any more.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/base/source.h"
#include "src/base/string_pairs.h"
#include "src/etcd/facts/etcd_layout.h"
#include "src/model/pki.h"
#include "src/model/start_timeout.h"
#include "src/pki/passphrase_source.h"
#include "src/systemd/unit.h"

namespace kplan {

enum class ServiceManager { kSystemd, kProcess, kNone };

// As in cluster.yaml: "systemd".
const char* ManagerName(ServiceManager manager);

// Where a host is reached: ssh_config(5) has the rest, and may have these, too.
struct SshLogin {
  std::string user;  // empty: as ssh's configuration says
  std::string host;  // a name, an alias of ssh's configuration, or an IP address (IPv6 without brackets)
  int port = 0;      // 0: as ssh's configuration says

  bool set() const { return !host.empty(); }
};

struct Host {
  std::string name;     // "worker"
  std::string address;  // empty when not given
  std::string root;     // "/", or a folder relative to DIR; of a remote host always an absolute path there
  std::string arch;     // "amd64"
  ServiceManager manager = ServiceManager::kSystemd;
  SshLogin ssh;        // not set: the host is this machine, or a folder on it
  std::string become;  // "sudo", or empty: whoever logs in writes, or without ssh whoever runs kplan
  Range place;         // in cluster.yaml: its key
  Range root_place;    // and the root, where one is given

  // It is this machine, or a folder on it.
  bool here() const { return !ssh.set(); }
  // Its steps are done by an agent, at the other end of a conversation: over ssh, or here as root by sudo.
  bool remote() const { return ssh.set() || !become.empty(); }
};

// A release archive and what is taken out of it.
struct Archive {
  std::string url;                   // empty: `path` is a file that somebody put there
  std::vector<std::string> mirrors;  // further URLs of the same file, asked in this order after it
  std::string ca, netrc;             // files, relative to DIR; empty: none
  PassphraseSource token;            // a bearer token
  std::string path;                  // relative to DIR
  bool given = false;
  std::string sha256;
  std::string unpacked;  // the folder its members are unpacked to, relative to DIR
  StringPairs members;   // (name in the archive, file name)
  Range place;           // in cluster.yaml: the key that asks for it
};

// Whether A and B are of the same file, got in the same way.
bool IsSameArchive(const Archive& a, const Archive& b);

// What a change of one of a service's inputs needs.
enum class OnChange { kNothing, kReload, kRestart };

// As in cluster.yaml: "nothing", "reload", "restart".
const char* OnChangeName(OnChange need);

// A further unit of a service, beside its own.
struct FurtherUnit {
  std::string name;  // "backup.timer", "worker@.service"
  std::string text;
  Range place;  // in cluster.yaml: its key
};

// What proves that a service serves.
struct ServiceCheck {
  enum class Kind { kSystemd, kTcp, kHttps, kExec };

  Kind kind = Kind::kSystemd;
  std::string target;      // kTcp: "127.0.0.1:8404"; kHttps: the URL
  bool from_host = false;  // kHttps: it is asked by way of the host, and not from here
  int status = 200;        // kHttps: the one that is right
  int ca = -1;             // kHttps: who signed what is served: index into Cluster::cas
  int cert = -1;           // kHttps: what is shown to it: index into Cluster::certificates; -1: none
  int serves = -1;         // kHttps: the certificate that has to be served, likewise; -1: any of `ca`
  std::vector<std::string> refuse;  // kHttps: of "no-cert", "wrong-ca", "plaintext"
  std::vector<Argument> command;    // kExec: argv
};

// A file of a service that is not a certificate's.
struct ServiceFile {
  std::string path;     // on the host
  bool copied = false;  // it is the file `from`, read when the step runs; otherwise `content`
  std::string content;
  std::string from;  // relative to DIR
  int mode = 0644;
  std::string owner;  // "user" or "user:group"; empty: root
  OnChange on_change = OnChange::kRestart;
  Range place;  // in cluster.yaml: its key
};

// A member of a service's archive.
struct ServiceProgram {
  std::string member;  // the name it is unpacked to, below Archive::unpacked
  std::string path;    // on the host; 0755
  OnChange on_change = OnChange::kRestart;
};

// A certificate's files of a service. Paths that are empty are not wanted.
struct ServiceCertificate {
  enum class Part { kLeaf, kChain, kBundle };

  int cert = 0;  // index into Cluster::certificates
  Part part = Part::kChain;
  std::string cert_path, key_path;  // both or neither; of kBundle only cert_path, which holds the key, too
  std::string ca_path;              // the certificate of the CA that signed it
  std::string owner;                // of what holds a key; empty: root
  OnChange on_change = OnChange::kRestart;
  Range place;  // in cluster.yaml: the key `certs` of the service
};

struct ServiceFolder {
  std::string path;
  int mode = 0755;
  std::string owner;
  // Whoever runs the service owns it, and gives it away as it likes (systemd's StateDirectory): only mode and
  // being there are kplan's.
  bool any_owner = false;
  Range place;  // in cluster.yaml: the key that asks for it
};

// A service on one host.
struct ServiceInstance {
  std::string name;  // the unit's, without ".service"
  int host = 0;
  int archive = -1;              // index into Cluster::service_archives; -1: its program is there already
  std::vector<int> after;        // indices into Cluster::services: those of the services it comes after
  std::vector<int> after_etcds;  // indices into Cluster::etcds: those it comes after, verified first
  int rollout_after = -1;        // index into Cluster::services: the one that has to be verified before
  std::vector<ServiceProgram> programs;
  std::vector<ServiceFile> files;
  std::vector<ServiceCertificate> certificates;
  std::vector<ServiceFolder> folders;
  std::string user;                        // a system user that is made for it; empty: none
  std::vector<Argument> arguments;         // argv
  std::vector<std::string> environment;    // "NAME=value"
  std::string unit;                        // the unit file's text
  std::vector<FurtherUnit> units;          // by name
  int start_timeout = kLeastStartTimeout;  // seconds (start_timeout.h)
  bool replace = false;                    // a service that somebody else set up may give way to it
  bool by_unit = false;                    // a timer or socket of its own name starts it, and kplan does not
  std::vector<ServiceCheck> checks;
  // In cluster.yaml: the keys of its unit, its user and its checks, or its own where it has none.
  Range place, user_place, checks_place;
};

struct EtcdMember {
  int host = 0;
  int archive = 0;  // index into Etcd::archives
  std::string name;
  int cert = 0;        // what it serves: index into Cluster::certificates
  int peer_cert = -1;  // of a cluster's member: what it shows other members, and asks of them; likewise
  std::vector<std::string> peer_urls, client_urls;  // advertised, sorted
  std::string probe;                                // the client URL that checks connect to
  std::string peer_probe;                           // of a cluster's member: the peer URL, likewise
  std::string answers, peer_answers;                // host:port: where it serves its own machine
  std::vector<Argument> arguments;                  // argv of the service
  std::vector<std::string> environment;             // "NAME=value"
  // The text of /etc/etcd/bootstrap.env, which etcd heeds once, when its data folder is empty
  // (systemd.exec(5), EnvironmentFile). Empty when this is no member of a cluster.
  std::string bootstrap;
  std::string unit;   // the unit file's text
  std::string owner;  // "user" or "user:group" of key and data; empty: root
  std::string user;   // a system user that is made for it (`hardening: strict`); empty: none
  // systemd makes the data folder, and gives it to that user with all that is in it (StateDirectory).
  bool gives_data_away = false;
  int start_timeout = kLeastStartTimeout;  // seconds (start_timeout.h)
};

// Where etcd's files are on the hosts, the same on all of them.
struct EtcdFolders {
  std::string bin, config, data;
  std::string wal;  // the folder in which that of the write-ahead log is; empty: it is in `data`

  // NAME in `config`, and in `bin`.
  std::string Config(absl::string_view name) const { return absl::StrCat(config, "/", name); }
  std::string Program(absl::string_view name) const { return absl::StrCat(bin, "/", name); }
  // That of the log itself, etcd's --wal-dir; empty: its own default. etcd makes it under another name beside
  // it, and renames that (wal.Create): so it needs a folder around it that is etcd's, and cannot be a mount
  // point.
  std::string Log() const { return wal.empty() ? "" : absl::StrCat(wal, "/", etcd_layout::kWal); }
};

struct Etcd {
  std::string name;  // its unit's, in labels, and for ninja: "etcd"; of one of `etcds` "etcd-NAME"
  std::string version, token;
  EtcdFolders folders;
  int client_port = 2379, peer_port = 2380;
  bool replace = false;             // an etcd that somebody else set up may give way to a member
  Range place;                      // in cluster.yaml: the key `etcd`, or NAME in `etcds`
  std::vector<Archive> archives;    // one an architecture, in the order of the members that need them
  std::vector<EtcdMember> members;  // in the order of the spec

  // `etcd.tls` is written, or there are several members, or the one is reached by ssh: survey, rollout and
  // verify are then about all members. Otherwise one member here is started as any service.
  bool clustered = false;
  // Only a cluster has these:
  int client_cert = -1;       // what kplan and etcdctl show members: index into Cluster::certificates
  std::string initial_state;  // "new" or "existing": what members without data do (initial-cluster-state)
  int snapshots_kept = 0;  // a snapshot is taken before the first restart, and so many are kept; 0: none is
};

struct Cluster {
  std::string name;
  int64_t contact_every = 0;              // for how many seconds the answer of a host counts
  std::vector<Host> hosts;                // by name, "node-2" before "node-10" (base/natural_order.h)
  std::vector<CertificateAuthority> cas;  // an issuer before those it signs, else by name
  std::vector<LeafCertificate> certificates;
  std::vector<Etcd> etcds;          // `etcd`, then those of `etcds` in the order of the spec
  std::vector<std::string> refuse;  // whom members have to: of "no-cert", "wrong-ca", "plaintext"
  std::string ask_from;             // whence members elsewhere are asked: "hosts", "here"; "": both
  // How many members of an etcd, or hosts of a service, may be down at a time while they are restarted.
  int max_unavailable = 1;
  // Those that another one comes after stand before it.
  std::vector<ServiceInstance> services;
  // What the services' programs come from: (the name in labels, the archive).
  std::vector<std::pair<std::string, Archive>> service_archives;
};

}  // namespace kplan

#endif  // KPLAN_MODEL_CLUSTER_H_
