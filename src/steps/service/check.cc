// Whether a service does what it is there for, by the checks that its spec names.
//
// The step is done here, also for a host at the other end of an ssh connection: https is asked from here, as
// clients ask, or over a connection that the host carries, with files relative to DIR; systemd, tcp and exec
// are asked of the host, as a question.
//
// All checks are looked at together, again and again, until all of them hold in one and the same look. It is
// over before `timeout` when the service has ended (with an error, or for good), and when something is wrong
// that is no matter of waiting: a certificate of a stranger's CA, a stranger that gets in, a 404.
//
// The digest covers what was proved (the checks, and the certificates that were served), and not when: the
// same verdict is the same stamp. A verdict is of one moment, though: it is never right already.

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "src/base/at_once.h"
#include "src/base/clock.h"
#include "src/base/dialer.h"
#include "src/base/digest.h"
#include "src/base/fields.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/pki/openssl_util.h"
#include "src/step/host_access.h"
#include "src/step/outlook.h"
#include "src/step/questions.h"
#include "src/step/step.h"
#include "src/step/waited.h"
#include "src/steps/service/check_https.h"
#include "src/steps/service/check_local.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

// How long what is no matter of waiting may stay so: a reload, and an exchange of a certificate and its key,
// take a moment.
constexpr absl::Duration kPatience = absl::Seconds(5);

// Between two looks. There is nothing to be told by; and a look can cost a program, or a question over ssh.
constexpr absl::Duration kFirstPause = absl::Milliseconds(20), kLastPause = absl::Milliseconds(500);

struct ServiceChecks {
  CheckRecord record;
  CheckQuestion local = {};                          // those that are made on the host
  std::vector<HttpsCheck> https = {};                // those that are made here
  std::vector<size_t> local_at = {}, https_at = {};  // where they stand in the list

  static absl::StatusOr<ServiceChecks> From(const CheckRecord& record);
};

absl::StatusOr<ServiceChecks> ServiceChecks::From(const CheckRecord& record) {
  if (record.checks.empty()) return absl::DataLossError("the record has no checks");
  ServiceChecks checks{record};
  checks.local.manager = record.manager;
  checks.local.name = record.name;
  checks.local.root = record.root;
  for (size_t i = 0; i < record.checks.size(); ++i) {
    const ServiceCheckRecord& check = record.checks[i];
    if (check.https.empty()) {
      checks.local.checks.push_back(check);
      checks.local_at.push_back(i);
      continue;
    }
    absl::StatusOr<HttpsCheck> https = HttpsCheck::From(check);
    if (!https.ok()) return https.status();
    checks.https.push_back(*std::move(https));
    checks.https_at.push_back(i);
  }
  return checks;
}

absl::StatusOr<CheckAnswer> AskHost(const StepContext& context, const ServiceChecks& checks) {
  const CheckRecord& record = checks.record;
  if (record.host.empty()) return AnswerCheck(checks.local);
  if (context.hosts == nullptr) return absl::UnavailableError("no host can be asked from here");
  absl::StatusOr<Json> json = context.hosts->Ask(record.host, ToJson(checks.local));
  if (!json.ok()) return json.status();
  absl::StatusOr<CheckAnswer> answer = FromJson<CheckAnswer>(*json);
  if (answer.ok() && answer->outcomes.size() == checks.local.checks.size()) return answer;
  return absl::DataLossError("the host's answer is none to its checks");
}

// Connections that the host carries, while the step waits.
class HostWay {
 public:
  HostWay(const StepContext& context, const ServiceChecks& checks) : hosts_(context.hosts), checks_(checks) {}

  // Null where this machine makes them itself. What is open stays so from one look to the next.
  absl::StatusOr<std::shared_ptr<Dialer>> Open() {
    std::vector<HostPort> targets;
    for (const HttpsCheck& check : checks_.https) {
      if (check.from_host) targets.push_back(check.target.address);
    }
    if (targets.empty() || checks_.record.host.empty() || dialer_ != nullptr) return dialer_;
    if (hosts_ == nullptr) return absl::UnavailableError("no host can be asked from here");
    absl::StatusOr<std::unique_ptr<Dialer>> dialer = hosts_->DialFrom(checks_.record.host, targets);
    if (!dialer.ok()) return dialer.status();
    dialer_ = *std::move(dialer);
    return dialer_;
  }

  // It may have ended meanwhile.
  void Close() { dialer_ = nullptr; }

 private:
  HostAccess* const hosts_;
  const ServiceChecks& checks_;
  std::shared_ptr<Dialer> dialer_;
};

struct Look {
  std::vector<CheckOutcome> outcomes;  // by the checks, in their order
  std::string ended;                   // how the service has ended; empty while it has not

  bool AllHold() const {
    return std::all_of(outcomes.begin(), outcomes.end(),
                       [](const CheckOutcome& outcome) { return outcome.holds; });
  }
  bool LastingTrouble() const {
    return std::any_of(outcomes.begin(), outcomes.end(),
                       [](const CheckOutcome& outcome) { return !outcome.holds && outcome.lasting; });
  }
};

// All checks, at the same time.
absl::StatusOr<Look> LookAtAll(const StepContext& context, const ServiceChecks& checks, HostWay* way) {
  absl::StatusOr<std::shared_ptr<Dialer>> dialer = way->Open();
  if (!dialer.ok()) return dialer.status();
  Look look;
  look.outcomes.resize(checks.record.checks.size());
  absl::StatusOr<CheckAnswer> local = CheckAnswer();
  AtOnce(checks.https.size() + 1, [&](size_t i) {
    if (i == checks.https.size()) {
      local = AskHost(context, checks);
    } else {
      look.outcomes[checks.https_at[i]] =
          LookAtHttps(checks.https[i], checks.https[i].from_host ? *dialer : nullptr);
    }
  });
  if (!local.ok()) return local.status();
  look.ended = local->ended;
  for (size_t i = 0; i < checks.local_at.size(); ++i)
    look.outcomes[checks.local_at[i]] = std::move(local->outcomes[i]);
  return look;
}

// Looks until all checks hold, or it is in vain; the last look.
absl::StatusOr<Look> AwaitAll(const StepContext& context, const ServiceChecks& checks) {
  Clock* const clock = context.clock;
  const absl::Time deadline = clock->Now() + absl::Seconds(checks.record.timeout);
  absl::Time trouble_since = absl::InfiniteFuture();
  absl::Duration pause = kFirstPause;
  HostWay way(context, checks);
  for (;;) {
    absl::StatusOr<Look> look = LookAtAll(context, checks, &way);
    if (!look.ok() || look->AllHold() || !look->ended.empty()) return look;
    const absl::Time now = clock->Now();
    trouble_since = look->LastingTrouble() ? std::min(trouble_since, now) : absl::InfiniteFuture();
    if (now >= deadline || now - trouble_since > kPatience) return look;
    way.Close();
    clock->SleepFor(pause);
    pause = std::min(2 * pause, kLastPause);
  }
}

std::string LogLines(const StepContext& context, const CheckRecord& record) {
  if (record.host.empty()) return LastLogLines(record.manager, record.root, record.name);
  ServiceLogQuestion question;
  question.manager = record.manager;
  question.name = record.name;
  question.root = record.root;
  absl::StatusOr<Json> json = context.hosts->Ask(record.host, ToJson(question));
  if (!json.ok()) return absl::StrCat("    (they cannot be had: ", json.status().message(), ")\n");
  absl::StatusOr<ServiceLogAnswer> answer = FromJson<ServiceLogAnswer>(*json);
  return answer.ok() ? answer->lines : "    (they cannot be had: an answer without lines)\n";
}

std::string FailureText(const StepContext& context, const CheckRecord& record, const Look& look) {
  std::string text;
  for (const CheckOutcome& outcome : look.outcomes) {
    if (outcome.holds) continue;
    absl::StrAppend(&text, "check failed: ", outcome.check, "\n  expected: ", outcome.expected,
                    "\n  seen:     ", outcome.seen, "\n  look at:  ", outcome.advice, "\n");
  }
  if (!look.ended.empty()) absl::StrAppend(&text, "  ", look.ended, "\n");
  const std::string where = record.host.empty() ? "" : absl::StrCat(" on ", record.host);
  absl::StrAppend(&text, "  the last log lines of ", record.name, where, ":\n", LogLines(context, record));
  return text;
}

// What the step's digest is over.
struct Verdict {
  std::vector<ServiceCheckRecord> checks;
  std::string host, name;
  std::vector<std::string> proved;  // of each check

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("checks", self.checks);
    fields.Always("host", self.host);
    fields.Always("name", self.name);
    fields.Always("proved", self.proved);
  }
};

}  // namespace

absl::StatusOr<StepResult> CheckStep(const StepContext& context, const CheckRecord& record) {
  InitOpenSsl();
  absl::StatusOr<ServiceChecks> checks = ServiceChecks::From(record);
  if (!checks.ok()) return checks.status();
  const absl::Time begun = context.clock->Now();
  absl::StatusOr<Look> look = AwaitAll(context, *checks);
  if (!look.ok()) return look.status();
  if (!look->AllHold()) return absl::FailedPreconditionError(FailureText(context, record, *look));
  StepResult result;
  result.output = WaitedLine(context.label, context.clock->Now() - begun, "all checks held");
  Verdict verdict = {record.checks, record.host, record.name, {}};
  for (const CheckOutcome& outcome : look->outcomes) {
    absl::StrAppend(&result.output, outcome.said, "\n");
    verdict.proved.push_back(outcome.proved);
  }
  result.digest = Sha256Hex(ToText(verdict));
  return result;
}

// Asks nobody: only whether there is everything to ask with.
absl::StatusOr<Outlook> CheckLook(const LookContext& context, const CheckRecord& record) {
  absl::StatusOr<ServiceChecks> checks = ServiceChecks::From(record);
  if (!checks.ok()) return checks.status();
  for (const HttpsCheck& https : checks->https) {
    for (const std::string* path : {&https.cacert, &https.cert, &https.key, &https.serves}) {
      if (path->empty() || context.foreseen.Find(*path) != nullptr || access(path->c_str(), R_OK) == 0)
        continue;
      return ErrnoStatus(errno, absl::StrCat(https.url, " is asked with ", *path, ", which cannot be read"));
    }
    if (FindProgram("curl").empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("there is no curl here, which asks ", https.url, "; install it (apt install curl)"));
    }
  }
  Outlook outlook;
  outlook.changes_digest = true;  // a verdict is of one moment
  return outlook;
}

}  // namespace kplan
