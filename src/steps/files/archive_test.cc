#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/archive/download.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string RecordFor(const std::string& url, const std::string& sha256,
                      const std::string& path = "archives/X.tar.gz") {
  return absl::StrFormat(R"({"kind":"fetch","path":"%s","sha256":"%s"%s})", path, sha256,
                         url.empty() ? "" : absl::StrCat(",\"url\":\"", url, "\""));
}

// Without a network: what is decided before curl runs.
class FetchTest : public StepTest {};

TEST_F(FetchTest, AFileThatIsThereIsAdopted) {
  Write("archives/X.tar.gz", "content", 0600);
  std::string before = Everything();
  StepResult result =
      MustRun(ArchiveStep, RecordFor("https://127.0.0.1:1/nobody-answers", Sha256Hex("content")));
  EXPECT_EQ(result.reason, "");
  EXPECT_EQ(result.digest, Sha256Hex("content"));
  EXPECT_THAT(result.files, ElementsAre("archives/X.tar.gz"));
  EXPECT_EQ(Everything(), before);
}

TEST_F(FetchTest, AFileWithAnotherDigestIsNotTouched) {
  Write("archives/X.tar.gz", "somebody's");
  std::string before = Everything();
  std::string message = ErrorOf(ArchiveStep, RecordFor("https://127.0.0.1:1/x", Sha256Hex("content")));
  EXPECT_THAT(message, HasSubstr(Sha256Hex("somebody's")));
  EXPECT_THAT(message, HasSubstr(Sha256Hex("content")));
  EXPECT_THAT(message, HasSubstr("remove it to download again"));
  EXPECT_EQ(Everything(), before);
}

TEST_F(FetchTest, TheUsersOwnFile) {
  std::string record = absl::StrFormat(
      R"({"given":true,"kind":"fetch","path":"../own.tar.gz","sha256":"%s"})", Sha256Hex("content"));
  ASSERT_EQ(mkdir("dir", 0755), 0);
  ASSERT_EQ(chdir("dir"), 0);
  std::string message = ErrorOf(ArchiveStep, record);
  EXPECT_THAT(message, HasSubstr("../own.tar.gz is not there"));
  EXPECT_THAT(message, HasSubstr(Sha256Hex("content")));
  Write("../own.tar.gz", "other");
  EXPECT_THAT(ErrorOf(ArchiveStep, record), HasSubstr("archive.sha256"));
  Write("../own.tar.gz", "content");
  EXPECT_EQ(MustRun(ArchiveStep, record).reason, "");
}

TEST_F(FetchTest, WithoutAUrlTheFileMustBeThere) {
  EXPECT_THAT(ErrorOf(ArchiveStep, RecordFor("", Sha256Hex("x"))),
              HasSubstr("archives/X.tar.gz is not there"));
}

TEST_F(FetchTest, AFolderInItsPlace) {
  ASSERT_TRUE(MakeFolders("archives/X.tar.gz").ok());
  EXPECT_THAT(ErrorOf(ArchiveStep, RecordFor("https://127.0.0.1:1/x", Sha256Hex("x"))),
              HasSubstr("archives/X.tar.gz is no regular file"));
}

TEST_F(FetchTest, UrlsThatAreRefused) {
  struct Case {
    const char *url, *reason;
  } cases[] = {
      {"http://127.0.0.1/x", "https only"},
      {"ftp://127.0.0.1/x", "https only"},
      {"file:///etc/passwd", "https only"},
      {"-K/etc/curlrc", "https only"},
      {"https:///x", "no host"},
      {"https://u:p4ss@127.0.0.1/x", "user name"},
      {"https://127.0.0.1/a b", "space"},
      {"https://127.0.0.1/\\u0001", "control"},
      {"https://127.0.0.1/\\u00e9", "ASCII"},
  };
  for (const Case& c : cases) {
    std::string message = ErrorOf(ArchiveStep, RecordFor(c.url, Sha256Hex("x")));
    EXPECT_THAT(message, HasSubstr(c.reason)) << c.url;
    EXPECT_EQ(message.find("p4ss"), std::string::npos);
    EXPECT_FALSE(Exists("archives")) << c.url;
  }
  EXPECT_TRUE(CheckDownloadUrl("HTTPS://example.com/x@y?z=[1-9]").ok());
}

TEST_F(FetchTest, WithoutCurl) {
  std::string path = getenv("PATH");
  setenv("PATH", "/nonexistent", 1);
  std::string message = ErrorOf(ArchiveStep, RecordFor("https://127.0.0.1:1/x", Sha256Hex("content")));
  setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(message, HasSubstr("there is no curl here"));
  EXPECT_THAT(message, HasSubstr("put the file at archives/X.tar.gz by hand"));
  EXPECT_THAT(List("archives"), testing::IsEmpty());
}

TEST_F(FetchTest, TwoAtATimeDoNotShareAPartialFile) {
  Write("archives/.X.tar.gz.part", "");
  UniqueFd other(open("archives/.X.tar.gz.part", O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(other.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_THAT(ErrorOf(ArchiveStep, RecordFor("https://127.0.0.1:1/x", Sha256Hex("content"))),
              HasSubstr("another process"));
}

TEST_F(FetchTest, ALinkInThePlaceOfThePartialFileIsNotFollowed) {
  Write("victim", "victim");
  ASSERT_TRUE(MakeFolders("archives").ok());
  ASSERT_EQ(symlink("../victim", "archives/.X.tar.gz.part"), 0);
  EXPECT_THAT(ErrorOf(ArchiveStep, RecordFor("https://127.0.0.1:1/x", Sha256Hex("content"))),
              HasSubstr("archives/.X.tar.gz.part"));
  EXPECT_EQ(Read("victim"), "victim");
}

// With a real server, in a process of its own, and the real curl.
class DownloadTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    for (const char* program : {"python3", "openssl", "curl"}) {
      if (FindProgram(program).empty()) GTEST_SKIP() << "there is no " << program << " here";
    }
    ASSERT_FALSE(source_folder_.empty()) << "the test's data is not here";
    ASSERT_TRUE(MakeFolders("server").ok());
    absl::StatusOr<RunResult> made =
        kplan::Run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", "server/key.pem", "-out", "server/cert.pem", "-days", "2", "-subj",
                    "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3"});
    ASSERT_TRUE(made.ok() && made->ok()) << made.status() << (made.ok() ? made->err : "");
    content_ = "start ";
    for (int i = 0; content_.size() < 300000; ++i) absl::StrAppend(&content_, i, " ");
    Write("server/file", content_);
    StartServer();
    setenv("CURL_CA_BUNDLE", "server/cert.pem", 1);
    for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy", "no_proxy",
                             "NO_PROXY", "SSL_CERT_FILE"}) {
      unsetenv(name);
    }
  }

  void TearDown() override {
    if (server_ < 0) return;
    stop_ = UniqueFd();  // the end of its standard input
    EXPECT_EQ(waitpid(server_, nullptr, 0), server_);
  }

  void StartServer() {
    std::string script = source_folder_ + "/src/steps/files/testdata/https_server.py";
    std::string python =
        FindProgram("/usr/bin/python3").empty() ? FindProgram("python3") : "/usr/bin/python3";
    int in[2], out[2];
    ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
    server_ = fork();
    ASSERT_GE(server_, 0);
    if (server_ == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      execl(python.c_str(), python.c_str(), "-I", script.c_str(), "server/cert.pem", "server/key.pem",
            "server", "server/log", nullptr);
      _exit(127);
    }
    stop_ = UniqueFd(in[1]);
    UniqueFd closed(in[0]), closed_too(out[1]), port_fd(out[0]);
    char text[32] = {};
    ASSERT_GT(read(port_fd.get(), text, sizeof(text) - 1), 0) << "the server did not start";
    ASSERT_EQ(sscanf(text, "%d %d", &port_, &proxy_port_), 2) << text;
  }

  std::string Url(absl::string_view path) const { return absl::StrCat("https://127.0.0.1:", port_, path); }
  std::string RecordOf(absl::string_view path) const { return RecordFor(Url(path), Sha256Hex(content_)); }
  std::string Log(const std::string& of = "") const {
    return Exists("server/log" + of) ? Read("server/log" + of) : "";
  }
  // The record of /FIRST, with MORE fields of JSON.
  std::string RecordWith(absl::string_view first, absl::string_view more) const {
    std::string record = RecordOf(first);
    record.pop_back();
    return absl::StrCat(record, ",", more, "}");
  }
  std::string Proxy() const { return absl::StrCat("127.0.0.1:", proxy_port_); }

  // Set in main's stead, before the first test changes folder: where Bazel put the test's data.
  static std::string source_folder_;
  static void SetUpTestSuite() {
    char* folder = getcwd(nullptr, 0);
    const char* runfiles = getenv("TEST_SRCDIR");
    const char* workspace = getenv("TEST_WORKSPACE");
    if (runfiles != nullptr && workspace != nullptr) {
      source_folder_ = absl::StrCat(runfiles, "/", workspace);
    } else if (folder != nullptr) {
      source_folder_ = folder;
    }
    free(folder);
    if (access((source_folder_ + "/src/steps/files/testdata/https_server.py").c_str(), R_OK) != 0)
      source_folder_.clear();
  }

  std::string content_;
  int port_ = 0, proxy_port_ = 0;
  pid_t server_ = -1;
  UniqueFd stop_;
};

std::string DownloadTest::source_folder_;

TEST_F(DownloadTest, DownloadsOnce) {
  StepResult result = MustRun(ArchiveStep, RecordOf("/file"));
  EXPECT_EQ(result.reason, "missing");
  EXPECT_EQ(result.digest, Sha256Hex(content_));
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
  EXPECT_EQ(ModeOf("archives/X.tar.gz"), 0644u);
  EXPECT_THAT(List("archives"), ElementsAre("X.tar.gz"));
  std::string before = Everything("archives");
  EXPECT_EQ(MustRun(ArchiveStep, RecordOf("/file")).reason, "");
  EXPECT_EQ(Everything("archives"), before);
  EXPECT_EQ(Log(), "/file -\n");
}

TEST_F(DownloadTest, FollowsARedirectToHttps) {
  EXPECT_EQ(MustRun(ArchiveStep, RecordOf("/to/file")).reason, "missing");
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
}

TEST_F(DownloadTest, RefusesARedirectToAnythingElse) {
  for (const char* path : {"/to-http", "/to-file", "/loop"}) {
    std::string message = ErrorOf(ArchiveStep, RecordOf(path));
    EXPECT_THAT(message, HasSubstr(Url(path)));
    EXPECT_THAT(message, HasSubstr("curl: ("));
    EXPECT_THAT(List("archives"), testing::IsEmpty()) << path;
  }
}

TEST_F(DownloadTest, NotFoundSaysWhatToDo) {
  std::string message = ErrorOf(ArchiveStep, RecordOf("/gone"));
  EXPECT_THAT(message, HasSubstr(Url("/gone")));
  EXPECT_THAT(message, HasSubstr("curl: (22) The requested URL returned error: 404"));
  EXPECT_THAT(message, HasSubstr("put the file at archives/X.tar.gz by hand (sha256 " + Sha256Hex(content_)));
  EXPECT_THAT(List("archives"), testing::IsEmpty());
}

TEST_F(DownloadTest, AServerThatNobodyVouchesForIsRefused) {
  setenv("CURL_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt", 1);
  std::string message = ErrorOf(ArchiveStep, RecordOf("/file"));
  EXPECT_THAT(message, testing::ContainsRegex("curl: \\((60|77)\\)"));
  EXPECT_THAT(List("archives"), testing::IsEmpty());
  EXPECT_EQ(Log(), "");
}

TEST_F(DownloadTest, AWrongDigestIsThrownAway) {
  std::string message = ErrorOf(ArchiveStep, RecordFor(Url("/file"), Sha256Hex("another")));
  EXPECT_THAT(message, HasSubstr(Sha256Hex(content_)));
  EXPECT_THAT(message, HasSubstr(Sha256Hex("another")));
  EXPECT_THAT(message, HasSubstr(Url("/file")));
  EXPECT_THAT(List("archives"), testing::IsEmpty());
  EXPECT_EQ(Log(), "/file -\n") << "and not fetched twice";
}

TEST_F(DownloadTest, ContinuesWhatIsThere) {
  Write("archives/.X.tar.gz.part", content_.substr(0, 1000));
  EXPECT_EQ(MustRun(ArchiveStep, RecordOf("/file")).reason, "missing");
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
  EXPECT_THAT(List("archives"), ElementsAre("X.tar.gz"));
  EXPECT_EQ(Log(), "/file bytes=1000-\n");
}

TEST_F(DownloadTest, AWholePartialFileNeedsNoNetwork) {
  Write("archives/.X.tar.gz.part", content_);
  EXPECT_EQ(MustRun(ArchiveStep, RecordOf("/file")).reason, "missing");
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
  EXPECT_EQ(Log(), "");
}

TEST_F(DownloadTest, APartialFileOfSomethingElseIsFetchedAgainWhole) {
  for (const std::string& other :
       {std::string(1000, 'x'), std::string(content_.size(), 'x'), std::string(content_.size() + 5, 'x')}) {
    unlink("archives/X.tar.gz");
    Write("archives/.X.tar.gz.part", other);
    EXPECT_EQ(MustRun(ArchiveStep, RecordOf("/file")).reason, "missing");
    EXPECT_EQ(Read("archives/X.tar.gz"), content_);
    EXPECT_THAT(List("archives"), ElementsAre("X.tar.gz"));
  }
}

TEST_F(DownloadTest, AResumedFileWithTheWrongDigestIsFetchedWholeOnce) {
  Write("archives/.X.tar.gz.part", std::string(1000, 'x'));
  std::string message = ErrorOf(ArchiveStep, RecordFor(Url("/file"), Sha256Hex("another")));
  EXPECT_THAT(message, HasSubstr(Sha256Hex(content_)));
  EXPECT_THAT(List("archives"), testing::IsEmpty());
  EXPECT_EQ(Log(), "/file bytes=1000-\n/file -\n");
}

TEST_F(DownloadTest, AServerThatCannotContinue) {
  Write("archives/.X.tar.gz.part", content_.substr(0, 1000));
  EXPECT_EQ(MustRun(ArchiveStep, RecordOf("/no-range/file")).reason, "missing");
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
}

TEST_F(DownloadTest, AKillLeavesSomethingThatTheNextRunContinues) {
  ASSERT_TRUE(MakeFolders("archives").ok());
  UniqueFd watch(inotify_init1(IN_CLOEXEC));
  ASSERT_GE(inotify_add_watch(watch.get(), "archives", IN_MODIFY), 0);
  pid_t kplan = fork();
  ASSERT_GE(kplan, 0);
  if (kplan == 0) {
    (void)Run(ArchiveStep, RecordOf("/stall/file"));
    _exit(1);
  }
  // The server sends 150,000 bytes and then nothing; curl keeps the last few thousand in its buffer.
  auto arrived = [] {
    return Exists("archives/.X.tar.gz.part") ? Look("archives/.X.tar.gz.part").st_size : 0;
  };
  absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (arrived() < 100000 && absl::Now() < deadline) {
    struct pollfd event = {watch.get(), POLLIN, 0};
    char events[4096];
    if (poll(&event, 1, 1000) == 1 && read(watch.get(), events, sizeof(events)) < 0) break;
  }
  kill(kplan, SIGKILL);
  ASSERT_EQ(waitpid(kplan, nullptr, 0), kplan);
  const off_t size = arrived();
  ASSERT_GE(size, 100000);
  EXPECT_FALSE(Exists("archives/X.tar.gz"));
  EXPECT_EQ(MustRun(ArchiveStep, RecordOf("/stall/file")).reason, "missing");
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
  EXPECT_THAT(List("archives"), ElementsAre("X.tar.gz"));
  EXPECT_EQ(Log(), absl::StrCat("/stall/file -\n/stall/file bytes=", size, "-\n"));
}

TEST_F(DownloadTest, TheCallersSettingsOfCurlDoNotCount) {
  // A .curlrc that would turn the check of the certificate off, and a proxy for other protocols.
  Write("home/.curlrc", "insecure\nproxy = http://127.0.0.1:1\n");
  setenv("HOME", "home", 1);
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  EXPECT_EQ(MustRun(ArchiveStep, RecordOf("/file")).reason, "missing");
  unsetenv("http_proxy");
}

TEST_F(DownloadTest, TheCallersProxyCounts) {
  setenv("https_proxy", "http://127.0.0.1:1", 1);
  std::string message = ErrorOf(ArchiveStep, RecordOf("/gone-through-a-proxy"));
  setenv("NO_PROXY", "127.0.0.1", 1);
  EXPECT_EQ(MustRun(ArchiveStep, RecordOf("/file")).reason, "missing");
  unsetenv("https_proxy");
  unsetenv("NO_PROXY");
  EXPECT_THAT(message, HasSubstr("curl: (7)"));
}

// ---- What a private mirror wants.

TEST_F(DownloadTest, ALoginFromANetrcFile) {
  const std::string record = RecordWith("/basic/file", R"("netrc":"netrc")");
  std::string message = ErrorOf(ArchiveStep, RecordOf("/basic/file"));
  EXPECT_THAT(
      message,
      HasSubstr("401; it wants a login, which archive.netrc, archive.token-file or archive.token-env"));
  Write("netrc", "machine mirror.example.com login ops password s3cret\n", 0600);
  message = ErrorOf(ArchiveStep, record);
  EXPECT_THAT(message, HasSubstr("was shown none from netrc, which has no entry for 127.0.0.1"));
  Write("netrc", "machine 127.0.0.1 login ops password wr0ng\n", 0600);
  message = ErrorOf(ArchiveStep, record);
  EXPECT_THAT(message, HasSubstr("it does not accept the login for 127.0.0.1 in netrc"));
  EXPECT_EQ(message.find("wr0ng"), std::string::npos);
  EXPECT_THAT(List("archives"), testing::IsEmpty());
  Write("netrc", "machine 127.0.0.1 login ops password s3cret\n", 0600);
  EXPECT_EQ(MustRun(ArchiveStep, record).reason, "missing");
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
}

TEST_F(DownloadTest, AToken) {
  Write("token", "t0ken\n", 0600);
  EXPECT_EQ(MustRun(ArchiveStep, RecordWith("/bearer/file", R"("token":["file","token"])")).reason,
            "missing");
  unlink("archives/X.tar.gz");
  setenv("KPLAN_TEST_TOKEN", "t0ken", 1);
  EXPECT_EQ(MustRun(ArchiveStep, RecordWith("/bearer/file", R"("token":["env","KPLAN_TEST_TOKEN"])")).reason,
            "missing");
  setenv("KPLAN_TEST_TOKEN", "wr0ng", 1);
  unlink("archives/X.tar.gz");
  std::string message =
      ErrorOf(ArchiveStep, RecordWith("/bearer/file", R"("token":["env","KPLAN_TEST_TOKEN"])"));
  EXPECT_THAT(message, HasSubstr("it does not accept the token in $KPLAN_TEST_TOKEN"));
  EXPECT_EQ(message.find("wr0ng"), std::string::npos);
  unsetenv("KPLAN_TEST_TOKEN");
  message = ErrorOf(ArchiveStep, RecordWith("/bearer/file", R"("token":["env","KPLAN_TEST_TOKEN"])"));
  EXPECT_THAT(message,
              HasSubstr("the environment variable KPLAN_TEST_TOKEN, which holds a token, is not set"));
}

TEST_F(DownloadTest, ASecretThatIsOpenToOthersIsRefusedBeforeAnybodyIsAsked) {
  Write("secret", "machine 127.0.0.1 login ops password s3cret\n", 0644);
  for (const char* more : {R"("netrc":"secret")", R"("token":["file","secret"])"}) {
    const std::string message = ErrorOf(ArchiveStep, RecordWith("/file", more));
    EXPECT_THAT(message, HasSubstr("file secret has mode 0644, so that everybody on this machine may use it"))
        << more;
    EXPECT_EQ(message.find("s3cret"), std::string::npos);
  }
  EXPECT_EQ(Log(), "");
  EXPECT_FALSE(Exists("archives"));
}

TEST_F(DownloadTest, ARedirectToAnotherHostTakesNoCredentialAlong) {
  Write("token", "t0ken\n", 0600);
  // That other one has a login of its own there, which is not for a redirect either.
  Write("netrc", "machine 127.0.0.1 login ops password s3cret\nmachine 127.0.0.2 login ops password s3cret\n",
        0600);
  const std::pair<const char*, const char*> cases[] = {{R"("netrc":"netrc")", "Basic b3BzOnMzY3JldA=="},
                                                       {R"("token":["file","token"])", "Bearer t0ken"}};
  for (const auto& [more, header] : cases) {
    unlink("archives/X.tar.gz");
    unlink("server/log.auth");
    EXPECT_EQ(MustRun(ArchiveStep, RecordWith("/away/127.0.0.2/file", more)).reason, "missing");
    EXPECT_EQ(Log(".auth"), absl::StrCat("127.0.0.1 /away/127.0.0.2/file ", header, "\n127.0.0.2 /file -\n"));
    // On the same host it goes along.
    unlink("archives/X.tar.gz");
    unlink("server/log.auth");
    EXPECT_EQ(MustRun(ArchiveStep, RecordWith("/to/file", more)).reason, "missing");
    EXPECT_EQ(Log(".auth"), absl::StrCat("127.0.0.1 /to/file ", header, "\n127.0.0.1 /file ", header, "\n"));
  }
}

TEST_F(DownloadTest, ACaOfItsOwnIsTheOnlyOne) {
  absl::StatusOr<RunResult> made =
      kplan::Run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-keyout", "other-key.pem", "-out", "other.pem", "-days", "2", "-subj", "/CN=other"});
  ASSERT_TRUE(made.ok() && made->ok()) << made.status();
  // Whom the machine trusts does not count then.
  EXPECT_THAT(
      ErrorOf(ArchiveStep, RecordWith("/file", R"("ca":"other.pem")")),
      testing::AllOf(HasSubstr("curl: (60)"), HasSubstr("; no certificate in other.pem vouches for it")));
  EXPECT_THAT(ErrorOf(ArchiveStep, RecordWith("/file", R"("ca":"missing.pem")")), HasSubstr("curl: (77)"));
  EXPECT_EQ(Log(), "");
  setenv("CURL_CA_BUNDLE", "other.pem", 1);
  EXPECT_THAT(ErrorOf(ArchiveStep, RecordOf("/file")),
              HasSubstr("; a CA of your own is named by archive.ca"));
  EXPECT_EQ(MustRun(ArchiveStep, RecordWith("/file", R"("ca":"server/cert.pem")")).reason, "missing");
  EXPECT_EQ(Log(), "/file -\n");
}

TEST_F(DownloadTest, EveryVariableOfAProxyCountsAlsoWithoutAScheme) {
  Write("netrc", "machine 127.0.0.1 login ops password s3cret\n", 0600);
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    for (const std::string& value : {Proxy(), "http://" + Proxy()}) {
      unlink("archives/X.tar.gz");
      unlink("server/log.proxy");
      setenv(name, value.c_str(), 1);
      EXPECT_EQ(MustRun(ArchiveStep, RecordWith("/basic/file", R"("netrc":"netrc")")).reason, "missing")
          << name;
      // What the server is told is not told the proxy.
      EXPECT_EQ(Log(".proxy"), "127.0.0.1 -, Host Proxy-Connection User-Agent\n") << name;
      for (const char* exception : {"no_proxy", "NO_PROXY"}) {
        unlink("archives/X.tar.gz");
        setenv(exception, "127.0.0.1", 1);
        EXPECT_EQ(MustRun(ArchiveStep, RecordWith("/basic/file", R"("netrc":"netrc")")).reason, "missing");
        EXPECT_EQ(Log(".proxy"), "127.0.0.1 -, Host Proxy-Connection User-Agent\n") << exception;
        unsetenv(exception);
      }
      unsetenv(name);
    }
  }
}

TEST_F(DownloadTest, AProxyThatWantsALogin) {
  const std::string record =
      RecordFor(absl::StrCat("https://127.0.0.3:", port_, "/file"), Sha256Hex(content_));
  setenv("https_proxy", Proxy().c_str(), 1);
  EXPECT_THAT(ErrorOf(ArchiveStep, record),
              HasSubstr("; the proxy wants a login: https_proxy=http://NAME:PASSWORD@"));
  setenv("https_proxy", absl::StrCat("http://ops:wr0ng@", Proxy()).c_str(), 1);
  EXPECT_EQ(ErrorOf(ArchiveStep, record).find("wr0ng"), std::string::npos);
  setenv("https_proxy", absl::StrCat("ops:pr0xy@", Proxy()).c_str(), 1);
  EXPECT_EQ(MustRun(ArchiveStep, record).reason, "missing");
  // What curl would print as a whole.
  unlink("archives/X.tar.gz");
  setenv("https_proxy", absl::StrCat("http://ops:pr0/xy@", Proxy()).c_str(), 1);
  const std::string message = ErrorOf(ArchiveStep, record);
  EXPECT_THAT(message, HasSubstr("the environment variable https_proxy has no proxy"));
  EXPECT_EQ(message.find("pr0"), std::string::npos) << message;
  unsetenv("https_proxy");
}

TEST_F(DownloadTest, AProxyForHttpAloneIsNoneAndThatIsSaid) {
  setenv("http_proxy", Proxy().c_str(), 1);
  EXPECT_THAT(ErrorOf(ArchiveStep, RecordFor("https://127.0.0.1:1/x", Sha256Hex("x"))),
              HasSubstr("; http_proxy is not for https: set https_proxy as well"));
  unsetenv("http_proxy");
}

// ---- Mirrors.

TEST_F(DownloadTest, MirrorsAreAskedInOrderUntilOneHasIt) {
  Write("server/other", "another file");
  DownloadSource source;
  source.urls = {Url("/gone"),       Url("/status/503"), Url("/to-http"),     "https://127.0.0.1:1/x",
                 Url("/other"),      Url("/status/403"), Url("/silent/file"), Url("/file"),
                 Url("/never-asked")};
  ASSERT_TRUE(Download(source, "archives/X.tar.gz", Sha256Hex(content_), absl::Seconds(1)).ok());
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
  EXPECT_THAT(List("archives"), ElementsAre("X.tar.gz"));
  // Each once, and what the wrong one gave is not continued.
  EXPECT_EQ(Log(), "/gone -\n/status/503 -\n/to-http -\n/other -\n/status/403 -\n/silent/file -\n/file -\n");
}

TEST_F(DownloadTest, AMirrorGoesOnWhereAnotherWasCutOff) {
  const std::string record = RecordWith("/cut/file", absl::StrCat(R"("mirrors":[")", Url("/file"), "\"]"));
  EXPECT_EQ(MustRun(ArchiveStep, record).reason, "missing");
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
  EXPECT_EQ(Log(), absl::StrCat("/cut/file -\n/file bytes=", content_.size() / 2, "-\n"));
}

TEST_F(DownloadTest, WhatAnotherMirrorBeganWrongIsFetchedWhole) {
  std::string other = content_;
  other[7] = '!';
  Write("server/other", other);
  const std::string record = RecordWith("/cut/other", absl::StrCat(R"("mirrors":[")", Url("/file"), "\"]"));
  EXPECT_EQ(MustRun(ArchiveStep, record).reason, "missing");
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
  EXPECT_EQ(Log(), absl::StrCat("/cut/other -\n/file bytes=", content_.size() / 2, "-\n/file -\n"));
}

TEST_F(DownloadTest, WhenNoMirrorHasItEachIsSaidToHaveDoneWhatItDid) {
  Write("server/other", "another file");
  DownloadSource source;
  source.urls = {Url("/gone"), Url("/other"), Url("/status/503")};
  absl::Status status = Download(source, "archives/X.tar.gz", Sha256Hex(content_));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(status.message(),
            absl::StrCat(
                "cannot download archives/X.tar.gz: no server gave it\n  ", Url("/gone"),
                ": curl: (22) The requested URL returned error: 404\n  ", Url("/other"),
                ": what it gave has sha256 ", Sha256Hex("another file"), "\n  ", Url("/status/503"),
                ": curl: (22) The requested URL returned error: 503\n  run ninja again, or put the file at "
                "archives/X.tar.gz by hand (sha256 ",
                Sha256Hex(content_), ")"));
  EXPECT_THAT(List("archives"), testing::IsEmpty());
  source.urls = {Url("/other"), Url("/to/other")};
  status = Download(source, "archives/X.tar.gz", Sha256Hex(content_));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("Is the digest that of another version"));
}

TEST_F(DownloadTest, ATokenIsForTheFirstServerAlone) {
  Write("token", "t0ken\n", 0600);
  DownloadSource source;
  source.urls = {Url("/gone"), absl::StrCat("https://127.0.0.2:", port_, "/file")};
  source.token = {PassphraseSource::Kind::kFile, "token"};
  ASSERT_TRUE(Download(source, "archives/X.tar.gz", Sha256Hex(content_)).ok());
  EXPECT_EQ(Log(".auth"), "127.0.0.1 /gone Bearer t0ken\n127.0.0.2 /file -\n");
}

// The words of every process below PID, as everybody on the machine sees them.
std::string CommandsBelow(pid_t pid) {
  std::string all;
  DIR* proc = opendir("/proc");
  while (const struct dirent* entry = readdir(proc)) {
    int number = 0;
    if (!absl::SimpleAtoi(entry->d_name, &number)) continue;
    const absl::StatusOr<std::string> stat = ReadFile(absl::StrCat("/proc/", number, "/stat"));
    int parent = 0;
    if (!stat.ok() || sscanf(stat->c_str() + stat->rfind(')'), ") %*c %d", &parent) != 1 || parent != pid)
      continue;
    for (const char* file : {"cmdline", "environ"}) {
      const absl::StatusOr<std::string> text = ReadFile(absl::StrCat("/proc/", number, "/", file));
      if (text.ok()) absl::StrAppend(&all, file, ": ", *text, "\n");
    }
  }
  closedir(proc);
  return all;
}

TEST_F(DownloadTest, NoSecretIsInAnArgumentOrAnEnvironmentWhileItGoesOn) {
  ASSERT_TRUE(MakeFolders("archives").ok());
  Write("netrc", "machine 127.0.0.1 login ops password s3cret\n", 0600);
  setenv("KPLAN_TEST_TOKEN", "t0ken", 1);
  const std::pair<const char*, const char*> cases[] = {
      {"/basic/stall/file", R"("netrc":"netrc")"},
      {"/bearer/stall/file", R"("token":["env","KPLAN_TEST_TOKEN"])"}};
  for (const auto& [path, more] : cases) {
    unlink("archives/.X.tar.gz.part");
    UniqueFd watch(inotify_init1(IN_CLOEXEC));
    ASSERT_GE(inotify_add_watch(watch.get(), "archives", IN_MODIFY), 0);
    const pid_t kplan = fork();
    ASSERT_GE(kplan, 0);
    if (kplan == 0) {
      (void)Run(ArchiveStep, RecordWith(path, more));
      _exit(1);
    }
    // That something comes shows that the secret was told.
    struct pollfd event = {watch.get(), POLLIN, 0};
    ASSERT_EQ(poll(&event, 1, 30000), 1);
    const std::string commands = CommandsBelow(kplan);
    kill(kplan, SIGKILL);
    ASSERT_EQ(waitpid(kplan, nullptr, 0), kplan);
    EXPECT_THAT(commands, HasSubstr("cmdline: curl"));
    EXPECT_THAT(commands, HasSubstr("environ: "));
    for (const char* secret : {"s3cret", "b3BzOnMzY3JldA", "t0ken", "Authorization"})
      EXPECT_EQ(commands.find(secret), std::string::npos) << secret << "\n" << commands;
  }
  unsetenv("KPLAN_TEST_TOKEN");
}

TEST_F(DownloadTest, TheUrlIsNoPattern) {
  EXPECT_THAT(ErrorOf(ArchiveStep, RecordOf("/{a,b}[1-3]")), HasSubstr("404"));
  EXPECT_EQ(Log(), "/{a,b}[1-3] -\n");
}

// Runs the step with a terminal as its standard error; *SHOWN is what appeared there. The step's message, or
// "".
std::string RunOnATerminal(const std::string& json, std::string* shown) {
  UniqueFd terminal(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  EXPECT_TRUE(terminal.ok() && grantpt(terminal.get()) == 0 && unlockpt(terminal.get()) == 0);
  UniqueFd other_end(open(ptsname(terminal.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  int report[2];
  EXPECT_EQ(pipe2(report, O_CLOEXEC), 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(other_end.get(), 2);
    absl::StatusOr<ArchiveRecord> record = FromText<ArchiveRecord>(json);
    absl::Status status = ArchiveStep(StepContext(), *record).status();
    std::string message(status.message());
    _exit(write(report[1], message.data(), message.size()) < 0 ? 1 : 0);
  }
  close(report[1]);
  other_end = UniqueFd();
  char block[4096];
  ssize_t n;
  while ((n = read(terminal.get(), block, sizeof(block))) > 0)
    shown->append(block, n);  // EIO: nobody has it open
  std::string message;
  while ((n = read(report[0], block, sizeof(block))) > 0) message.append(block, n);
  close(report[0]);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  return message;
}

TEST_F(DownloadTest, OnATerminalThereIsAProgressBar) {
  std::string shown;
  EXPECT_EQ(RunOnATerminal(RecordOf("/file"), &shown), "");
  EXPECT_THAT(shown, HasSubstr("####"));
  EXPECT_THAT(shown, HasSubstr("100.0%"));
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
}

TEST_F(DownloadTest, OnATerminalTheErrorStillSaysWhatWentWrong) {
  std::string shown;
  std::string message = RunOnATerminal(RecordOf("/gone"), &shown);
  EXPECT_THAT(shown, HasSubstr("404"));
  EXPECT_THAT(message, HasSubstr("curl: (22) the server refused"));
  EXPECT_THAT(message, HasSubstr(Url("/gone")));
}

TEST_F(DownloadTest, NoRoomOnTheDisk) {
  // A file size limit stands for a full disk.
  struct rlimit old_limit, limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  limit = old_limit;
  limit.rlim_cur = 100000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  signal(SIGXFSZ, SIG_IGN);
  std::string message = ErrorOf(ArchiveStep, RecordOf("/file"));
  signal(SIGXFSZ, SIG_DFL);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  EXPECT_THAT(message, HasSubstr("curl: (23)"));
  EXPECT_THAT(message, HasSubstr(Url("/file")));
  EXPECT_FALSE(Exists("archives/X.tar.gz"));
  EXPECT_EQ(MustRun(ArchiveStep, RecordOf("/file")).reason, "missing") << "with room again, it goes on";
  EXPECT_EQ(Read("archives/X.tar.gz"), content_);
}

}  // namespace
}  // namespace kplan
