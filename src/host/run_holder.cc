#include "src/host/run_holder.h"

#include <unistd.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "src/base/text.h"
#include "src/host/host_owner.h"

namespace kplan {
namespace {

std::string OurPidSpace() {
  char name[64];
  const ssize_t size = readlink("/proc/self/ns/pid", name, sizeof(name));
  return size <= 0 ? "" : std::string(name, static_cast<size_t>(size));
}

}  // namespace

std::string RunHolder::ToText() const {
  return absl::StrJoin({what, absl::StrCat(process.pid), absl::StrCat(process.start_ticks), process.boot,
                        pid_space, absl::StrCat(uid), absl::StrCat(gid), absl::StrCat(since)},
                       "\t") +
         "\n";
}

std::optional<RunHolder> RunHolder::Parse(absl::string_view text) {
  if (text.size() > kMaxHolderText || !absl::ConsumeSuffix(&text, "\n")) return std::nullopt;
  const std::vector<std::string> fields = absl::StrSplit(text, '\t');
  RunHolder holder;
  if (fields.size() != 8 || fields[0].empty() || !absl::SimpleAtoi(fields[1], &holder.process.pid) ||
      !absl::SimpleAtoi(fields[2], &holder.process.start_ticks) ||
      !absl::SimpleAtoi(fields[5], &holder.uid) || !absl::SimpleAtoi(fields[6], &holder.gid) ||
      !absl::SimpleAtoi(fields[7], &holder.since))
    return std::nullopt;
  holder.what = fields[0];
  holder.process.boot = fields[3];
  holder.pid_space = fields[4];
  return holder;
}

std::string RunHolder::Describe() const {
  const std::string owner = OwnerText({uid, gid});
  return absl::StrCat(
      Shown(what), ", process ", process.pid, " of ", owner.substr(0, owner.find(':')), ", since ",
      absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixMillis(since), absl::UTCTimeZone()));
}

RunHolder HolderNow(absl::string_view what, const Instance& process) {
  RunHolder holder;
  holder.what = std::string(what);
  holder.process = process;
  holder.pid_space = OurPidSpace();
  holder.uid = geteuid();
  holder.gid = getegid();
  holder.since = absl::ToUnixMillis(absl::Now());
  return holder;
}

HolderState LookAt(const RunHolder& holder) {
  if (holder.process.boot != BootId() || holder.pid_space != OurPidSpace()) return HolderState::kUnseen;
  const std::optional<Instance> now = FindInstance(holder.process.pid);
  return now.has_value() && *now == holder.process ? HolderState::kAtWork : HolderState::kGone;
}

}  // namespace kplan
