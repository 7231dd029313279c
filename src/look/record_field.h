#ifndef KPLAN_LOOK_RECORD_FIELD_H_
#define KPLAN_LOOK_RECORD_FIELD_H_

// What can be told of a record without parsing it: there may be a hundred thousand of them.

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// The text of the member KEY of RECORD, canonical JSON, when it is a string without escapes; "" otherwise.
// Members of objects inside are found, too, where the record itself has none before them.
absl::string_view FieldOf(absl::string_view record, absl::string_view key);

// The host on which the step of RECORD works over ssh; "" where it works on this machine, and for a step that
// is about several hosts. What such a record says of paths is about that host, and nothing below this
// machine's "/" has to do with it.
absl::string_view SshHostOf(absl::string_view record);

// PATH inside ROOT on HOST, for people and as a key: "etcd-1:/etc/etcd/ca.pem".
std::string OnHost(absl::string_view host, absl::string_view root, absl::string_view path);

}  // namespace kplan

#endif  // KPLAN_LOOK_RECORD_FIELD_H_
