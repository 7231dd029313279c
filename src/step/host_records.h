#ifndef KPLAN_STEP_HOST_RECORDS_H_
#define KPLAN_STEP_HOST_RECORDS_H_

// The records of hosts whose steps are done by an agent: those that are reached by ssh, and this machine
// where root does by sudo what is outside of DIR.

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/fields.h"

namespace kplan {

struct HostRecord {
  static constexpr absl::string_view kWord = "host";
  std::string name;
  std::string cluster;  // metadata.name, or ""
  std::string arch;     // "amd64"; "" when cluster.yaml leaves it open
  std::string manager;  // "systemd", "process", "none"
  std::string root;     // on the host
  std::string become;   // "sudo", or ""
  std::string ssh_host,
      ssh_user;          // ssh_host "": it is this machine; ssh_user "": as ssh's configuration says
  int64_t ssh_port = 0;  // 0: likewise

  bool here() const { return ssh_host.empty(); }
  std::string What() const { return here() ? "this machine, as root by sudo" : "host over ssh"; }

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("name", self.name);
    fields.Always("cluster", self.cluster);
    fields.Always("arch", self.arch);
    fields.Always("manager", self.manager);
    fields.Always("root", self.root);
    fields.Optional("become", self.become);
    fields.Always("ssh-host", self.ssh_host);
    fields.Always("ssh-user", self.ssh_user);
    fields.Always("ssh-port", self.ssh_port);
  }
};

struct SendRecord {
  static constexpr absl::string_view kWord = "send";
  struct File {
    std::string from;     // relative to DIR
    std::string path;     // inside the host's root
    bool secret = false;  // a private key is in it

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("from", self.from);
      fields.Always("path", self.path);
      fields.Always("secret", self.secret);
    }
  };
  std::vector<File> files;
  std::string host, root;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("files", self.files);
    fields.Always("host", self.host);
    fields.Always("root", self.root);
  }
};

// What a host says it is, when it is claimed. It is the record of no step: it is kept in
// .kplan/hosts/NAME.json (paths::HostFacts; remote/host_facts.h).
struct HostFacts {
  std::string id;          // of the claim: another one is another machine, or another installation of it
  std::string arch;        // "amd64"
  std::string kernel;      // "6.1.0-28-amd64"
  std::string machine_id;  // machine-id(5)
  std::string os;          // "Debian GNU/Linux 12 (bookworm)"
  std::string systemd;     // "252"; "" when the host was not booted with systemd
  std::string agent;       // the name of the agent there

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("agent", self.agent);
    fields.Always("arch", self.arch);
    fields.Always("id", self.id);
    fields.Always("kernel", self.kernel);
    fields.Always("machine-id", self.machine_id);
    fields.Always("os", self.os);
    fields.Always("systemd", self.systemd);
  }
};

}  // namespace kplan

#endif  // KPLAN_STEP_HOST_RECORDS_H_
