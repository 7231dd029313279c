#include "src/model/resolve.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/model/resolve_internal.h"

namespace kplan {
namespace {

// The two parts of a message as pki/names.h has them; the second may be empty.
std::pair<std::string, std::string> ReasonAndRemedy(const absl::Status& status) {
  return absl::StrSplit(std::string(status.message()), absl::MaxSplits('\n', 1));
}

}  // namespace

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

Cluster Resolve(const Spec& spec, Diagnostics* diagnostics) {
  Cluster cluster;
  cluster.name = spec.metadata_name.value;
  ResolveHosts(spec, &cluster, diagnostics);
  ResolveCas(spec, &cluster, diagnostics);
  ResolveCerts(spec, &cluster, diagnostics);
  ResolveRevoked(spec, &cluster, diagnostics);
  ResolveEtcd(spec, &cluster, diagnostics);
  ResolveRollout(spec, &cluster, diagnostics);
  ResolveServices(spec, &cluster, diagnostics);
  return cluster;
}

}  // namespace kplan
