// Whether a service does what it is there for, by the checks that its spec names.
//
// Record:
// {"checks":[{"systemd":"active"},{"tcp":"127.0.0.1:8443"},{"exec":[[TEXT,PATH],...]},{"https":URL,...},
// ...], "host":"etcd-1", "kind":"check", "manager":"systemd|process|none", "name":"metrics", "root":"/",
// "timeout":SECONDS}
// host is not there for a host of this machine. What an https check has is described in check_https.h, the
// others in check_local.h.
//
// The step is done here, also for a host at the other end of an ssh connection: https is asked from here, as
// clients ask, with files relative to DIR; systemd, tcp and exec are asked of the host, as a question.
//
// All checks are looked at together, again and again, until all of them hold in one and the same look. It is
// over before `timeout` when the service has ended (with an error, or for good), and when something is wrong
// that is no matter of waiting: a certificate of a stranger's CA, a stranger that gets in, a 404.
//
// The digest covers what was proved (the checks, and the certificates that were served), and not when: the
// same verdict is the same stamp. A verdict is of one moment, though: it is never right already.

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "src/base/at_once.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/pki/openssl_util.h"
#include "src/step/host_access.h"
#include "src/step/outlook.h"
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
constexpr int kFirstPauseMilliseconds = 20, kLastPauseMilliseconds = 500;

struct ServiceChecks {
  std::string name, host, manager, root;
  absl::Duration timeout;
  Json json;                               // all of them
  Json local;                              // those that are made on the host
  std::vector<HttpsCheck> https;           // those that are made here
  std::vector<size_t> local_at, https_at;  // where they stand in the list

  static absl::StatusOr<ServiceChecks> From(const Record& record);
};

absl::StatusOr<ServiceChecks> ServiceChecks::From(const Record& record) {
  ServiceChecks checks;
  checks.name = record.String("name");
  checks.host = record.StringOr("host", "");
  checks.manager = record.String("manager");
  checks.root = record.String("root");
  checks.timeout = absl::Seconds(record.Int("timeout"));
  if (absl::Status status = record.status(); !status.ok()) return status;
  auto list = record.json().find("checks");
  if (list == record.json().end() || !list->is_array() || list->empty())
    return absl::DataLossError("the record has no checks");
  checks.json = *list;
  checks.local = Json::array();
  for (size_t i = 0; i < list->size(); ++i) {
    const Json& json = (*list)[i];
    if (!json.is_object()) return absl::DataLossError("a check is no object");
    if (!json.contains("https")) {
      checks.local.push_back(json);
      checks.local_at.push_back(i);
      continue;
    }
    absl::StatusOr<HttpsCheck> https = HttpsCheck::From(Record(json));
    if (!https.ok()) return https.status();
    checks.https.push_back(*std::move(https));
    checks.https_at.push_back(i);
  }
  return checks;
}

Record QuestionOf(const ServiceChecks& checks, const char* kind) {
  return Record(
      Json{{"kind", kind}, {"manager", checks.manager}, {"name", checks.name}, {"root", checks.root}});
}

absl::StatusOr<LocalChecks> AskHost(const StepContext& context, const ServiceChecks& checks) {
  Json question = QuestionOf(checks, "check").json();
  question["checks"] = checks.local;
  absl::StatusOr<Json> answer = absl::UnavailableError("no host can be asked from here");
  if (checks.host.empty()) {
    answer = AnswerCheck(Record(std::move(question)));
  } else if (context.hosts != nullptr) {
    answer = context.hosts->Ask(checks.host, Record(std::move(question)));
  }
  if (!answer.ok()) return answer.status();
  return ReadCheckAnswer(*answer, checks.local.size());
}

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
absl::StatusOr<Look> LookAtAll(const StepContext& context, const ServiceChecks& checks) {
  Look look;
  look.outcomes.resize(checks.json.size());
  absl::StatusOr<LocalChecks> local = LocalChecks();
  AtOnce(checks.https.size() + 1, [&](size_t i) {
    if (i == checks.https.size()) {
      local = AskHost(context, checks);
    } else {
      look.outcomes[checks.https_at[i]] = LookAtHttps(checks.https[i]);
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
  const absl::Time deadline = absl::Now() + checks.timeout;
  absl::Time trouble_since = absl::InfiniteFuture();
  int pause = kFirstPauseMilliseconds;
  for (;;) {
    absl::StatusOr<Look> look = LookAtAll(context, checks);
    if (!look.ok() || look->AllHold() || !look->ended.empty()) return look;
    const absl::Time now = absl::Now();
    trouble_since = look->LastingTrouble() ? std::min(trouble_since, now) : absl::InfiniteFuture();
    if (now >= deadline || now - trouble_since > kPatience) return look;
    poll(nullptr, 0, pause);
    pause = std::min(2 * pause, kLastPauseMilliseconds);
  }
}

std::string LogLines(const StepContext& context, const ServiceChecks& checks) {
  if (checks.host.empty()) return LastLogLines(checks.manager, checks.root, checks.name);
  absl::StatusOr<Json> answer = context.hosts->Ask(checks.host, QuestionOf(checks, "service-log"));
  if (answer.ok() && answer->contains("lines") && (*answer)["lines"].is_string())
    return (*answer)["lines"].get<std::string>();
  return absl::StrCat("    (they cannot be had: ",
                      answer.ok() ? "an answer without lines" : answer.status().message(), ")\n");
}

std::string FailureText(const StepContext& context, const ServiceChecks& checks, const Look& look) {
  std::string text;
  for (const CheckOutcome& outcome : look.outcomes) {
    if (outcome.holds) continue;
    absl::StrAppend(&text, "check failed: ", outcome.check, "\n  expected: ", outcome.expected,
                    "\n  seen:     ", outcome.seen, "\n  look at:  ", outcome.advice, "\n");
  }
  if (!look.ended.empty()) absl::StrAppend(&text, "  ", look.ended, "\n");
  const std::string where = checks.host.empty() ? "" : absl::StrCat(" on ", checks.host);
  absl::StrAppend(&text, "  the last log lines of ", checks.name, where, ":\n", LogLines(context, checks));
  return text;
}

}  // namespace

absl::StatusOr<StepResult> CheckStep(const StepContext& context, const Record& record) {
  InitOpenSsl();
  absl::StatusOr<ServiceChecks> checks = ServiceChecks::From(record);
  if (!checks.ok()) return checks.status();
  const absl::Time begun = absl::Now();
  absl::StatusOr<Look> look = AwaitAll(context, *checks);
  if (!look.ok()) return look.status();
  if (!look->AllHold()) return absl::FailedPreconditionError(FailureText(context, *checks, *look));
  StepResult result;
  result.output = WaitedLine(context.label, absl::Now() - begun, "all checks held");
  std::vector<std::string> proved;
  for (const CheckOutcome& outcome : look->outcomes) {
    absl::StrAppend(&result.output, outcome.said, "\n");
    proved.push_back(outcome.proved);
  }
  result.digest = Sha256Hex(Json{
      {"checks", checks->json},
      {"host", checks->host},
      {"name", checks->name},
      {"proved", proved}}.dump());
  return result;
}

// Asks nobody: only whether there is everything to ask with.
absl::StatusOr<Outlook> CheckLook(const LookContext& context, const Record& record) {
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
