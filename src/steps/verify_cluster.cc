#include "src/steps/verify_cluster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/record.h"

namespace kplan {
namespace {

constexpr absl::Duration kProbeTime = absl::Seconds(5);

}  // namespace

absl::Time ProbeDeadline(const ClusterExpected& cluster) {
  return std::max(std::min(absl::Now() + kProbeTime, cluster.deadline), absl::Now() + absl::Seconds(1));
}

bool IsHealthy(const ProbeResult& probe) {
  if (HttpStatus(probe.response) != 200) return false;
  Json json = Json::parse(std::string(HttpBody(probe.response)), nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("health") && json["health"] == "true";
}

std::string DescribeProbe(const ProbeResult& probe) {
  if (probe.alert >= 0) return absl::StrCat("TLS alert ", probe.alert, " ", AlertName(probe.alert));
  if (!probe.response.empty()) {
    return absl::StrCat("\"", probe.response.substr(0, probe.response.find_first_of("\r\n")), "\" ",
                        HttpBody(probe.response).substr(0, 200));
  }
  if (!probe.error.empty()) return probe.error;
  return probe.closed ? "the connection was closed without a byte" : "no answer";
}

}  // namespace kplan
