#ifndef KPLAN_STEP_HOLDING_H_
#define KPLAN_STEP_HOLDING_H_

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// One file, folder or service that is the artifact of a step, or part of it: where it is, on this machine or
// on a host over ssh.
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
  // The name of its host, where that is reached over ssh. Then nothing of it is on this machine, and no path
  // of it may be looked at here.
  std::string host = {};

  bool on_host() const { return kind != Kind::kFile && kind != Kind::kUnpacked; }
  bool over_ssh() const { return !host.empty(); }
  // As seen from DIR, "HOST:/path" over ssh; of a service its name.
  std::string Shown() const;
};

// PATH inside ROOT on HOST, for people and as a key: "etcd-1:/etc/etcd/ca.pem".
std::string OnHost(absl::string_view host, absl::string_view root, absl::string_view path);

}  // namespace kplan

#endif  // KPLAN_STEP_HOLDING_H_
