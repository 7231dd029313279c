#include "src/apply/applied.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>

#include <algorithm>
#include <deque>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/fields.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"
#include "src/base/text.h"

namespace kplan {
namespace {

constexpr size_t kMaxPlan = 1 << 20;
constexpr size_t kMaxShard = 64 << 20;

// A step that is applied for some hosts alone.
struct AppliedPart {
  std::string label;
  std::vector<std::string> hosts;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("label", self.label);
    fields.Always("hosts", self.hosts);
  }
};

// The steps of one shard, as .kplan/apply/steps/NAME.json holds them: a step reads no more than its own.
struct AppliedShard {
  std::string token;
  std::vector<std::string> steps;  // labels
  std::vector<AppliedPart> parts;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("token", self.token);
    fields.Always("steps", self.steps);
    fields.Always("parts", self.parts);
  }
};

std::string TokenHere() {
  const char* token = getenv(kApplyVariable);
  return token == nullptr ? "" : token;
}

absl::Status OtherToken() {
  return absl::FailedPreconditionError(
      absl::StrCat(kApplyVariable,
                   " is in the environment, and names no plan that is applied in this folder; "
                   "`kplan apply` sets it for its own ninja: unset it"));
}

// The files are not worth an fsync: after a power cut no ninja goes on.
absl::Status Write(const std::string& path, const std::string& text) {
  return WriteScratchFile(path, text, kPrivateFile);
}

void AppendIds(absl::Span<const StepId> ids, std::string* out) {
  for (StepId id : ids) absl::StrAppend(out, " ", id);
}

}  // namespace

std::string GraphDigest(const Graph& graph) {
  Sha256Stream digest;
  std::string line;
  for (const Step& step : graph.steps()) {
    line = absl::StrCat(step.label, "\n", graph.shards()[step.shard].name, "\n", step.digest());
    AppendIds(step.inputs, &line);
    line += " |";
    AppendIds(step.after, &line);
    line += "\n";
    digest.Update(line);
  }
  return digest.FinishHex();
}

absl::StatusOr<AppliedLock> AppliedLock::Take() {
  for (const char* folder : {paths::kState, paths::kApply}) {
    if (absl::Status status = MakePrivateFolder(folder); !status.ok()) return status;
  }
  UniqueFd fd(disk::Open(paths::kApplyLock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kPrivateFile));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", paths::kApplyLock));
  // Also when nothing comes of this: what root made here must lock nobody out.
  if (absl::Status status = GiveToOwnerOf(paths::kState, paths::kApply); !status.ok()) return status;
  if (disk::Lock(fd.get(), LOCK_EX | LOCK_NB) == 0) return AppliedLock(std::move(fd));
  if (errno != EWOULDBLOCK) return ErrnoStatus(errno, absl::StrCat("cannot lock ", paths::kApplyLock));
  return absl::UnavailableError(
      "another kplan apply is at work in this folder, or waits for an answer; run this again when it is "
      "done");
}

absl::StatusOr<std::string> NewToken() {
  char bytes[16];
  if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) return ErrnoStatus(errno, "getrandom");
  return absl::BytesToHexString(absl::string_view(bytes, sizeof(bytes)));
}

absl::Status WriteApplied(const AppliedPlan& plan, const Graph& graph, const std::vector<StepId>& steps,
                          const Limit* limit) {
  std::vector<AppliedShard> shards(graph.shards().size());
  for (StepId id : steps) {
    const Step& step = graph.steps()[id];
    const LimitedStep* limited = limit == nullptr ? nullptr : limit->Find(id);
    if (limited != nullptr && limited->partial()) {
      shards[step.shard].parts.push_back({step.label, limited->hosts});
    } else {
      shards[step.shard].steps.push_back(step.label);
    }
  }
  for (size_t i = 0; i < shards.size(); ++i) {
    if (shards[i].steps.empty() && shards[i].parts.empty()) continue;
    shards[i].token = plan.token;
    const std::string path = paths::AppliedShard(graph.shards()[i].name);
    if (absl::Status status = Write(path, ToText(shards[i])); !status.ok()) return status;
  }
  absl::Status status = Write(paths::kAppliedJournal, "");
  if (status.ok()) status = Write(paths::kApplied, ToText(plan));
  // Steps of another user's than root's append to the journal.
  return status.ok() ? GiveToOwnerOf(paths::kState, paths::kApply) : status;
}

absl::StatusOr<std::optional<AppliedPlan>> AppliedNow() {
  const std::string token = TokenHere();
  if (token.empty()) return std::optional<AppliedPlan>();
  absl::StatusOr<std::string> text = ReadFile(paths::kApplied, kMaxPlan);
  if (!text.ok()) return OtherToken();
  absl::StatusOr<AppliedPlan> plan = FromText<AppliedPlan>(*text);
  if (!plan.ok() || plan->token != token) return OtherToken();
  return std::optional<AppliedPlan>(*std::move(plan));
}

absl::StatusOr<Leave> LeaveFor(absl::string_view shard, absl::string_view label) {
  Leave leave;
  const std::string token = TokenHere();
  if (token.empty()) return leave;
  leave.applied = true;
  const absl::Status refused = absl::FailedPreconditionError(
      "it is not in the plan that is applied: something has changed since that was made; `kplan plan` says "
      "what");
  const std::string path = paths::AppliedShard(shard);
  absl::StatusOr<std::string> text = ReadFile(path, kMaxShard);
  absl::StatusOr<AppliedShard> applied =
      text.ok() ? FromText<AppliedShard>(*text) : absl::StatusOr<AppliedShard>(text.status());
  if (!applied.ok() || applied->token != token) {
    // A host without a step in this plan has no file, or one of an earlier plan.
    absl::Status status = AppliedNow().status();
    return status.ok() ? refused : status;
  }
  if (std::find(applied->steps.begin(), applied->steps.end(), label) != applied->steps.end()) return leave;
  for (AppliedPart& part : applied->parts) {
    if (part.label != label) continue;
    leave.hosts = std::move(part.hosts);
    // For nobody is not for all.
    return leave.hosts.empty() ? absl::StatusOr<Leave>(refused) : leave;
  }
  return refused;
}

}  // namespace kplan
