#include "src/systemd/hardening.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// systemd.exec(5), systemd.resource-control(5). In the order of that page's chapters.
constexpr struct {
  absl::string_view key, value;
} kStrict[] = {
    {"UMask", "0077"},
    // Capabilities, and no way to more of them.
    {"CapabilityBoundingSet", ""},
    {"AmbientCapabilities", ""},
    {"NoNewPrivileges", "yes"},
    // The system is there to be read; homes, devices and other processes are not there.
    {"ProtectSystem", "strict"},
    {"ProtectHome", "yes"},
    {"PrivateTmp", "yes"},
    {"PrivateDevices", "yes"},
    {"PrivateUsers", "yes"},
    {"ProtectHostname", "yes"},
    {"ProtectClock", "yes"},
    {"ProtectKernelTunables", "yes"},
    {"ProtectKernelModules", "yes"},
    {"ProtectKernelLogs", "yes"},
    {"ProtectControlGroups", "yes"},
    {"ProtectProc", "invisible"},
    {"ProcSubset", "pid"},
    // The kernel, where a service needs no more of it.
    {"RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"},
    {"RestrictNamespaces", "yes"},
    {"RestrictRealtime", "yes"},
    {"RestrictSUIDSGID", "yes"},
    {"LockPersonality", "yes"},
    {"MemoryDenyWriteExecute", "yes"},
    {"RemoveIPC", "yes"},
    {"SystemCallArchitectures", "native"},
};

}  // namespace

bool IsStrict(const Text& hardening, Diagnostics* diagnostics) {
  if (!hardening.set() || hardening.value == "off") return false;
  if (hardening.value == "strict") return true;
  diagnostics->Error(Code::kUnknownValue, hardening.range,
                     absl::StrCat("there is no hardening ", Quote(hardening.value)),
                     MeantOr(hardening.value, {"off", "strict"}, "there are off and strict"));
  return false;
}

void HardenStrictly(absl::string_view user, absl::string_view state_directory, Unit* unit) {
  if (!user.empty()) {
    unit->Set("Service", "User", std::string(user));
    unit->Set("Service", "Group", std::string(user));
  }
  if (!state_directory.empty()) {
    unit->Set("Service", "StateDirectory", std::string(state_directory));
    unit->Set("Service", "StateDirectoryMode", "0700");
  }
  for (const auto& [key, value] : kStrict) unit->Set("Service", key, std::string(value));
  // What a service needs, and of that nothing that is for administrators, or for more than its share. What is
  // refused fails, and does not end the service: every Go program since 1.19 tries to raise its number of
  // files (setrlimit), and goes on without.
  unit->Set("Service", "SystemCallErrorNumber", "EPERM");
  unit->SetLines("Service", "SystemCallFilter", {"@system-service", "~@privileged @resources"});
}

void RefuseStrict(const Text& hardening, absl::string_view manager, Diagnostics* diagnostics) {
  diagnostics->Error(
      Code::kServiceManager, hardening.range,
      absl::StrCat("hardening: strict is systemd's work, and this host has service-manager: ", manager),
      "remove it, or use service-manager: systemd");
}

}  // namespace kplan
