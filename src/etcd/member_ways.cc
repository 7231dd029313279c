#include "src/etcd/member_ways.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kplan {
namespace {

const WayTried* Find(const std::vector<WayTried>& tried, const std::string& way) {
  auto found = std::find_if(tried.begin(), tried.end(), [&](const WayTried& it) { return it.way == way; });
  return found == tried.end() ? nullptr : &*found;
}

// Whether somebody was there who could look, and saw nobody.
bool HasLooked(const WayTried* tried) { return tried != nullptr && !absl::IsAborted(tried->status); }

}  // namespace

AskFrom AskFromWord(absl::string_view word) {
  if (word == "hosts") return AskFrom::kHosts;
  return word == "here" ? AskFrom::kHere : AskFrom::kBoth;
}

std::optional<std::string> NextWay(AskFrom from, const std::vector<std::string>& hosts,
                                   const std::string& own, const std::optional<std::string>& worked,
                                   const std::vector<WayTried>& tried) {
  const std::string here;
  if (from == AskFrom::kHere) return tried.empty() ? std::optional<std::string>(here) : std::nullopt;
  if (from == AskFrom::kBoth) {
    // Once it was seen that packets get there from here, or that they do not, nothing else is tried first.
    const bool here_first = !worked.has_value() || *worked == here;
    if (here_first && tried.empty()) return here;
    if (worked == here) return std::nullopt;
  }
  // A host that is out is not waited for each time: the one that led around it goes on doing so.
  if (tried.empty() && worked.has_value() && *worked != here) return *worked;
  if (Find(tried, own) == nullptr) return own;
  if (HasLooked(Find(tried, own))) return std::nullopt;
  for (const std::string& host : hosts) {
    const WayTried* other = Find(tried, host);
    if (other == nullptr) return host;
    if (HasLooked(other)) return std::nullopt;
  }
  return std::nullopt;
}

absl::Status NoWayLed(const std::vector<WayTried>& tried, const std::string& own) {
  const WayTried* nearest = Find(tried, own);
  for (const WayTried& way : tried) {
    if (!HasLooked(nearest) && HasLooked(&way)) nearest = &way;
  }
  if (nearest == nullptr) nearest = &tried.back();
  if (tried.size() == 1 && tried[0].way.empty()) return tried[0].status;
  std::vector<std::string> texts;
  for (const WayTried& way : tried) {
    const absl::string_view said = way.status.message();
    const std::string from = way.way.empty() ? "this machine" : way.way;
    texts.push_back(absl::IsAborted(way.status) ? absl::StrCat("nobody asked from ", from, " (", said, ")")
                                                : absl::StrCat("from ", from, ": ", said));
  }
  return absl::Status(nearest->status.code(), absl::StrJoin(texts, "; "));
}

}  // namespace kplan
