#include "src/look/record_field.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/host/host_file.h"

namespace kplan {

absl::string_view FieldOf(absl::string_view record, absl::string_view key) {
  // Inside a string a quote has a backslash before it, so this can only be a member.
  const std::string start = absl::StrCat("\"", key, "\":\"");
  for (size_t at = record.find(start); at != absl::string_view::npos; at = record.find(start, at + 1)) {
    if (at == 0 || (record[at - 1] != '{' && record[at - 1] != ',')) continue;
    absl::string_view rest = record.substr(at + start.size());
    absl::string_view value = rest.substr(0, rest.find('"'));
    return absl::StrContains(value, '\\') ? absl::string_view() : value;
  }
  return {};
}

absl::string_view SshHostOf(absl::string_view record) {
  const absl::string_view kind = FieldOf(record, "kind");
  if (kind == "host") return FieldOf(record, "name");
  // Of the others only these: the members of a cluster have hosts, too.
  for (absl::string_view on_host :
       {"install", "install-pair", "unit", "dir", "send", "service", "sysusers", "activate"}) {
    if (kind == on_host) return FieldOf(record, "host");
  }
  return {};
}

std::string OnHost(absl::string_view host, absl::string_view root, absl::string_view path) {
  return absl::StrCat(host, ":", PathFromHere(root, path));
}

}  // namespace kplan
