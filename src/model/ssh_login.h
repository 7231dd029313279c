#ifndef KPLAN_MODEL_SSH_LOGIN_H_
#define KPLAN_MODEL_SSH_LOGIN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/model/cluster.h"

namespace kplan {

// What `ssh` is written as: [user@]host[:port], the host a name, an alias of ssh's configuration, an IPv4
// address, or an IPv6 address in brackets. It becomes arguments of ssh, so nothing but letters, digits, ".",
// "_" and "-" gets in (":" between brackets), and nothing that begins with a hyphen, which ssh would take for
// an option. The error's message is the reason and, after a line end, the remedy.
absl::StatusOr<SshLogin> ParseSshLogin(absl::string_view text);

// The same text for two that are one place, whoever logs in there: host and port.
std::string SshPlace(const SshLogin& login);

}  // namespace kplan

#endif  // KPLAN_MODEL_SSH_LOGIN_H_
