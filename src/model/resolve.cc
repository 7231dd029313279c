#include "src/model/resolve.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/text.h"
#include "src/model/names.h"
#include "src/model/resolve_internal.h"

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
                       absl::StrCat("write ", absl::AsciiStrToLower(name.value)));
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

std::string ResolveRoot(const Text& root, Diagnostics* diagnostics) {
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
  }
  std::string value = root.value;
  while (value.size() > 1 && value.back() == '/') value.pop_back();
  return value;
}

ServiceManager ResolveManager(const HostSpec& spec, const Host& host, Diagnostics* diagnostics) {
  ServiceManager manager = ServiceManager::kSystemd;
  Range range = spec.service_manager.range;
  if (spec.service_manager.set()) {
    const auto* found = std::find_if(std::begin(kManagers), std::end(kManagers),
                                     [&](const auto& m) { return spec.service_manager.value == m.first; });
    if (found == std::end(kManagers)) {
      std::string help = DidYouMean(spec.service_manager.value, {"systemd", "process", "none"});
      diagnostics->Error(Code::kUnknownValue, range,
                         absl::StrCat("there is no service-manager ", Quote(spec.service_manager.value)),
                         help.empty() ? "there are systemd, process and none" : help);
      return manager;
    }
    manager = found->second;
  } else {
    range = spec.root.range;
  }
  if (manager == ServiceManager::kSystemd && host.root != "/") {
    Diagnostic& error =
        diagnostics->Error(Code::kServiceManager, range,
                           "systemd runs the services of this machine, not those of a folder (root)",
                           "write service-manager: process, or none for files only");
    if (spec.service_manager.set()) error.Relate(spec.root.range, "the folder is here");
  }
  return manager;
}

// The two parts of a message as names.h has them; the second may be empty.
std::pair<std::string, std::string> ReasonAndRemedy(const absl::Status& status) {
  return absl::StrSplit(std::string(status.message()), absl::MaxSplits('\n', 1));
}

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

Diagnostic& Report(Code code, const absl::Status& status, Range range, absl::string_view what,
                   Diagnostics* diagnostics) {
  auto [reason, remedy] = ReasonAndRemedy(status);
  return diagnostics->Error(code, range, absl::StrCat(what, ": ", reason), remedy);
}

Diagnostic& ReportWarning(Code code, const absl::Status& status, Range range, absl::string_view what,
                          Diagnostics* diagnostics) {
  auto [reason, remedy] = ReasonAndRemedy(status);
  return diagnostics->Warning(code, range, absl::StrCat(what, ": ", reason), remedy);
}

const CaSpec* FindCaSpec(const Spec& spec, absl::string_view name) {
  for (const CaSpec& ca : spec.cas) {
    if (ca.name.value == name) return &ca;
  }
  return nullptr;
}

Range PlaceOfCa(const Spec& spec, absl::string_view name) {
  const CaSpec* ca = FindCaSpec(spec, name);
  return ca == nullptr ? Range() : ca->name.range;
}

Range PlaceOfHost(const Spec& spec, absl::string_view name) {
  for (const HostSpec& host : spec.hosts) {
    if (host.name.value == name) return host.name.range;
  }
  return {};
}

void ResolveHosts(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics) {
  if (spec.hosts.empty() && spec.etcd.range.known() && spec.well_formed) {
    diagnostics->Error(Code::kMissingKey, {}, "there are no hosts",
                       "write, for this machine,\n  hosts:\n    worker: {}");
  }
  std::vector<const HostSpec*> sorted;
  for (const HostSpec& host : spec.hosts) sorted.push_back(&host);
  std::sort(sorted.begin(), sorted.end(),
            [](const HostSpec* a, const HostSpec* b) { return a->name.value < b->name.value; });
  absl::flat_hash_map<std::string, const HostSpec*> roots;
  for (const HostSpec* host_spec : sorted) {
    CheckHostName(host_spec->name, diagnostics);
    Host host;
    host.name = host_spec->name.value;
    host.root = ResolveRoot(host_spec->root, diagnostics);
    host.manager = ResolveManager(*host_spec, host, diagnostics);
    host.arch = host_spec->arch.set() ? host_spec->arch.value : "amd64";
    if (host.arch != "amd64" && host.arch != "arm64") {
      std::string help = DidYouMean(host.arch, {"amd64", "arm64"});
      diagnostics->Error(Code::kUnknownValue, host_spec->arch.range,
                         absl::StrCat("there is no etcd for the architecture ", Quote(host.arch)),
                         help.empty() ? "write amd64 or arm64" : help);
    }
    if (host_spec->address.set()) {
      host.address = host_spec->address.value;
      if (!IsIpAddress(host.address)) {
        absl::Status status = CheckDnsName(host.address);
        if (!status.ok())
          Report(Code::kBadHost, status, host_spec->address.range,
                 absl::StrCat("the address ", Quote(host.address)), diagnostics);
      }
    }
    auto [same_root, fresh] = roots.try_emplace(host.root, host_spec);
    // Where something could not be read, that may be what sets the two apart.
    if (!fresh && (spec.well_formed || host_spec->root.set())) {
      Diagnostic& twice = diagnostics->Error(
          Code::kDuplicateEntry, host_spec->root.set() ? host_spec->root.range : host_spec->name.range,
          absl::StrCat("the hosts ", same_root->second->name.value, " and ", host.name,
                       " have the same root, ", host.root),
          "give each a `root` of its own");
      twice.Relate(same_root->second->name.range, "the other one is here");
    }
    cluster->hosts.push_back(std::move(host));
  }
}

Cluster Resolve(const Spec& spec, Diagnostics* diagnostics) {
  Cluster cluster;
  cluster.name = spec.metadata_name.value;
  ResolveHosts(spec, &cluster, diagnostics);
  ResolveCas(spec, &cluster, diagnostics);
  ResolveCerts(spec, &cluster, diagnostics);
  ResolveRevoked(spec, &cluster, diagnostics);
  ResolveEtcd(spec, &cluster, diagnostics);
  return cluster;
}

}  // namespace kplan
