#ifndef KPLAN_LOOK_HOLDINGS_H_
#define KPLAN_LOOK_HOLDINGS_H_

// Where the artifact of a step is, by its record: on this machine, or on a host over ssh.

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "src/look/record_field.h"

namespace kplan {

// One file, folder or service that is the artifact of a step, or part of it.
struct Holding {
  enum class Kind {
    kFile,        // below DIR
    kUnpacked,    // a folder below DIR with the programs of an archive
    kHostFile,    // below a host's root
    kHostFolder,  // below a host's root; what is inside is the service's
    kService,     // on the host with that root
  };
  Kind kind = Kind::kFile;
  std::string root;  // as in the record; empty below DIR
  std::string path;  // of a service: its name
  // Of one on a host over ssh: that host's name. Then nothing of it is on this machine, and no path of it may
  // be looked at here.
  std::string host = {};

  bool on_host() const { return kind != Kind::kFile && kind != Kind::kUnpacked; }
  bool over_ssh() const { return !host.empty(); }
  // As seen from DIR, "HOST:/path" over ssh; of a service its name.
  std::string Shown() const;
};

// What RECORD, canonical JSON, is about, in the order in which it has to be removed. Empty for a step that
// keeps nothing of its own (a list of requests, an archive that was given, a service that nobody starts), and
// for kinds that this kplan does not know. No JSON is parsed, but for the one record of a rollout, whose
// services they are; so all records of a plan cost little. Values with escapes, which kplan never writes in
// paths, come as they are.
std::vector<Holding> HoldingsOf(absl::string_view record);

// The services of a step about several (rollout-etcd), each as the record of a step of its own: what
// "service" in its member says, with "host" where that is over ssh. LABEL is "service/HOST/NAME".
struct ServiceRecord {
  std::string label, host, name;
  bool over_ssh = false;
  std::string record;  // canonical JSON
};
std::vector<ServiceRecord> ServicesOf(absl::string_view record);

// What tells two artifacts of one label apart: the host's root, with "HOST:" before it over ssh; below DIR
// the path. "" without holdings.
std::string PlaceOf(absl::string_view record);

// One name for one thing, however its root is written ("./rootfs", "rootfs", by a link), and by whichever
// name a machine over ssh is known: it is told by its machine-id once it has been asked (.kplan/hosts).
class HoldingNames {
 public:
  std::string Of(const Holding& holding);

 private:
  const std::string& RealRoot(const std::string& root);
  const std::string& MachineOf(const std::string& host);
  absl::flat_hash_map<std::string, std::string> roots_, machines_;
};

}  // namespace kplan

#endif  // KPLAN_LOOK_HOLDINGS_H_
