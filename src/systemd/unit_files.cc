#include "src/systemd/unit_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLoadPath[] = {
    "etc/systemd/system.control",   "run/systemd/system.control",  "run/systemd/transient",
    "run/systemd/generator.early",  "etc/systemd/system",          "etc/systemd/system.attached",
    "run/systemd/system",           "run/systemd/system.attached", "run/systemd/generator",
    "usr/local/lib/systemd/system", "usr/lib/systemd/system",      "lib/systemd/system",
    "run/systemd/generator.late",
};

// Where who administers the machine puts something.
constexpr const char* kAdministrators[] = {"etc/systemd/system", "run/systemd/system"};

std::string Below(const std::string& root, absl::string_view where, absl::string_view name) {
  return absl::StrCat(absl::StripSuffix(root, "/"), "/", where, "/", name);
}

// "worker@.service" of "worker@a.service"; else "".
std::string TemplateOf(absl::string_view name) {
  const size_t at = name.find('@'), dot = name.rfind('.');
  if (at == absl::string_view::npos || dot == absl::string_view::npos || dot <= at + 1) return "";
  return absl::StrCat(name.substr(0, at + 1), name.substr(dot));
}

bool IsMask(const std::string& path) {
  std::error_code error;
  return fs::read_symlink(path, error) == "/dev/null";
}

// systemctl escapes others.
bool IsPlain(absl::string_view path) { return OnlyAlnumAnd(path, "/._@:-"); }

}  // namespace

absl::Span<const char* const> UnitLoadPath() { return kLoadPath; }

std::vector<std::string> DropInFolders(absl::string_view name) {
  std::vector<std::string> folders = {absl::StrCat(name, ".d")};
  if (const std::string base = TemplateOf(name); !base.empty()) folders.push_back(absl::StrCat(base, ".d"));
  const size_t dot = std::min(name.rfind('.'), name.size());
  const absl::string_view stem = name.substr(0, dot), suffix = name.substr(dot);
  for (size_t end = stem.size(); end > 0; --end) {
    if (stem[end - 1] == '-' && end < stem.size())
      folders.push_back(absl::StrCat(stem.substr(0, end), suffix, ".d"));
  }
  folders.push_back(absl::StrCat(absl::StripPrefix(suffix, "."), ".d"));
  return folders;
}

bool IsDropIn(absl::string_view file) {
  return absl::EndsWith(file, ".conf") && !absl::StartsWith(file, ".");
}

bool HasOtherFragment(const std::string& root, absl::string_view name, const std::string& fragment) {
  std::error_code error;
  for (const std::string& file : {std::string(name), TemplateOf(name)}) {
    if (file.empty()) continue;
    for (const char* where : kLoadPath) {
      const std::string path = Below(root, where, file);
      const fs::file_status status = fs::symlink_status(path, error);
      if (!fs::exists(status)) continue;
      // The same one has two names where /lib is a link.
      return fs::is_regular_file(status) && (fragment.empty() || !fs::equivalent(path, fragment, error));
    }
  }
  return false;
}

bool HasOtherDropIns(const std::string& root, absl::string_view name, const std::vector<std::string>& read) {
  std::error_code error;
  const auto is_gone = [&](const std::string& path) {
    return IsPlain(path) && !fs::exists(fs::symlink_status(path, error));
  };
  for (const std::string& folder : DropInFolders(name)) {
    for (const char* where : kAdministrators) {
      for (fs::directory_iterator it(Below(root, where, folder), error), end; !error && it != end;
           it.increment(error)) {
        const std::string file = it->path().filename().string();
        if (!IsDropIn(file) || !IsPlain(file)) continue;
        // A link to /dev/null is read as nothing, and one of the same name may be stronger.
        const auto same_name = [&](const std::string& other) {
          return absl::EndsWith(other, absl::StrCat("/", file));
        };
        std::error_code unreadable;
        if (fs::is_regular_file(it->path(), unreadable) && std::none_of(read.begin(), read.end(), same_name))
          return true;
      }
    }
  }
  return std::any_of(read.begin(), read.end(), is_gone);
}

absl::Status CheckNotMasked(const std::string& root, absl::string_view name) {
  for (const char* where : kAdministrators) {
    const std::string path = Below(root, where, name);
    if (!IsMask(path)) continue;
    const bool runtime = where == absl::string_view("run/systemd/system");
    return absl::FailedPreconditionError(absl::StrCat(
        name, " is masked (", path, " leads to /dev/null): somebody wants that it does not run; ",
        "if kplan shall run it, `systemctl unmask ", runtime ? "--runtime " : "", name, "` first"));
  }
  return absl::OkStatus();
}

absl::Status CheckPlaceNotMasked(const std::string& root, absl::string_view path) {
  if (!absl::ConsumePrefix(&path, "/etc/systemd/system/") || absl::StrContains(path, '/'))
    return absl::OkStatus();
  return CheckNotMasked(root, path);
}

}  // namespace kplan
