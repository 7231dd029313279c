#ifndef KPLAN_ETCD_FACTS_ETCD_FLAG_PAGE_H_
#define KPLAN_ETCD_FACTS_ETCD_FLAG_PAGE_H_

// The table in docs/etcd-flags.md, which stands between two marks there:
//
//   <!-- flags -->   a row a flag
//   <!-- end -->

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// DOC with its table as it is today. An error when a mark is missing.
absl::StatusOr<std::string> WithFlagTable(absl::string_view doc);

}  // namespace kplan

#endif  // KPLAN_ETCD_FACTS_ETCD_FLAG_PAGE_H_
