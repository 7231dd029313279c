#include "src/remote/host_facts.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/process.h"
#include "src/base/text.h"
#include "src/remote/agent_program.h"
#include "src/remote/agent_protocol.h"

namespace kplan {
namespace {

constexpr size_t kMostText = 64 << 10;

// What the facts that are names are made of. The others are words for people, and whoever builds a kernel may
// call it as he likes.
struct Alphabet {
  const char* key;
  std::string HostFacts::*text;
  const char* others;  // than letters and digits
  bool may_be_empty;
};
constexpr Alphabet kAlphabets[] = {
    {"agent", &HostFacts::agent, "_-.", false},
    {"arch", &HostFacts::arch, "_-.", true},
    {"id", &HostFacts::id, "_-.", false},
    {"machine-id", &HostFacts::machine_id, "_-.", true},
};

std::string FirstLine(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMostText);
  if (!text.ok()) return "";
  return std::string(absl::StripAsciiWhitespace(text->substr(0, text->find('\n'))));
}

// PRETTY_NAME of os-release(5).
std::string OsName() {
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    absl::StatusOr<std::string> text = ReadFile(path, kMostText);
    if (!text.ok()) continue;
    for (absl::string_view line : absl::StrSplit(*text, '\n')) {
      if (!absl::ConsumePrefix(&line, "PRETTY_NAME=")) continue;
      absl::ConsumePrefix(&line, "\"");
      absl::ConsumeSuffix(&line, "\"");
      return std::string(line);
    }
  }
  return "Linux";
}

// "252" of "systemd 252 (252.39-1~deb12u1)".
std::string SystemdVersion() {
  if (access("/run/systemd/system", F_OK) != 0) return "";  // sd_booted(3)
  absl::StatusOr<RunResult> result = Run({"systemctl", "--version"});
  if (!result.ok() || !result->ok()) return "";
  std::vector<std::string> words = absl::StrSplit(result->out.substr(0, result->out.find('\n')), ' ');
  return words.size() > 1 ? words[1] : "";
}

}  // namespace

HostFacts FactsOfThisMachine() {
  HostFacts facts;
  struct utsname name;
  if (uname(&name) == 0) {
    facts.arch = ArchOfMachine(name.machine);
    facts.kernel = name.release;
  }
  facts.machine_id = ValidUtf8(FirstLine("/etc/machine-id"));
  facts.os = ValidUtf8(OsName());
  facts.systemd = ValidUtf8(SystemdVersion());
  return facts;
}

absl::StatusOr<HostFacts> ParseFacts(const Json& json) {
  constexpr size_t kLongest = 512;
  if (!json.is_object()) return absl::DataLossError("the facts of a host are no JSON object");
  HostFacts facts;
  FieldReader reader(json);
  HostFacts::Visit(facts, reader);
  if (!reader.wrong().empty())
    return absl::DataLossError(absl::StrCat("the facts of a host without \"", reader.wrong(), "\""));
  for (const Alphabet& each : kAlphabets) {
    const std::string& text = facts.*each.text;
    if (text.empty() ? each.may_be_empty : text.size() <= kLongest && OnlyAlnumAnd(text, each.others))
      continue;
    return absl::DataLossError(
        absl::StrCat("the facts of a host with a strange \"", each.key, "\": ", Quote(text)));
  }
  for (std::string* text : {&facts.kernel, &facts.os, &facts.systemd})
    *text = Shown(text->substr(0, kLongest));
  return facts;
}

absl::StatusOr<HostFacts> ReadFacts(const std::string& name) {
  absl::StatusOr<std::string> text = ReadFile(paths::HostFacts(name), kMostText);
  if (!text.ok()) return absl::NotFoundError(text.status().message());
  absl::StatusOr<Json> json = ParseRecord(*text);
  absl::StatusOr<HostFacts> facts = json.ok() ? ParseFacts(*json) : json.status();
  if (!facts.ok()) return absl::NotFoundError(facts.status().message());
  return facts;
}

}  // namespace kplan
