#include "src/etcd/facts/etcd_flags.h"

#include <algorithm>
#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/domain.h"
#include "src/base/url.h"

namespace kplan {
namespace {

// "3.5" for the first release of a minor, else "3.5.8".
std::string ReleaseName(int minor, int patch) {
  return patch == 0 ? absl::StrCat("3.", minor) : absl::StrCat("3.", minor, ".", patch);
}

// "feature-gates" of "feature-gates: CompactHashCheck=true".
absl::string_view NameIn(absl::string_view instead) { return instead.substr(0, instead.find(": ")); }

}  // namespace

const EtcdFlag* FindEtcdFlag(absl::string_view name) {
  const absl::Span<const EtcdFlag> flags = AllEtcdFlags();
  auto flag = std::lower_bound(flags.begin(), flags.end(), name,
                               [](const EtcdFlag& a, absl::string_view b) { return a.name < b; });
  return flag != flags.end() && flag->name == name ? &*flag : nullptr;
}

std::vector<absl::string_view> EtcdFlagNames() {
  std::vector<absl::string_view> names;
  for (const EtcdFlag& flag : AllEtcdFlags()) names.push_back(flag.name);
  return names;
}

std::vector<absl::string_view> EtcdFlagNames(const EtcdVersion& version) {
  std::vector<absl::string_view> names;
  for (const EtcdFlag& flag : AllEtcdFlags()) {
    if (HasFlag(version, flag)) names.push_back(flag.name);
  }
  return names;
}

bool IsDeprecated(const EtcdVersion& version, const EtcdFlag& flag) {
  return flag.deprecated.Has(version) && version.patch <= flag.deprecated_until;
}

std::string WhyNoFlag(const EtcdVersion& version, const EtcdFlag& flag) {
  constexpr int kFirst = PatchOfMinor::kFirstMinor;
  auto first_in = [&](int minor) { return flag.since.patch[minor - kFirst]; };
  if (first_in(version.minor) != PatchOfMinor::kNo)
    return absl::StrCat("it came with ", ReleaseName(version.minor, first_in(version.minor)));
  int last = version.minor;  // the last minor before that has it
  while (last >= kFirst && first_in(last) == PatchOfMinor::kNo) --last;
  if (last >= kFirst) return absl::StrCat("it was removed in 3.", last + 1);
  int next = version.minor;
  while (next < PatchOfMinor::kLastMinor && first_in(next) == PatchOfMinor::kNo) ++next;
  return absl::StrCat("it came with ", ReleaseName(next, first_in(next)));
}

std::string InsteadOf(const EtcdVersion& version, const EtcdFlag& flag, absl::string_view value) {
  if (flag.instead != nullptr) {
    const absl::string_view instead = flag.instead;
    const EtcdFlag* other = FindEtcdFlag(NameIn(instead));
    if (other != nullptr && HasFlag(version, *other)) {
      const bool off = flag.type == EtcdFlag::Type::kBool && value == "false";
      if (!off) return std::string(instead);
      // What is off by default is left out; a gate is said to be off.
      return absl::EndsWith(instead, "=true")   ? absl::StrCat(absl::StripSuffix(instead, "true"), "false")
             : absl::StrContains(instead, ": ") ? ""
                                                : std::string(instead);
    }
  }
  for (const EtcdFlag& older : AllEtcdFlags()) {
    if (older.instead == nullptr || !HasFlag(version, older)) continue;
    if (older.instead == absl::string_view(flag.name)) return older.name;
    absl::string_view gate = older.instead;
    if (flag.type == EtcdFlag::Type::kFeatures && absl::ConsumePrefix(&gate, "feature-gates: ") &&
        absl::StartsWith(value, absl::StripSuffix(gate, "true"))) {
      return older.name;
    }
  }
  return "";
}

std::vector<absl::string_view> WordsOfFlag(const EtcdVersion& version, const EtcdFlag& flag) {
  std::vector<absl::string_view> words;
  const char* all = flag.words[version.minor - PatchOfMinor::kFirstMinor];
  if (all == nullptr) return words;
  for (absl::string_view word : absl::StrSplit(all, '|')) {
    const size_t at = word.find('@');
    int since = 0;
    if (at != absl::string_view::npos && absl::SimpleAtoi(word.substr(at + 1), &since) &&
        version.patch < since) {
      continue;
    }
    words.push_back(word.substr(0, at));
  }
  return words;
}

bool ParseGoDuration(absl::string_view text, int64_t* nanoseconds) {
  static constexpr std::pair<absl::string_view, double> kUnits[] = {
      {"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"μs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  const bool minus = absl::ConsumePrefix(&text, "-");
  if (!minus) absl::ConsumePrefix(&text, "+");
  if (text == "0") {
    *nanoseconds = 0;
    return true;
  }
  if (text.empty()) return false;
  double sum = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
    double number;
    const absl::string_view digits = text.substr(0, end);
    if (digits.empty() || digits == "." || !absl::SimpleAtod(digits, &number)) return false;
    text.remove_prefix(end);
    const size_t unit_end = std::min(text.find_first_of("0123456789."), text.size());
    const absl::string_view unit = text.substr(0, unit_end);
    auto found = absl::c_find_if(kUnits, [&](const auto& pair) { return pair.first == unit; });
    if (found == std::end(kUnits)) return false;
    sum += number * found->second;
    text.remove_prefix(unit_end);
  }
  if (sum > 9.2e18) return false;
  *nanoseconds = static_cast<int64_t>(minus ? -sum : sum);
  return true;
}

bool ParseUrl(absl::string_view text, Url* url) {
  const std::optional<UrlParts> parts = SplitUrl(text);
  if (!parts || (parts->scheme != "https" && parts->scheme != "http")) return false;
  url->scheme = std::string(parts->scheme);
  if (parts->user || !parts->rest.empty()) return false;
  absl::string_view host = parts->host, port = parts->port;
  if (!absl::ConsumePrefix(&port, ":")) return false;
  bool digits = !port.empty() && port.size() <= 5 &&
                std::all_of(port.begin(), port.end(), [](char c) { return absl::ascii_isdigit(c); });
  if (!digits || !absl::SimpleAtoi(port, &url->port) || url->port < 1 || url->port > 65535) return false;
  if (parts->bracketed) {
    if (!IsIpAddress(host) || !absl::StrContains(host, ':')) return false;
  } else if (!IsIpAddress(host) && !CheckDnsName(host).ok()) {
    return false;
  }
  url->host = std::string(host);
  return true;
}

}  // namespace kplan
