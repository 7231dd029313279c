#include "src/systemd/unit_drop_ins.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/systemd/unit_keys.h"
#include "src/systemd/unit_text.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxDropIn = 1 << 20;
// systemd has no bound; nobody has more by intention.
constexpr size_t kMostDropIns = 256;

// The load path of the system manager, the strongest first.
constexpr const char* kFolders[] = {
    "etc/systemd/system.control",   "run/systemd/system.control",  "run/systemd/transient",
    "run/systemd/generator.early",  "etc/systemd/system",          "etc/systemd/system.attached",
    "run/systemd/system",           "run/systemd/system.attached", "run/systemd/generator",
    "usr/local/lib/systemd/system", "usr/lib/systemd/system",      "lib/systemd/system",
    "run/systemd/generator.late",
};

// "a-b.service.d", "a-.service.d", "service.d", the strongest first.
std::vector<std::string> FoldersOf(absl::string_view name) {
  std::vector<std::string> folders = {absl::StrCat(name, ".service.d")};
  for (size_t end = name.size(); end > 0; --end) {
    if (name[end - 1] == '-' && end < name.size())
      folders.push_back(absl::StrCat(name.substr(0, end), ".service.d"));
  }
  folders.push_back("service.d");
  return folders;
}

std::string Joined(const std::vector<std::string>& values) { return absl::StrJoin(values, ", "); }

// Whether systemd reads a file called FILE in a folder of drop-ins.
bool IsDropIn(absl::string_view file) {
  return absl::EndsWith(file, ".conf") && !absl::StartsWith(file, ".");
}

std::string OrNothing(const std::string& text) { return text.empty() ? "nothing" : text; }

}  // namespace

absl::StatusOr<std::vector<DropIn>> DropInsOf(const std::string& root, absl::string_view name) {
  std::map<std::string, std::string> paths;  // by file name: of the same name the strongest alone is read
  for (const std::string& folder : FoldersOf(name)) {
    for (const char* where : kFolders) {
      std::error_code error;
      const std::string full = absl::StrCat(root, root == "/" ? "" : "/", where, "/", folder);
      for (fs::directory_iterator it(full, error), end; !error && it != end; it.increment(error)) {
        const std::string file = it->path().filename().string();
        if (IsDropIn(file) && paths.size() < kMostDropIns) paths.emplace(file, it->path().string());
      }
    }
  }
  std::vector<DropIn> drop_ins;
  for (const auto& [file, path] : paths) {
    std::error_code error;
    // A link to /dev/null takes a weaker one away. systemd passes over what is no file.
    if (!fs::is_regular_file(path, error)) continue;
    absl::StatusOr<std::string> text = ReadFile(path, kMaxDropIn);
    if (!text.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("the drop-in ", path, " cannot be read: ", text.status().message()));
    }
    drop_ins.push_back({path, *std::move(text)});
  }
  return drop_ins;
}

bool HasOtherDropIns(const std::string& name, const std::vector<std::string>& read) {
  std::error_code error;
  // systemctl escapes others.
  const auto is_plain = [](absl::string_view path) { return OnlyAlnumAnd(path, "/._@:-"); };
  const auto is_gone = [&](const std::string& path) {
    return is_plain(path) && !fs::exists(fs::symlink_status(path, error));
  };
  for (const char* where : {"/etc/systemd/system/", "/run/systemd/system/"}) {
    for (fs::directory_iterator it(absl::StrCat(where, name, ".d"), error), end; !error && it != end;
         it.increment(error)) {
      const std::string path = it->path().string();
      const std::string file = it->path().filename().string();
      if (!IsDropIn(file) || !is_plain(file)) continue;
      // A link to /dev/null is read as nothing, and one of the same name may be stronger.
      const auto same_name = [&](const std::string& other) {
        return absl::EndsWith(other, absl::StrCat("/", file));
      };
      if (fs::is_regular_file(path, error) && std::none_of(read.begin(), read.end(), same_name)) return true;
    }
  }
  return std::any_of(read.begin(), read.end(), is_gone);
}

std::vector<DropInDifference> TakenByDropIns(absl::string_view text, const std::vector<DropIn>& drop_ins) {
  std::optional<std::vector<UnitAssignment>> own = ParseUnitText(text);
  if (!own.has_value() || drop_ins.empty()) return {};
  std::vector<UnitAssignment> all = *own;
  std::map<std::string, std::string> last;  // by key
  for (const DropIn& drop_in : drop_ins) {
    // What systemd does not understand it passes over, too.
    for (UnitAssignment& assignment : ParseUnitText(drop_in.text).value_or(std::vector<UnitAssignment>())) {
      last[assignment.key] = drop_in.path;
      all.push_back(std::move(assignment));
    }
  }
  std::vector<DropInDifference> differences;
  for (const ComparedKey& key : ComparedKeys()) {
    auto by = last.find(std::string(key.key));
    const UnitValue wanted(key, *own);
    if (by == last.end() || !wanted.written() || wanted.unclear()) continue;
    const UnitValue got(key, all);
    const std::vector<std::string> want = Comparable(key.form, wanted.values());
    const std::vector<std::string> have = Comparable(key.form, got.values());
    // Of one that cannot be told, systemd itself is asked before the service is started.
    if (got.unclear() || SaysIt(key.form, have, want, /*may_add=*/true)) continue;
    differences.push_back({by->second, std::string(key.key), Joined(want), Joined(have)});
  }
  return differences;
}

absl::Status CheckDropIns(const std::string& root, absl::string_view name, absl::string_view text) {
  absl::StatusOr<std::vector<DropIn>> drop_ins = DropInsOf(root, name);
  if (!drop_ins.ok()) return drop_ins.status();
  const std::vector<DropInDifference> differences = TakenByDropIns(text, *drop_ins);
  if (differences.empty()) return absl::OkStatus();
  std::string message = absl::StrCat("a drop-in takes away what the unit ", name, ".service says:");
  for (const DropInDifference& it : differences) {
    absl::StrAppend(&message, "\n    ", it.key, ": wanted ", OrNothing(it.wanted), "\n    ",
                    std::string(it.key.size() + 2, ' '), "got    ", OrNothing(it.got), "\n    ",
                    std::string(it.key.size() + 2, ' '), "by     ", Shown(it.path));
  }
  absl::StrAppend(&message, "\n    remove it there, or say it in cluster.yaml (`unit`)");
  return absl::FailedPreconditionError(message);
}

}  // namespace kplan
