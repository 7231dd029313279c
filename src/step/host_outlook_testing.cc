#include "src/step/host_outlook_testing.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/host/waiting_file.h"
#include "src/step/host_outlook.h"

namespace kplan {
namespace {

// To get at what tests of steps inherit. Never made: it is no test.
struct Access : StepTest {
  using StepTest::Everything;
  using StepTest::Exists;
};

std::string Everything() {
  std::string all;
  for (const std::string& folder : Foresight::folders) {
    all += Access::Exists(folder) ? Access::Everything(folder) : absl::StrCat("no ", folder, "\n");
  }
  return all;
}

constexpr char kLabel[] = "test";

// The reason that the step has to give for those of its look.
std::string ExpectedReason(const Outlook& outlook) {
  if (outlook.starts) return absl::StrCat("started: ", Join(outlook.reasons, ", "));
  if (outlook.restarts) return absl::StrCat("restarted: ", Join(outlook.reasons, ", "));
  if (outlook.reloads) return absl::StrCat("reloaded: ", Join(outlook.reasons, ", "));
  return Join(outlook.reasons);
}

void Compare(const LookedStep& step, const absl::StatusOr<Outlook>& outlook,
             const absl::StatusOr<StepResult>& result, const std::string& last_digest) {
  SCOPED_TRACE(step.record.dump());
  if (!result.ok()) {
    ASSERT_FALSE(outlook.ok()) << "the step fails: " << result.status();
    // A step may add what its service logged.
    EXPECT_TRUE(absl::StartsWith(result.status().message(), outlook.status().message()))
        << result.status() << "\n"
        << outlook.status();
    return;
  }
  ASSERT_TRUE(outlook.ok()) << "the step does not fail: " << outlook.status();
  if (step.same_words) {
    EXPECT_EQ(ExpectedReason(*outlook), result->reason);
  }
  EXPECT_EQ(outlook->reasons.empty(), result->reason.empty()) << result->reason;
  if (!outlook->digest.empty()) {
    EXPECT_EQ(outlook->digest, result->digest);
  }
  if (!last_digest.empty()) {
    const bool said = outlook->digest.empty() ? outlook->changes_digest : outlook->digest != last_digest;
    EXPECT_EQ(said, result->digest != last_digest) << result->reason;
  }
  EXPECT_EQ(outlook->beside, !result->waiting.empty());
  if (result->reason.empty()) {
    EXPECT_TRUE(outlook->files.empty()) << "nothing is written";
  }
}

}  // namespace

absl::Time Foresight::now = absl::FromUnixSeconds(1700000000);

std::vector<std::string> Foresight::folders = {"."};

absl::StatusOr<Outlook> Foresight::Look(const LookedStep& step, const Foreseen& foreseen) {
  const std::string before = Everything();
  absl::StatusOr<Outlook> outlook = step.look({kLabel, now, foreseen}, step.record);
  EXPECT_EQ(Everything(), before) << "the look changed something: " << step.record;
  return outlook;
}

std::vector<absl::StatusOr<Outlook>> Foresight::LookThenRun(const std::vector<LookedStep>& steps,
                                                            std::map<size_t, std::string>* digests,
                                                            Foreseen to_come) {
  std::vector<absl::StatusOr<Outlook>> outlooks;
  for (const LookedStep& step : steps) {
    outlooks.push_back(Look(step, to_come));
    if (!outlooks.back().ok()) continue;
    for (const auto& [path, file] : outlooks.back()->files) to_come.Add(path, file);
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    absl::StatusOr<StepResult> result = steps[i].run({kLabel, now}, steps[i].record);
    Compare(steps[i], outlooks[i], result, (*digests)[i]);
    if (!result.ok()) break;
    (*digests)[i] = result->digest;
    if (!outlooks[i].ok()) continue;
    for (const auto& [path, file] : outlooks[i]->files) {
      std::optional<std::string> digest = DigestOf(file);
      if (!digest.has_value()) continue;
      const bool beside = file.comes == ForeseenFile::Comes::kBeside;
      absl::StatusOr<std::string> there = Sha256HexOfFile(beside ? WaitingPath(path) : path);
      EXPECT_TRUE(there.ok() && *there == *digest) << path << " is not what was foreseen";
    }
  }
  return outlooks;
}

Outlook Foresight::LookThenRun(const LookedStep& step, std::string* digest) {
  std::map<size_t, std::string> digests = {{0, *digest}};
  absl::StatusOr<Outlook> outlook = LookThenRun(std::vector<LookedStep>{step}, &digests)[0];
  *digest = digests[0];
  EXPECT_TRUE(outlook.ok()) << outlook.status();
  return outlook.ok() ? *std::move(outlook) : Outlook();
}

std::vector<std::string> NamesOf(const std::vector<Reason>& reasons) {
  std::vector<std::string> names;
  for (const Reason& reason : reasons) names.emplace_back(reason.name);
  return names;
}

std::vector<std::string> LinesOf(const std::vector<Change>& changes) {
  std::vector<std::string> lines;
  for (const Change& change : changes) {
    lines.push_back(absl::StrCat(change.what, ": ", change.from, " -> ", change.to));
  }
  return lines;
}

}  // namespace kplan
