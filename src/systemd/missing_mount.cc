#include "src/systemd/missing_mount.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "src/base/files.h"

namespace kplan {
namespace {

constexpr size_t kMaxTable = 4 << 20;  // bytes; far more mounts than a kernel bears
// Where people and packages put mount units (systemd.unit(5)). What a generator made of /etc/fstab says no
// more than that, and is there until the next daemon-reload.
constexpr const char* kUnitFolders[] = {"/etc/systemd/system", "/run/systemd/system",
                                        "/usr/local/lib/systemd/system", "/lib/systemd/system",
                                        "/usr/lib/systemd/system"};

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// A field of either table: a space in it is "\040".
std::string Unescaped(absl::string_view field) {
  std::string text;
  for (size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size() && IsOctal(field[i + 1]) && IsOctal(field[i + 2]) &&
        IsOctal(field[i + 3])) {
      text += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
      i += 3;
    } else {
      text += field[i];
    }
  }
  return text;
}

// The field NUMBER, from 0, of each line of TABLE.
std::vector<std::string> FieldsOf(absl::string_view table, size_t number) {
  std::vector<std::string> found;
  for (absl::string_view line : absl::StrSplit(table, '\n')) {
    line = absl::StripLeadingAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    const std::vector<absl::string_view> fields =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (fields.size() > number) found.push_back(Unescaped(fields[number]));
  }
  return found;
}

// "/srv/etcd-1" as "srv-etcd\x2d1.mount" (systemd.unit(5), string escaping).
std::string MountUnitOf(absl::string_view path) {
  std::string name;
  for (char c : path.substr(1)) {
    if (c == '/') {
      name += '-';
    } else if (absl::ascii_isalnum(c) || c == ':' || c == '_' || (c == '.' && !name.empty())) {
      name += c;
    } else {
      absl::StrAppendFormat(&name, "\\x%02x", static_cast<unsigned char>(c));
    }
  }
  return absl::StrCat(name, ".mount");
}

// PATH and the folders above it, but for "/".
std::vector<std::string> OnTheWayTo(absl::string_view path) {
  std::vector<std::string> places;
  for (size_t at = 1; at != absl::string_view::npos && at < path.size();) {
    at = path.find('/', at);
    places.emplace_back(path.substr(0, at));
    if (at != absl::string_view::npos) ++at;
  }
  return places;
}

std::string ReadTable(const char* path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxTable);
  return text.ok() ? *std::move(text) : "";
}

bool HasUnitFile(const std::string& unit) {
  return std::any_of(std::begin(kUnitFolders), std::end(kUnitFolders), [&](const char* folder) {
    return access(absl::StrCat(folder, "/", unit).c_str(), F_OK) == 0;
  });
}

}  // namespace

std::string MissingMount(absl::string_view fstab, absl::string_view mountinfo, absl::string_view path,
                         absl::FunctionRef<bool(const std::string& unit)> has_unit) {
  constexpr size_t kFstabPoint = 1, kMountinfoPoint = 4;
  absl::flat_hash_set<std::string> wanted;
  for (std::string& point : FieldsOf(fstab, kFstabPoint)) {
    while (point.size() > 1 && point.back() == '/') point.pop_back();
    wanted.insert(std::move(point));
  }
  const std::vector<std::string> points = FieldsOf(mountinfo, kMountinfoPoint);
  const absl::flat_hash_set<std::string> mounted(points.begin(), points.end());
  for (const std::string& place : OnTheWayTo(path)) {
    if (mounted.contains(place)) continue;
    if (wanted.contains(place) || has_unit(MountUnitOf(place))) return place;
  }
  return "";
}

absl::Status CheckMounted(absl::string_view root, absl::string_view path) {
  if (root != "/") return absl::OkStatus();
  const std::string mountinfo = ReadTable("/proc/self/mountinfo");
  if (mountinfo.empty()) return absl::OkStatus();
  const std::string point = MissingMount(ReadTable("/etc/fstab"), mountinfo, path, HasUnitFile);
  if (point.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      point, " is not mounted: what is put there would be out of sight once it is. Mount it (mount ", point,
      "), or take it out of /etc/fstab and systemd's units"));
}

}  // namespace kplan
