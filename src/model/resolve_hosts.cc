// The hosts: what they are called, where they are, who runs their services.

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/natural_order.h"
#include "src/base/text.h"
#include "src/model/resolve_internal.h"
#include "src/model/ssh_login.h"
#include "src/pki/names.h"

namespace kplan {
namespace {

const std::pair<const char*, ServiceManager> kManagers[] = {{"systemd", ServiceManager::kSystemd},
                                                            {"process", ServiceManager::kProcess},
                                                            {"none", ServiceManager::kNone}};

void CheckHostName(const Text& name, Diagnostics* diagnostics) {
  if (absl::Status status = CheckDnsName(name.value); !status.ok()) {
    Report(Code::kBadHost, status, name.range, absl::StrCat("the host name ", Quote(name.value)),
           diagnostics);
    return;
  }
  bool lower =
      std::none_of(name.value.begin(), name.value.end(), [](char c) { return absl::ascii_isupper(c); });
  if (!lower) {
    diagnostics->Error(Code::kBadName, name.range,
                       absl::StrCat("the host name ", Quote(name.value), " has capital letters"),
                       Write(absl::AsciiStrToLower(name.value)));
  }
  const std::vector<absl::string_view>& reserved = ReservedHostNames();
  if (std::find(reserved.begin(), reserved.end(), name.value) != reserved.end()) {
    diagnostics->Error(Code::kNameTaken, name.range,
                       absl::StrCat("no host can be called ", Quote(name.value), ": ",
                                    name.value == "superseded" ? "pki/" : "`ninja ", name.value,
                                    name.value == "superseded" ? " has the certificates that were replaced"
                                                               : "` already means something else"),
                       "give the host another name; its `address` can be anything");
  }
}

// HOST: what is known of it so far.
std::string ResolveRoot(const Text& root, const Host& host, bool remote, Diagnostics* diagnostics) {
  if (!root.set()) return "/";
  std::vector<absl::string_view> parts = absl::StrSplit(root.value, '/');
  if (!IsPlainPath(root.value)) {
    diagnostics->Error(
        Code::kBadPath, root.range,
        absl::StrCat("root ", Quote(root.value), " has characters that cannot be in a path here"),
        "letters, digits and / . _ - + @ = ~ can");
  } else if (std::find(parts.begin(), parts.end(), "..") != parts.end()) {
    diagnostics->Error(Code::kBadPath, root.range,
                       absl::StrCat("root ", Quote(root.value), " leads upwards (..)"),
                       "write a folder below this one, or an absolute path");
  } else if (remote && root.value[0] != '/') {
    diagnostics->Error(
        Code::kBadPath, root.range,
        absl::StrCat("root ", Quote(root.value), " is relative, and nobody knows to what ",
                     host.become.empty() || host.ssh.set() ? "on a host reached by ssh"
                                                           : "for root, who works there by sudo"),
        "write an absolute path, for example /srv/box");
  }
  // It is part of what a host is known by to its agent: one folder, one name.
  if (remote) {
    parts.erase(std::remove_if(parts.begin(), parts.end(),
                               [](absl::string_view part) { return part.empty() || part == "."; }),
                parts.end());
    return absl::StrCat("/", absl::StrJoin(parts, "/"));
  }
  std::string value = root.value;
  while (value.size() > 1 && value.back() == '/') value.pop_back();
  return value;
}

ServiceManager ResolveManager(const HostSpec& spec, bool well_formed, const Host& host,
                              Diagnostics* diagnostics) {
  ServiceManager manager = ServiceManager::kSystemd;
  Range range = spec.service_manager.range;
  if (spec.service_manager.set()) {
    const auto* found = std::find_if(std::begin(kManagers), std::end(kManagers),
                                     [&](const auto& m) { return spec.service_manager.value == m.first; });
    if (found == std::end(kManagers)) {
      diagnostics->Error(Code::kUnknownValue, range,
                         absl::StrCat("there is no service-manager ", Quote(spec.service_manager.value)),
                         host.root == "/"
                             ? MeantOr(spec.service_manager.value, {"systemd", "process", "none"},
                                       "there are systemd, process and none")
                             : MeantOr(spec.service_manager.value, {"process", "none"},
                                       "there are process and none, and systemd with root: /"));
      return manager;
    }
    manager = found->second;
  } else {
    // One that could not be read may be another.
    if (!well_formed) return manager;
    range = spec.root.range;
  }
  if (manager == ServiceManager::kSystemd && host.root != "/") {
    Diagnostic& error = diagnostics->Error(
        Code::kServiceManager, range,
        !host.here() ? "systemd runs the services of a machine, not those of a folder (root)"
                     : "systemd runs the services of this machine, not those of a folder (root)",
        "write service-manager: process, or none for files only");
    if (spec.service_manager.set()) error.Relate(spec.root.range, "the folder is here");
  }
  return manager;
}

void ResolveSsh(const HostSpec& spec, Host* host, Diagnostics* diagnostics) {
  if (spec.ssh.set()) {
    absl::StatusOr<SshLogin> login = ParseSshLogin(spec.ssh.value);
    if (login.ok()) {
      host->ssh = *std::move(login);
    } else {
      Report(Code::kBadHost, login.status(), spec.ssh.range, absl::StrCat("ssh ", Quote(spec.ssh.value)),
             diagnostics);
    }
  }
  if (!spec.become.set()) return;
  host->become = spec.become.value;
  if (host->become != "sudo") {
    diagnostics->Error(Code::kUnknownValue, spec.become.range,
                       absl::StrCat("become: ", Quote(host->become), " is not known"),
                       Remedy("write become: sudo", "sudo"));
  }
}

void ResolveAddress(const Text& address, Host* host, Diagnostics* diagnostics) {
  if (!address.set()) return;
  host->address = address.value;
  if (IsIpAddress(host->address)) return;
  if (absl::Status status = CheckDnsName(host->address); !status.ok()) {
    Report(Code::kBadHost, status, address.range, absl::StrCat("the address ", Quote(host->address)),
           diagnostics);
    host->address.clear();
  }
}

// Two hosts are one when they are the same folder of the same machine.
class Places {
 public:
  Places(bool well_formed, Diagnostics* diagnostics) : well_formed_(well_formed), diagnostics_(diagnostics) {}

  void Add(const HostSpec& spec, const Host& host) {
    std::string place = !host.here() ? absl::StrCat(SshPlace(host.ssh), host.root) : host.root;
    auto [same, fresh] = places_.try_emplace(std::move(place), &spec);
    if (fresh) return;
    const HostSpec& other = *same->second;
    if (!host.here()) {
      diagnostics_
          ->Error(Code::kDuplicateEntry, spec.ssh.range,
                  absl::StrCat("the hosts ", other.name.value, " and ", host.name,
                               " are the same machine, with the same root, ", host.root),
                  "correct `ssh`, or give each a `root` of its own")
          .Relate(other.ssh.range, "the other one is here");
      return;
    }
    // Where something could not be read, that may be what sets the two apart.
    if (!well_formed_ && !spec.root.set()) return;
    diagnostics_
        ->Error(Code::kDuplicateEntry, spec.root.set() ? spec.root.range : spec.name.range,
                absl::StrCat("the hosts ", other.name.value, " and ", host.name, " have the same root, ",
                             host.root),
                "give each a `root` of its own")
        .Relate(other.name.range, "the other one is here");
  }

 private:
  bool well_formed_;
  Diagnostics* diagnostics_;
  absl::flat_hash_map<std::string, const HostSpec*> places_;
};

}  // namespace

const char* ManagerName(ServiceManager manager) {
  for (const auto& [name, known] : kManagers) {
    if (known == manager) return name;
  }
  return "";
}

const std::vector<absl::string_view>& ReservedHostNames() {
  static const auto* names = new std::vector<absl::string_view>{"all", "build.ninja", "ca",         "etcd",
                                                                "pki", "shared",      "superseded", "verify"};
  return *names;
}

void ResolveHosts(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics) {
  if (spec.hosts.empty() && (!spec.etcds.empty() || !spec.services.empty()) && spec.well_formed) {
    diagnostics->Error(Code::kMissingKey, {}, "there are no hosts",
                       "write, for this machine,\n  hosts:\n    worker: {}");
  }
  std::vector<const HostSpec*> sorted;
  for (const HostSpec& host : spec.hosts) sorted.push_back(&host);
  std::sort(sorted.begin(), sorted.end(),
            [](const HostSpec* a, const HostSpec* b) { return NaturalLess(a->name.value, b->name.value); });
  cluster->hosts.reserve(sorted.size());
  Places places(spec.well_formed, diagnostics);
  for (const HostSpec* host_spec : sorted) {
    CheckHostName(host_spec->name, diagnostics);
    Host host;
    host.name = host_spec->name.value;
    host.place = host_spec->name.range;
    ResolveSsh(*host_spec, &host, diagnostics);
    const bool remote = host_spec->ssh.set() || host.remote();
    host.root = ResolveRoot(host_spec->root, host, remote, diagnostics);
    host.root_place = host_spec->root.range;
    host.manager = ResolveManager(*host_spec, spec.well_formed, host, diagnostics);
    host.arch = host_spec->arch.set() ? host_spec->arch.value : "amd64";
    if (host.arch != "amd64" && host.arch != "arm64") {
      diagnostics->Error(Code::kUnknownValue, host_spec->arch.range,
                         absl::StrCat("there is no etcd for the architecture ", Quote(host.arch)),
                         MeantOr(host.arch, {"amd64", "arm64"}, "write amd64 or arm64"));
      host.arch = "amd64";
    }
    ResolveAddress(host_spec->address, &host, diagnostics);
    // An `ssh` that could not be read is some place, though nobody knows which.
    if (host.ssh.set() || !host_spec->ssh.set()) places.Add(*host_spec, host);
    cluster->hosts.push_back(std::move(host));
  }
}

void ReportUnknownVariable(const Text& text, Remedy remedy, Diagnostics* diagnostics) {
  diagnostics->Error(Code::kBadVariable, text.range, absl::StrCat("unknown variable in ", Quote(text.value)),
                     std::move(remedy));
}

void ReportNoAddress(const Text& text, const Host& host, const Spec& spec, Diagnostics* diagnostics) {
  // One that could not be read is one; what is wrong with it has been said.
  const bool written = std::any_of(spec.hosts.begin(), spec.hosts.end(), [&](const HostSpec& one) {
    return one.name.value == host.name && one.address.set();
  });
  if (!spec.well_formed || written) return;
  diagnostics
      ->Error(Code::kBadVariable, text.range,
              absl::StrCat("$address: the host ", host.name, " has no address"),
              "give it one, or remove $address")
      .Relate(PlaceOfHost(spec, host.name), "the host is here");
}

}  // namespace kplan
