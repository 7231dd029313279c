#include "src/step/host_clock.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

// "6 min", "60 min", "25 h", "400 days".
std::string OffsetText(absl::Duration offset) {
  if (offset < absl::Hours(2)) return absl::StrCat(absl::ToInt64Minutes(offset + absl::Seconds(30)), " min");
  if (offset < absl::Hours(48)) return absl::StrCat(absl::ToInt64Hours(offset), " h");
  return absl::StrCat(absl::ToInt64Hours(offset) / 24, " days");
}

}  // namespace

std::string ClockTrouble(int64_t there, absl::Time sent, absl::Time received) {
  const absl::Time time = absl::FromUnixMillis(there);
  const absl::Duration ahead = time - std::max(sent, received), behind = std::min(sent, received) - time;
  const bool is_ahead = ahead > kMostClockOffset;
  if (!is_ahead && behind <= kMostClockOffset) return "";
  return absl::StrCat("its clock is ", OffsetText(is_ahead ? ahead : behind),
                      is_ahead ? " ahead of" : " behind",
                      " this machine's, and certificates are good or not by it; set the one that is wrong "
                      "(`timedatectl set-ntp true`), and run ninja again");
}

}  // namespace kplan
