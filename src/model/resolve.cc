#include "src/model/resolve.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/model/durations.h"
#include "src/model/resolve_internal.h"

namespace kplan {
Diagnostic& Report(Code code, const absl::Status& status, Range range, absl::string_view what,
                   Diagnostics* diagnostics) {
  return diagnostics->Error(code, range, absl::StrCat(what, ": ", ReasonOf(status)), RemedyOf(status));
}

Diagnostic& ReportWarning(Code code, const absl::Status& status, Range range, absl::string_view what,
                          Diagnostics* diagnostics) {
  return diagnostics->Warning(code, range, absl::StrCat(what, ": ", ReasonOf(status)), RemedyOf(status));
}

std::vector<absl::string_view> Others(std::vector<absl::string_view> names, const std::vector<Text>& list) {
  auto is_listed = [&](absl::string_view name) {
    return std::any_of(list.begin(), list.end(), [&](const Text& text) { return text.value == name; });
  };
  names.erase(std::remove_if(names.begin(), names.end(), is_listed), names.end());
  return names;
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
  if (const Text& every = spec.contact_every; every.set()) {
    absl::StatusOr<int64_t> seconds = ParseAge(every.value);
    if (!seconds.ok()) Report(Code::kBadDuration, seconds.status(), every.range, "every", diagnostics);
    cluster.contact_every = seconds.value_or(0);
  }
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
