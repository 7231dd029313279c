#include "src/systemd/unit_rights.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/process.h"

namespace kplan {
namespace {

// By which D-Bus starts it.
constexpr char kPolkitService[] = "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service";

}  // namespace

std::string WhyMayNotManageUnits(uid_t user, bool polkit, bool ours) {
  if (user == 0 || polkit || !ours) return "";
  return absl::StrCat("user ", user,
                      " may not have systemd start a service: only root may, as there is no polkit here that "
                      "could allow it; run it as root, or give the host `become: sudo`");
}

absl::Status CheckMayManageUnits() {
  const std::string program = FindProgram("systemctl");
  const bool ours = program == "/usr/bin/systemctl" || program == "/bin/systemctl";
  std::string why = WhyMayNotManageUnits(geteuid(), access(kPolkitService, F_OK) == 0, ours);
  return why.empty() ? absl::OkStatus() : absl::PermissionDeniedError(std::move(why));
}

}  // namespace kplan
