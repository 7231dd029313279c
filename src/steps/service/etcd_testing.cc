#include "src/steps/service/etcd_testing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

// The folder with etcd and etcdctl; empty when there is none.
std::string FindEtcd() {
  if (const char* folder = getenv("KPLAN_TEST_ETCD_DIR")) {
    return access(absl::StrCat(folder, "/etcdctl").c_str(), X_OK) == 0 ? folder : "";
  }
  const char* runfiles = getenv("TEST_SRCDIR");
  const char* workspace = getenv("TEST_WORKSPACE");
  if (runfiles == nullptr || workspace == nullptr) return "";
  const char* named = getenv("KPLAN_TEST_ETCD_ARCHIVE");
  std::string archive =
      absl::StrCat(runfiles, "/", workspace, "/", named != nullptr ? named : "tests/etcd.tar.gz");
  std::string folder = absl::StrCat(testing::TempDir(), "/etcd");
  if (access(archive.c_str(), R_OK) != 0 || !MakeFolders(folder).ok()) return "";
  absl::StatusOr<RunResult> result =
      Run({"tar", "--extract", "--file", archive, "--directory", folder, "--strip-components=1"});
  const bool there =
      result.ok() && result->ok() && access(absl::StrCat(folder, "/etcdctl").c_str(), X_OK) == 0;
  return there ? folder : "";
}

void PutProgram(const std::string& name) {
  std::string from = absl::StrCat(EtcdFolder(), "/", name), to = absl::StrCat("rootfs/usr/local/bin/", name);
  ASSERT_TRUE(MakeFolders(FolderOf(to)).ok());
  if (link(from.c_str(), to.c_str()) == 0) return;  // else: another file system
  absl::StatusOr<RunResult> result = Run({"cp", from, to});
  ASSERT_TRUE(result.ok() && result->ok());
}

}  // namespace

const std::string& EtcdFolder() {
  static const std::string* folder = new std::string(FindEtcd());
  return *folder;
}

void EtcdTest::Shell(const std::vector<std::string>& argv) {
  absl::StatusOr<RunResult> result = kplan::Run(argv);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->ok()) << argv[0] << ": " << result->err;
}

int EtcdTest::FreePort() {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

void EtcdTest::SetUp() {
  StepTest::SetUp();
  if (EtcdFolder().empty())
    GTEST_SKIP() << "no etcd here: neither KPLAN_TEST_ETCD_DIR nor the archive //tests:etcd";
  if (FindProgram("start-stop-daemon").empty()) GTEST_SKIP() << "no start-stop-daemon (Debian's dpkg) here";
  PutProgram("etcd");
  PutProgram("etcdctl");

  Write("pki/ext", "subjectAltName=DNS:worker,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n");
  for (const char* ca : {"ca", "other-ca"}) {
    std::string stem = absl::StrCat("pki/", ca);
    Shell({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
           "-days", "30", "-subj", "/C=US/O=Kubernetes/CN=Kubernetes", "-keyout", stem + "-key.pem", "-out",
           stem + ".pem"});
  }
  for (const char* leaf : {"leaf", "other-leaf"}) {
    std::string stem = absl::StrCat("pki/", leaf);
    Shell({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
           "/O=Kubernetes/CN=kubernetes", "-keyout", stem + "-key.pem", "-out", stem + ".csr"});
    Shell({"openssl", "x509", "-req", "-in", stem + ".csr", "-CA", "pki/ca.pem", "-CAkey", "pki/ca-key.pem",
           "-days", "20", "-extfile", "pki/ext", "-set_serial",
           absl::StrCat("0x", leaf == std::string("leaf") ? 10 : 11), "-out", stem + ".pem"});
  }
  Write("rootfs/etc/etcd/ca.pem", Pki("ca.pem"));
  Write("rootfs/etc/etcd/kubernetes.pem", Pki("leaf.pem"));
  Write("rootfs/etc/etcd/kubernetes-key.pem", Pki("leaf-key.pem"), 0600);
  ASSERT_TRUE(MakeFolders("rootfs/var/lib").ok());

  port_ = FreePort();
  const std::string url = absl::StrCat("https://127.0.0.1:", port_);
  const StringPairs argv = {{"", "/usr/local/bin/etcd"},
                            {"--client-cert-auth", ""},
                            {"--name", ""},
                            {"etcd", ""},
                            {"--cert-file=", "/etc/etcd/kubernetes.pem"},
                            {"--key-file=", "/etc/etcd/kubernetes-key.pem"},
                            {"--trusted-ca-file=", "/etc/etcd/ca.pem"},
                            {"--listen-client-urls", ""},
                            {url, ""},
                            {"--advertise-client-urls", ""},
                            {url, ""},
                            {absl::StrCat("--listen-peer-urls=http://127.0.0.1:", FreePort()), ""},
                            {"--data-dir=", "/var/lib/etcd"}};
  service_ = {{"answers", {absl::StrCat("127.0.0.1:", port_)}},
              {"argv", argv},
              {"environment", {"ETCD_UNSUPPORTED_ARCH=arm64"}},
              {"kind", "service"},
              {"manager", "process"},
              {"name", "etcd"},
              {"restart-on", {"/usr/local/bin/etcd", "/etc/etcd/ca.pem"}},
              {"root", "./rootfs"},
              {"timeout", 30},
              {"unit", "/etc/systemd/system/etcd.service"}};
  verify_ = {{"cacert", "/etc/etcd/ca.pem"},
             {"cert", "/etc/etcd/kubernetes.pem"},
             {"cluster-id", "cdf818194e3a8c32"},
             {"etcdctl", "/usr/local/bin/etcdctl"},
             {"key", "/etc/etcd/kubernetes-key.pem"},
             {"kind", "verify-etcd"},
             {"manager", "process"},
             {"refuse", {"no-cert", "wrong-ca", "plaintext"}},
             {"report", "reports/verify-etcd.json"},
             {"root", "./rootfs"},
             {"service", "etcd"},
             {"timeout", 30}};
  verify_["members"] = Json::array({{{"client-urls", {url}},
                                     {"id", "8e9e05c52164694d"},
                                     {"name", "etcd"},
                                     {"peer-urls", {"http://localhost:2380"}},
                                     {"probe", url},
                                     {"server-cert", "/etc/etcd/kubernetes.pem"}}});
}

void EtcdTest::TearDown() {
  if (IsSkipped()) return;
  absl::StatusOr<bool> stopped = StopService("process", "rootfs", "etcd");
  EXPECT_TRUE(stopped.ok()) << stopped.status();
}

pid_t EtcdTest::Pid() {
  pid_t pid = 0;
  absl::StatusOr<std::string> text = ReadFile("rootfs/run/etcd.pid");
  return text.ok() && absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &pid) ? pid : 0;
}

bool EtcdTest::Alive(pid_t pid) { return access(absl::StrCat("/proc/", pid, "/exe").c_str(), F_OK) == 0; }

}  // namespace kplan
