// Hosts that are alike in a plan.

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "src/base/paths.h"
#include "src/show/plan_view.h"

namespace kplan {
namespace {

constexpr char kAnyHost[] = "HOST";
// How many ranges of hosts a title names.
constexpr size_t kMostRanges = 6;
// A shorter run is no range.
constexpr size_t kFewestOfRange = 3;

bool IsOfName(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_'; }

// TEXT with HOST in it, as a whole name, taken out. A domain may follow ("node-1.example.com").
std::string WithoutHost(absl::string_view text, absl::string_view host) {
  std::string out;
  for (;;) {
    const size_t at = text.find(host);
    if (at == absl::string_view::npos || host.empty()) break;
    const size_t end = at + host.size();
    const bool begins = at == 0 || !(IsOfName(text[at - 1]) || text[at - 1] == '.');
    const bool ends = end == text.size() || !IsOfName(text[end]);
    absl::StrAppend(&out, text.substr(0, at), begins && ends ? absl::string_view(kAnyHost) : host);
    text.remove_prefix(end);
  }
  absl::StrAppend(&out, text);
  return out;
}

// Where digits end that begin at AT, with what may stand between them: hexadecimal ones of a fingerprint, a
// size, a time.
size_t EndOf(absl::string_view text, size_t at, absl::string_view between) {
  while (at < text.size() &&
         (absl::ascii_isxdigit(static_cast<unsigned char>(text[at])) || absl::StrContains(between, text[at])))
    ++at;
  return at;
}

// TEXT without what no two hosts need share: fingerprints, sizes, times.
std::string WithoutOwn(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t end = 0;
    if (absl::ConsumePrefix(&text, "SHA256:")) {
      out += "SHA256:";
      end = EndOf(text, 0, "");
    } else if (absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) {
      const size_t number = EndOf(text, 0, "."), time = EndOf(text, 0, "-: ");
      const absl::string_view behind = text.substr(number);
      if (absl::StartsWith(behind, " bytes") || absl::StartsWith(behind, " kB") ||
          absl::StartsWith(behind, " MB")) {
        end = number;
      } else if (absl::StartsWith(text.substr(time), "UTC")) {
        end = time + 3;
      } else {
        out.append(text.data(), number);
        text.remove_prefix(number);
        continue;
      }
    } else {
      out.push_back(text[0]);
      text.remove_prefix(1);
      continue;
    }
    if (end > 0) out += "…";
    text.remove_prefix(end);
  }
  return out;
}

// LINE as it is said of every host that is like HOST; OWN: with what is the host's own.
PlanLine Common(const PlanLine& line, const std::string& host, bool own = false) {
  auto said = [&](const std::string& text) {
    std::string without = WithoutHost(text, host);
    return own ? without : WithoutOwn(without);
  };
  PlanLine common = line;
  common.label = WithoutHost(line.label, host);
  common.what = said(line.what);
  for (std::string& because : common.because) because = said(because);
  for (std::string& need : common.needs) need = WithoutHost(need, host);
  for (PlanLine& part : common.parts) part = Common(part, host, own);
  common.host.clear();
  return common;
}

// All that is shown of LINE.
void AppendKey(const PlanLine& line, std::string* key) {
  absl::StrAppend(key, std::string(1, line.sign), line.label, "\n", line.what, "\n",
                  absl::StrJoin(line.because, "\n"), "\n", absl::StrJoin(line.needs, "\n"), "\n",
                  line.parts.size(), "\n");
  for (const PlanLine& part : line.parts) AppendKey(part, key);
}

std::string KeyOf(const PlanLine& line) {
  std::string key;
  AppendKey(line, &key);
  return key;
}

// The members of LIST that are alike, as lists of indices, in the order of the first ones. KEY_OF: a text
// that those that are alike share; "" is alike to nothing.
template <typename List, typename KeyOf>
std::vector<std::vector<size_t>> Alike(const List& list, KeyOf key_of) {
  std::vector<std::vector<size_t>> groups;
  absl::flat_hash_map<std::string, size_t> known;
  for (size_t i = 0; i < list.size(); ++i) {
    std::string key = key_of(list[i]);
    if (key.empty()) {
      groups.push_back({i});
      continue;
    }
    auto [found, fresh] = known.emplace(std::move(key), groups.size());
    if (fresh) groups.emplace_back();
    groups[found->second].push_back(i);
  }
  return groups;
}

// Joins what is alike of LIST by JOIN(indices), and keeps the rest.
template <typename T, typename KeyOf, typename JoinThem>
void JoinAlike(std::vector<T>* list, KeyOf key_of, JoinThem join) {
  std::vector<std::pair<size_t, T>> joined;  // by the place of the first
  for (const std::vector<size_t>& group : Alike(*list, key_of)) {
    if (group.size() >= kFewestAlike) {
      joined.emplace_back(group.front(), join(group));
    } else {
      for (size_t i : group) joined.emplace_back(i, std::move((*list)[i]));
    }
  }
  std::stable_sort(joined.begin(), joined.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  list->clear();
  for (auto& [place, it] : joined) list->push_back(std::move(it));
}

void GroupParts(const std::vector<std::string>& order, PlanLine* line) {
  const std::vector<PlanLine>& parts = line->parts;
  JoinAlike(
      &line->parts,
      [](const PlanLine& part) {
        std::string key;
        if (!part.host.empty()) AppendKey(Common(part, part.host), &key);
        return key;
      },
      [&](const std::vector<size_t>& group) {
        std::vector<std::string> hosts;
        for (size_t i : group) hosts.push_back(parts[i].host);
        PlanLine joined = Common(parts[group.front()], parts[group.front()].host);
        absl::StrAppend(&joined.what, " (", hosts.size(), ": ", RangesOf(hosts, order), ")");
        return joined;
      });
}

}  // namespace

std::string RangesOf(const std::vector<std::string>& hosts, const std::vector<std::string>& order) {
  absl::flat_hash_map<absl::string_view, size_t> places;
  for (size_t i = 0; i < order.size(); ++i) places.emplace(order[i], i);
  std::vector<std::string> ranges;
  size_t left = 0;
  for (size_t begin = 0, end; begin < hosts.size(); begin = end) {
    end = begin + 1;
    while (end < hosts.size() && places[hosts[end]] == places[hosts[end - 1]] + 1) ++end;
    if (end - begin < kFewestOfRange) end = begin + 1;
    if (ranges.size() == kMostRanges) {
      left += end - begin;
    } else {
      ranges.push_back(end - begin == 1 ? hosts[begin] : absl::StrCat(hosts[begin], " to ", hosts[end - 1]));
    }
  }
  return absl::StrCat(absl::StrJoin(ranges, ", "), left == 0 ? "" : absl::StrCat(" and ", left, " more"));
}

void GroupAlike(const std::vector<std::string>& order, PlanView* view) {
  std::vector<PlanSection>& sections = view->sections;
  JoinAlike(
      &sections,
      [](const PlanSection& section) {
        std::string key;
        if (section.hosts.size() != 1 || section.hosts[0] == paths::kSharedShard) return key;
        for (const PlanLine& line : section.lines) AppendKey(Common(line, section.hosts[0]), &key);
        return key;
      },
      [&](const std::vector<size_t>& group) {
        PlanSection joined;
        for (size_t i : group) joined.hosts.push_back(sections[i].hosts[0]);
        joined.title = absl::StrCat(RangesOf(joined.hosts, order), " (", joined.hosts.size(), " alike)");
        const PlanSection& first = sections[group.front()];
        for (size_t i = 0; i < first.lines.size(); ++i) {
          // What all of them say is said, also a time.
          const PlanLine whole = Common(first.lines[i], first.hosts[0], /*own=*/true);
          const bool same = std::all_of(group.begin(), group.end(), [&](size_t other) {
            return KeyOf(Common(sections[other].lines[i], sections[other].hosts[0], /*own=*/true)) ==
                   KeyOf(whole);
          });
          joined.lines.push_back(same ? whole : Common(first.lines[i], first.hosts[0]));
        }
        return joined;
      });
  for (PlanSection& section : sections) {
    for (PlanLine& line : section.lines) GroupParts(order, &line);
  }
}

}  // namespace kplan
