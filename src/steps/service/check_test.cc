#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <functional>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/base/clock_testing.h"
#include "src/base/files.h"
#include "src/host/process_info.h"
#include "src/probe/tls_server_testing.h"
#include "src/step/host_access.h"
#include "src/step/outlook.h"
#include "src/steps/pki/pki_testing.h"
#include "src/steps/service/check_local.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The step "check" with service-manager `process`: systemd's part is tested on booted hosts.
class CheckTest : public PkiTest, public HostAccess {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    now_ = absl::Now();
    ASSERT_TRUE(MakeFolders("rootfs/bin").ok());
    record_ = {{"checks", Json::array()}, {"kind", "check"},  {"manager", "process"},
               {"name", "metrics"},       {"root", "rootfs"}, {"timeout", 0}};
  }

  void TearDown() override {
    if (!service_.is_null()) StopService("process", "rootfs", "metrics").IgnoreError();
  }

  // The service does SCRIPT, and waits where that reads from `hold`.
  void StartService(const std::string& script) {
    // It waits in the shell itself, so that this is the one process of the service.
    ASSERT_EQ(mkfifo("hold", 0600), 0);
    Write("rootfs/bin/metrics", absl::StrCat("cd ", working_folder_, "\n", script, "\n"));
    service_ = {{"answers", Json::array()},
                {"argv", StringPairs{{"/bin/sh", ""}, {"", "/bin/metrics"}}},
                {"environment", Json::array()},
                {"kind", "service"},
                {"manager", "process"},
                {"name", "metrics"},
                {"restart-on", Json::array()},
                {"root", "rootfs"},
                {"timeout", 5},
                {"unit", "/etc/systemd/system/metrics.service"}};
    MustRun(ServiceStep, service_.dump());
  }

  // Lets the service go on that waits, and returns when it has ended.
  void EndService() {
    std::optional<Instance> instance = FindInstance(atoi(Read("rootfs/run/metrics.pid").c_str()));
    ASSERT_TRUE(instance.has_value());
    absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(*instance);
    ASSERT_TRUE(process.ok()) << process.status();
    UniqueFd(open("hold", O_WRONLY | O_CLOEXEC));  // it reads the end of the file
    EXPECT_TRUE(process->AwaitEnd(absl::Seconds(30)));
  }

  absl::StatusOr<StepResult> RunCheck() {
    StepContext context;
    context.label = "verify/etcd-1/metrics";
    context.now = now_;
    context.hosts = this;
    context.clock = &clock_;
    return RunAs<CheckRecord, CheckStep>(context, record_);
  }

  StepResult MustHold() {
    absl::StatusOr<StepResult> result = RunCheck();
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? *std::move(result) : StepResult();
  }

  std::string Failure() {
    absl::StatusOr<StepResult> result = RunCheck();
    EXPECT_FALSE(result.ok()) << result->output;
    return std::string(result.status().message());
  }

  static Json Exec(const std::vector<std::string>& words) {
    Json argv = Json::array();
    for (const std::string& word : words) argv.push_back({word, ""});
    return {{"exec", argv}};
  }

  static absl::StatusOr<Json> Answer(const Json& json) {
    absl::StatusOr<CheckQuestion> question = FromJson<CheckQuestion>(json);
    if (!question.ok()) return question.status();
    absl::StatusOr<CheckAnswer> answer = AnswerCheck(*question);
    if (!answer.ok()) return answer.status();
    return ToJson(*answer);
  }

  // The host at the other end.
  absl::StatusOr<StepResult> RunStep(const std::string&, const std::string&, const Json&) override {
    return absl::InternalError("a check does no step");
  }
  absl::StatusOr<Json> Ask(const std::string& host, const Json& question) override {
    asked_.push_back(absl::StrCat(host, " ", WordOf(question)));
    if (answer_) return answer_(question);
    if (WordOf(question) == "service-log") return Json{{"lines", "    as the host has it\n"}};
    return Answer(question);
  }

  FakeClock clock_;
  Json record_, service_;
  std::vector<std::string> asked_;
  std::function<absl::StatusOr<Json>(const Json&)> answer_;
};

TEST_F(CheckTest, TheManagerAPortAndAProgram) {
  TestTlsServer server({});
  StartService("echo hello; read x < hold");
  const std::string address = absl::StrCat("127.0.0.1:", server.port());
  record_["checks"] = {{{"systemd", "active"}}, {{"tcp", address}}, Exec({"/bin/echo", "fine"})};
  StepResult result = MustHold();
  EXPECT_EQ(result.output,
            absl::StrCat("metrics runs\n", address, " accepts connections\n/bin/echo fine exits with 0\n"));
  EXPECT_EQ(result.reason, "");
  EXPECT_TRUE(result.files.empty());
  EXPECT_EQ(result.digest.size(), 64u);
  EXPECT_EQ(MustHold().digest, result.digest) << "the same was proved";
  record_["checks"].erase(2);
  EXPECT_NE(MustHold().digest, result.digest);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(CheckTest, AllThatFailIsToldAtOnceWithTheLastLogLines) {
  StartService("i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo line $i; done; read x < hold");
  int port;
  { port = TestTlsServer({}).port(); }
  record_["checks"] = {{{"systemd", "active"}},
                       {{"tcp", absl::StrCat("127.0.0.1:", port)}},
                       Exec({"/bin/sh", "-c", "echo one; echo 'two\033[31m' >&2; exit 7"})};
  const std::string text = Failure();
  EXPECT_THAT(text, Not(HasSubstr("check failed: systemd")));
  EXPECT_THAT(text, HasSubstr(absl::StrCat("check failed: tcp 127.0.0.1:", port, "\n  expected: 127.0.0.1:",
                                           port, " accepts connections\n  seen:     ")));
  EXPECT_THAT(text, HasSubstr("check failed: exec /bin/sh -c echo one"));
  EXPECT_THAT(text, HasSubstr("  seen:     it exits with 7:\n    one\n    two\\x1b[31m\n  look at:  "));
  EXPECT_THAT(text, HasSubstr("the last log lines of metrics:\n    line 11\n"));
  EXPECT_THAT(text, HasSubstr("    line 20\n"));
}

TEST_F(CheckTest, WaitsUntilItHolds) {
  StartService("read x < hold");
  record_["checks"] = {Exec({"/usr/bin/test", "-e", working_folder_ + "/ready"})};
  record_["timeout"] = 30;
  clock_.After(absl::Seconds(3), [] { Write("ready", ""); });
  EXPECT_THAT(MustHold().output, StartsWith("verify/etcd-1/metrics: waited 3.1 s until all checks held\n"));
}

TEST_F(CheckTest, GivesUpAfterTheTimeout) {
  StartService("read x < hold");
  record_["checks"] = {Exec({"/bin/false"})};
  record_["timeout"] = 1;
  EXPECT_THAT(Failure(), HasSubstr("it exits with 1; it said nothing"));
  EXPECT_GE(clock_.waited(), absl::Seconds(1));
  EXPECT_LT(clock_.waited(), absl::Milliseconds(1500));
}

TEST_F(CheckTest, EndsAtOnceWhenTheServiceHasEnded) {
  StartService("echo about to end; read x < hold; echo the end; exit 1");
  record_["checks"] = {{{"systemd", "active"}}, Exec({"/bin/false"})};
  record_["timeout"] = 60;
  clock_.After(absl::Seconds(1), [&] { EndService(); });
  const std::string text = Failure();
  EXPECT_GE(clock_.waited(), absl::Seconds(1));
  EXPECT_LT(clock_.waited(), absl::Milliseconds(1500));
  EXPECT_THAT(text, HasSubstr("metrics has ended, and nothing starts it again"));
  EXPECT_THAT(text, HasSubstr("    the end\n"));
}

TEST_F(CheckTest, EndsSoonWhenWaitingIsInVain) {
  MakeAll();
  StartService("read x < hold");
  TestTlsServer::Behaviour behaviour;
  behaviour.cert = "pki/x.pem";
  behaviour.key = "pki/x-key.pem";
  behaviour.status = 404;
  TestTlsServer server(behaviour);
  record_["checks"] = {{{"cacert", "pki/ca.pem"}, {"https", server.Url("/metrics")}, {"status", 200}},
                       {{"systemd", "active"}}};
  record_["timeout"] = 60;
  EXPECT_THAT(Failure(), HasSubstr("it answers 404"));
  EXPECT_GT(clock_.waited(), absl::Seconds(5));
  EXPECT_LT(clock_.waited(), absl::Seconds(6));
  // What passes within the moment is no trouble.
  clock_.After(clock_.waited() + absl::Seconds(1), [&] {
    behaviour.status = 200;
    server.Become(behaviour);
  });
  EXPECT_THAT(MustHold().output, HasSubstr(server.Url("/metrics") + " answers 200\nmetrics runs\n"));
}

TEST_F(CheckTest, AProgramGetsItsWordsAndNothingElse) {
  setenv("SECRET", "x", 1);
  record_["checks"] = {Exec({"/bin/sh", "-c",
                             R"sh(test "$1" = 'a b; $(id) "%h"' && test -z "$SECRET" && test "$LC_ALL" = C &&
                             test "$(readlink -f .)" = "$2" && ! read -r line)sh",
                             "sh", R"(a b; $(id) "%h")", working_folder_ + "/rootfs"})};
  MustHold();
  unsetenv("SECRET");
  // A path is the real one below the root.
  Write("rootfs/bin/check", "#!/bin/sh\necho \"$1\"; exit 3\n", 0755);
  record_["checks"] = {{{"exec", StringPairs{{"", "/bin/check"}, {"--file=", "/etc/x"}}}}};
  EXPECT_THAT(Failure(), AllOf(HasSubstr("expected: " + working_folder_ + "/rootfs/bin/check --file="),
                               HasSubstr("    --file=" + working_folder_ + "/rootfs/etc/x\n")));
  record_["checks"] = {Exec({"/no/such/program"})};
  EXPECT_THAT(Failure(), HasSubstr("there is no program /no/such/program here"));
}

TEST_F(CheckTest, AHostAtTheOtherEndIsAsked) {
  MakeAll();
  TestTlsServer::Behaviour behaviour;
  behaviour.cert = "pki/x.pem";
  behaviour.key = "pki/x-key.pem";
  TestTlsServer server(behaviour);
  record_["host"] = "etcd-1";
  record_["checks"] = {Exec({"/bin/true"}),
                       {{"cacert", "pki/ca.pem"}, {"https", server.Url()}, {"status", 200}},
                       {{"tcp", "127.0.0.1:1"}}};
  const std::string text = Failure();
  EXPECT_THAT(text, HasSubstr("check failed: tcp 127.0.0.1:1\n"));
  EXPECT_THAT(text, Not(HasSubstr("check failed: exec")));
  EXPECT_THAT(text, Not(HasSubstr("check failed: https")));
  EXPECT_THAT(text, HasSubstr("the last log lines of metrics on etcd-1:\n    as the host has it\n"));
  EXPECT_EQ(asked_.front(), "etcd-1 check");
  EXPECT_EQ(asked_.back(), "etcd-1 service-log");
  record_["checks"].erase(2);
  EXPECT_EQ(MustHold().output, absl::StrCat("/bin/true exits with 0\n", server.Url(), " answers 200\n"));

  // It is asked what is made there, and nothing else.
  answer_ = [&](const Json& question) -> absl::StatusOr<Json> {
    EXPECT_EQ(
        question.dump(),
        R"({"checks":[{"exec":[["/bin/true",""]]}],"kind":"check","manager":"process","name":"metrics",)"
        R"("root":"rootfs"})");
    return absl::UnavailableError("etcd-1 cannot be reached");
  };
  EXPECT_EQ(Failure(), "etcd-1 cannot be reached");
  answer_ = [](const Json&) -> absl::StatusOr<Json> {
    return Json{{"ended", ""}, {"outcomes", Json::array()}};
  };
  EXPECT_THAT(Failure(), HasSubstr("the host's answer is none to its checks"));
}

TEST_F(CheckTest, QuestionsThatCannotBeUnderstood) {
  for (const char* question :
       {R"({"kind":"check"})", R"({"checks":1,"kind":"check","manager":"process","name":"x","root":"/"})",
        R"({"checks":[{}],"kind":"check","manager":"process","name":"x","root":"/"})",
        R"({"checks":[1],"kind":"check","manager":"process","name":"x","root":"/"})",
        R"({"checks":[{"exec":[]}],"kind":"check","manager":"process","name":"x","root":"/"})",
        R"({"checks":[{"tcp":1}],"kind":"check","manager":"process","name":"x","root":"/"})"}) {
    EXPECT_FALSE(Answer(Json::parse(question)).ok()) << question;
  }
  record_["checks"] = Json::array();
  EXPECT_THAT(Failure(), HasSubstr("no checks"));
}

TEST_F(CheckTest, TheLookAsksNobodyAndIsNeverRightAlready) {
  record_["checks"] = {{{"cacert", "pki/ca.pem"}, {"https", "https://127.0.0.1:1/"}, {"status", 200}}};
  Foreseen foreseen;
  const LookContext context = {"verify/etcd-1/metrics", now_, foreseen};
  EXPECT_THAT(std::string(LookAs<CheckRecord, CheckLook>(context, record_).status().message()),
              HasSubstr("pki/ca.pem"));
  foreseen.Add("pki/ca.pem", {});
  absl::StatusOr<Outlook> outlook = LookAs<CheckRecord, CheckLook>(context, record_);
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_TRUE(outlook->changes_digest);
  EXPECT_TRUE(outlook->reasons.empty());
  EXPECT_EQ(outlook->digest, "");
}

}  // namespace
}  // namespace kplan
