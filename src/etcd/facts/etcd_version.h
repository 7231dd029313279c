#ifndef KPLAN_ETCD_FACTS_ETCD_VERSION_H_
#define KPLAN_ETCD_FACTS_ETCD_VERSION_H_

#include "absl/strings/string_view.h"

namespace kplan {

struct EtcdVersion {
  int major = 0, minor = 0, patch = 0;
};

// TEXT is "3.4.15". False when it is anything else, and VERSION is then not to be used.
bool ParseEtcdVersion(absl::string_view text, EtcdVersion* version);

}  // namespace kplan

#endif  // KPLAN_ETCD_FACTS_ETCD_VERSION_H_
