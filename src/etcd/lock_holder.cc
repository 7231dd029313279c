#include "src/etcd/lock_holder.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/host/host_owner.h"
#include "src/host/process_info.h"

namespace kplan {
namespace {

constexpr size_t kMaxText = 8 << 10;

std::string TextAt(const Json& json, const char* name) {
  return json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : "";
}

int64_t NumberAt(const Json& json, const char* name) {
  return json.contains(name) && json[name].is_number_integer() ? json[name].get<int64_t>() : 0;
}

std::string HostName() {
  char name[256] = "";
  if (gethostname(name, sizeof(name) - 1) != 0) return "unknown";
  return name;
}

}  // namespace

std::string LockHolder::ToText() const {
  const Json json = {{"boot", run.process.boot},
                     {"folder", folder},
                     {"host", host},
                     {"pid-space", run.pid_space},
                     {"process", run.process.pid},
                     {"since", run.since},
                     {"start", run.process.start_ticks},
                     {"user", user},
                     {"what", run.what}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<LockHolder> LockHolder::Parse(absl::string_view text) {
  if (text.size() > kMaxText) return std::nullopt;
  const Json json = ParseJson(text).value_or(Json());
  if (!json.is_object() || TextAt(json, "what").empty()) return std::nullopt;
  LockHolder holder;
  holder.run.what = TextAt(json, "what");
  holder.run.process.boot = TextAt(json, "boot");
  holder.run.process.pid = static_cast<pid_t>(NumberAt(json, "process"));
  holder.run.process.start_ticks = static_cast<uint64_t>(NumberAt(json, "start"));
  holder.run.pid_space = TextAt(json, "pid-space");
  holder.run.since = NumberAt(json, "since");
  holder.user = TextAt(json, "user");
  holder.host = TextAt(json, "host");
  holder.folder = TextAt(json, "folder");
  return holder;
}

std::string LockHolder::Describe() const {
  return absl::StrCat(
      Shown(run.what), " of ", Shown(user), "@", Shown(host), " (process ", run.process.pid, ", in ",
      Shown(folder), "), since ",
      absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixMillis(run.since), absl::UTCTimeZone()));
}

LockHolder LockHolderNow(absl::string_view what) {
  LockHolder holder;
  holder.run = HolderNow(what, FindInstance(getpid()).value_or(Instance()));
  const std::string owner = OwnerText({holder.run.uid, holder.run.gid});
  holder.user = owner.substr(0, owner.find(':'));
  holder.host = HostName();
  std::error_code none;
  holder.folder = std::filesystem::current_path(none).string();
  return holder;
}

LockAction DecideOnLock(const LockKey& key, absl::string_view ours, HolderState holder) {
  if (!key.there) return LockAction::kTake;
  // A key of kplan's hangs on a lease from its first moment: nobody would ever take this one away.
  if (key.lease.empty()) return LockAction::kRemove;
  if (key.lease == ours) return LockAction::kHave;
  return holder == HolderState::kGone ? LockAction::kRemove : LockAction::kWait;
}

}  // namespace kplan
