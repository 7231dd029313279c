#include "src/systemd/unit_drop_ins.h"

#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/systemd/unit_files.h"
#include "src/systemd/unit_keys.h"
#include "src/systemd/unit_name.h"
#include "src/systemd/unit_text.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxDropIn = 1 << 20;
// systemd has no bound; nobody has more by intention.
constexpr size_t kMostDropIns = 256;

std::string Joined(const std::vector<std::string>& values) { return absl::StrJoin(values, ", "); }

std::string OrNothing(const std::string& text) { return text.empty() ? "nothing" : text; }

}  // namespace

absl::StatusOr<std::vector<DropIn>> DropInsOf(const std::string& root, absl::string_view name) {
  std::map<std::string, std::string> paths;  // by file name: of the same name the strongest alone is read
  for (const std::string& folder : DropInFolders(FullUnitName(name))) {
    for (const char* where : UnitLoadPath()) {
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
