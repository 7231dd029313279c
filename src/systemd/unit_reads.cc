#include "src/systemd/unit_reads.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/systemd/unit_text.h"

namespace kplan {
namespace {

// The first of the users that DynamicUser= takes (systemd.exec(5)).
constexpr char kDynamicUser[] = "61184";

// Where systemd makes the folders of a service (systemd.exec(5), RuntimeDirectory=).
constexpr struct {
  absl::string_view key, below;
} kFolders[] = {{"StateDirectory", "/var/lib/"},
                {"RuntimeDirectory", "/run/"},
                {"CacheDirectory", "/var/cache/"},
                {"LogsDirectory", "/var/log/"}};

constexpr absl::string_view kOtherTree[] = {"RootDirectory",      "RootImage",   "BindPaths",
                                            "BindReadOnlyPaths",  "MountImages", "ExtensionImages",
                                            "TemporaryFileSystem"};

// The values of [Service], by key; an empty one takes back those before it.
class Values {
 public:
  explicit Values(absl::string_view text) {
    for (const UnitAssignment& it : ParseUnitText(text).value_or(std::vector<UnitAssignment>())) {
      if (it.section != "Service") continue;
      std::vector<std::string>& values = values_[it.key];
      if (it.value.empty()) values.clear();
      values.push_back(it.value);
    }
  }

  const std::vector<std::string>& Of(absl::string_view key) const {
    static const auto* const kNone = new std::vector<std::string>;
    auto found = values_.find(std::string(key));
    return found == values_.end() ? *kNone : found->second;
  }
  std::string Last(absl::string_view key) const { return Of(key).empty() ? "" : Of(key).back(); }
  bool Has(absl::string_view key) const {
    return std::any_of(Of(key).begin(), Of(key).end(),
                       [](const std::string& value) { return !value.empty(); });
  }
  std::vector<std::string> Words(absl::string_view key) const {
    std::vector<std::string> words;
    for (const std::string& value : Of(key)) {
      for (absl::string_view word : absl::StrSplit(value, ' ', absl::SkipEmpty())) words.emplace_back(word);
    }
    return words;
  }

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

bool IsYes(const std::string& value) {
  const std::string word = absl::AsciiStrToLower(value);
  return word == "yes" || word == "true" || word == "on" || word == "1" || word == "y" || word == "t";
}

// Whether one of the two capabilities by which modes hold nobody is among WORDS.
bool AnyPasses(const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return absl::StrContains(word, "CAP_DAC_OVERRIDE") || absl::StrContains(word, "CAP_DAC_READ_SEARCH");
  });
}

// Whether root keeps them. "~CAP_X" is all but that one; of several lines, and of both, this is unsure.
bool RootPasses(const Values& values) {
  if (values.Of("CapabilityBoundingSet").empty()) return true;
  const std::string last = values.Last("CapabilityBoundingSet");
  if (absl::StartsWith(last, "~")) {
    return !absl::StrContains(last, "CAP_DAC_OVERRIDE") || !absl::StrContains(last, "CAP_DAC_READ_SEARCH");
  }
  return AnyPasses(values.Words("CapabilityBoundingSet"));
}

void AddPath(absl::string_view word, std::vector<std::string>* paths) {
  if (!absl::StartsWith(word, "/") || word.find_first_of("%$") != absl::string_view::npos) return;
  if (std::find(paths->begin(), paths->end(), word) == paths->end()) paths->emplace_back(word);
}

// Of one command: "-/usr/bin/x --file=/a /b".
void AddPaths(absl::string_view command, std::vector<std::string>* paths) {
  const size_t begin = std::min(command.find_first_not_of("@-:+!| "), command.size());
  // Started as root, whoever the unit's user is.
  if (command.substr(0, begin).find_first_of("+!") != absl::string_view::npos) return;
  for (const std::string& word : SplitUnitWords(command.substr(begin), "")) {
    AddPath(word, paths);
    const size_t equals = word.find('=');
    if (equals != std::string::npos) AddPath(absl::string_view(word).substr(equals + 1), paths);
  }
}

}  // namespace

UnitReads ReadsOfUnit(absl::string_view text) {
  const Values values(text);
  UnitReads reads;
  reads.user = values.Last("User");
  reads.group = values.Last("Group");
  reads.groups = values.Words("SupplementaryGroups");
  if (IsYes(values.Last("DynamicUser"))) reads.user = kDynamicUser;
  for (const auto& [key, below] : kFolders) {
    // "state:link" has another name beside it (systemd 253).
    for (const std::string& name : values.Words(key))
      reads.own_folders.push_back(absl::StrCat(below, name.substr(0, name.find(':'))));
  }
  const bool root = reads.user.empty() || reads.user == "root" || reads.user == "0";
  const bool passes = root ? RootPasses(values) : AnyPasses(values.Words("AmbientCapabilities"));
  const bool elsewhere = std::any_of(std::begin(kOtherTree), std::end(kOtherTree),
                                     [&](absl::string_view key) { return values.Has(key); });
  if (root) reads.user = "root";
  // Who it is then is known to systemd alone.
  const bool unclear = absl::StrContains(reads.user, "%") || absl::StrContains(reads.group, "%");
  if (passes || elsewhere || unclear) return reads;
  for (const std::string& command : values.Of("ExecStart")) AddPaths(command, &reads.paths);
  return reads;
}

}  // namespace kplan
