#include "src/etcd/etcd_cluster_testing.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/base/url.h"
#include "src/etcd/facts/etcd_ids.h"
#include "src/etcd/member_read.h"
#include "src/probe/tls_probe.h"
#include "src/steps/service/etcd_testing.h"

namespace kplan {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

std::string Shell(const std::vector<std::string>& argv) {
  RunOptions options;
  options.environment = {"ETCDCTL_API=3"};
  absl::StatusOr<RunResult> result = Run(argv, options);
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) return "";
  EXPECT_TRUE(result->ok()) << absl::StrJoin(argv, " ") << ": " << result->err;
  return result->out;
}

// A port of ADDRESS that was free a moment ago.
int FreePortOf(const std::string& address) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in place = {};
  place.sin_family = AF_INET;
  inet_pton(AF_INET, address.c_str(), &place.sin_addr);
  socklen_t size = sizeof(place);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&place), size), 0);
  EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&place), &size), 0);
  return ntohs(place.sin_port);
}

void MakeCa(const std::string& stem) {
  Shell({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
         "30", "-subj", "/O=Kubernetes/CN=trio-ca", "-keyout", stem + "-key.pem", "-out", stem + ".pem"});
}

// EXTENSIONS as openssl's configuration has them.
void MakeLeaf(const std::string& pki, const std::string& name, const std::string& cn,
              const std::string& extensions, int serial) {
  const std::string stem = absl::StrCat(pki, "/", name), ca = absl::StrCat(pki, "/ca");
  ASSERT_TRUE(WriteFile(stem + ".ext", extensions, 0644).ok());
  Shell({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
         absl::StrCat("/O=Kubernetes/CN=", cn), "-keyout", stem + "-key.pem", "-out", stem + ".csr"});
  Shell({"openssl", "x509", "-req", "-in", stem + ".csr", "-CA", ca + ".pem", "-CAkey", ca + "-key.pem",
         "-days", "20", "-extfile", stem + ".ext", "-set_serial", absl::StrCat(serial), "-out",
         stem + ".pem"});
}

}  // namespace

std::string EtcdTrio::Member::client_url() const {
  return absl::StrCat("https://", address, ":", client_port);
}

std::string EtcdTrio::Member::peer_url() const { return absl::StrCat("https://", address, ":", peer_port); }

EtcdTrio::EtcdTrio(const std::string& folder) : folder_(folder) {
  const std::string pki = absl::StrCat(folder, "/pki"), both = "extendedKeyUsage=serverAuth,clientAuth\n";
  EXPECT_TRUE(MakeFolders(pki).ok());
  MakeCa(pki + "/ca");
  MakeCa(pki + "/other-ca");
  EXPECT_TRUE(
      WriteFile(Pki("bundle.pem"), *ReadFile(Pki("ca.pem")) + *ReadFile(Pki("other-ca.pem")), 0644).ok());
  int serial = 10;
  const std::string all = "subjectAltName=IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3,IP:127.0.0.4\n" + both;
  MakeLeaf(pki, "server-other", "other", all, ++serial);
  MakeLeaf(pki, "peer-other", "other", all, ++serial);
  MakeLeaf(pki, "peer-3-strict", "strict", "subjectAltName=IP:127.0.0.4\n" + both, ++serial);
  MakeLeaf(pki, "peer-server-only", "other",
           absl::StrReplaceAll(all, {{"serverAuth,clientAuth", "serverAuth"}}), ++serial);
  for (const char* client : {"root", "guest"}) {
    MakeLeaf(pki, client, client, "extendedKeyUsage=clientAuth\n", ++serial);
  }
  members.resize(3);
  std::vector<std::string> initial;
  for (size_t i = 0; i < members.size(); ++i) {
    Member& member = members[i];
    member.name = absl::StrCat("etcd-", i + 1);
    member.address = absl::StrCat("127.0.0.", i + 2);
    member.client_port = FreePortOf(member.address);
    member.peer_port = FreePortOf(member.address);
    const std::string names = absl::StrCat("subjectAltName=IP:", member.address, ",IP:127.0.0.1\n", both);
    MakeLeaf(pki, absl::StrCat("server-", i + 1), member.name, names, ++serial);
    MakeLeaf(pki, absl::StrCat("peer-", i + 1), member.name, names, ++serial);
    initial.push_back(absl::StrCat(member.name, "=", member.peer_url()));
  }
  for (size_t i = 0; i < members.size(); ++i) {
    Member& member = members[i];
    const std::string server = absl::StrCat("server-", i + 1), peer = absl::StrCat("peer-", i + 1);
    member.flags = {{"name", member.name},
                    {"data-dir", absl::StrCat(folder, "/", member.name)},
                    {"listen-client-urls", member.client_url()},
                    {"advertise-client-urls", member.client_url()},
                    {"listen-peer-urls", member.peer_url()},
                    {"initial-advertise-peer-urls", member.peer_url()},
                    {"initial-cluster", absl::StrJoin(initial, ",")},
                    {"initial-cluster-token", kToken},
                    {"heartbeat-interval", "50"},
                    {"election-timeout", "500"},
                    {"client-cert-auth", "true"},
                    {"peer-client-cert-auth", "true"},
                    {"cert-file", Pki(server + ".pem")},
                    {"key-file", Pki(server + "-key.pem")},
                    {"trusted-ca-file", Pki("ca.pem")},
                    {"peer-cert-file", Pki(peer + ".pem")},
                    {"peer-key-file", Pki(peer + "-key.pem")},
                    {"peer-trusted-ca-file", Pki("ca.pem")}};
  }
}

EtcdTrio::~EtcdTrio() {
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i].pid != 0) Signal(i, SIGKILL);
  }
}

std::string EtcdTrio::Pki(const std::string& name) const { return absl::StrCat(folder_, "/pki/", name); }

std::string EtcdTrio::Log(size_t member) const {
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat(folder_, "/", members[member].name, ".log"));
  return text.ok() ? *text : std::string(text.status().message());
}

void EtcdTrio::Start() {
  const std::string program = absl::StrCat(EtcdFolder(), "/etcd");
  for (Member& member : members) {
    if (member.pid != 0) continue;
    std::vector<std::string> words = {program}, variables = {"ETCD_UNSUPPORTED_ARCH=arm64"};
    for (const auto& [flag, value] : member.flags) words.push_back(absl::StrCat("--", flag, "=", value));
    variables.insert(variables.end(), member.environment.begin(), member.environment.end());
    std::vector<char*> argv, environment;
    for (std::string& word : words) argv.push_back(&word[0]);
    for (std::string& variable : variables) environment.push_back(&variable[0]);
    argv.push_back(nullptr);
    environment.push_back(nullptr);
    UniqueFd log(open(absl::StrCat(folder_, "/", member.name, ".log").c_str(),
                      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    ASSERT_GE(log.get(), 0);
    const pid_t parent = getpid();
    member.pid = fork();
    ASSERT_GE(member.pid, 0);
    if (member.pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(127);
      dup2(log.get(), 1);
      dup2(log.get(), 2);
      execve(argv[0], argv.data(), environment.data());
      _exit(127);
    }
  }
}

void EtcdTrio::Signal(size_t member, int signal) {
  pid_t& pid = members[member].pid;
  ASSERT_NE(pid, 0);
  ASSERT_EQ(kill(pid, signal), 0);
  if (signal != SIGKILL) return;
  EXPECT_EQ(waitpid(pid, nullptr, 0), pid);
  pid = 0;
}

void EtcdTrio::WipeData(size_t member) {
  Shell({"rm", "-r", "--", absl::StrCat(folder_, "/", members[member].name)});
}

std::string EtcdTrio::Etcdctl(const std::vector<std::string>& words, size_t member) {
  std::vector<std::string> argv = {absl::StrCat(EtcdFolder(), "/etcdctl")};
  argv.insert(argv.end(), words.begin(), words.end());
  argv.push_back(absl::StrCat("--endpoints=", members[member].client_url()));
  argv.push_back(absl::StrCat("--cacert=", Pki("ca.pem")));
  argv.push_back(absl::StrCat("--cert=", Pki("root.pem")));
  argv.push_back(absl::StrCat("--key=", Pki("root-key.pem")));
  return Shell(argv);
}

void EtcdTrio::AwaitHealth() {
  const absl::Time until = absl::Now() + kPatience;
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i].pid == 0) continue;
    absl::StatusOr<HostPort> target = ParseHttpsUrl(members[i].client_url());
    ASSERT_TRUE(target.ok());
    ClientIdentity root{*ReadFile(Pki("root.pem")), Secret(*ReadFile(Pki("root-key.pem")))};
    for (;;) {
      absl::StatusOr<ProbeResult> probe = ProbeTls(*target, *ReadFile(Pki("ca.pem")), root,
                                                   absl::Now() + absl::Seconds(5), QuorumReadRequest());
      if (probe.ok() && HasRead(probe->response)) break;
      ASSERT_LT(absl::Now(), until) << members[i].name << ": " << Log(i);
      poll(nullptr, 0, 20);
    }
  }
}

void EtcdTrio::Lead(size_t member) {
  const absl::Time until = absl::Now() + kPatience;
  const std::string id = Ids(kToken)[member];
  while (absl::Now() < until) {
    Json status = Json::parse(Etcdctl({"endpoint", "status", "-w", "json"}, member), nullptr, false);
    ASSERT_TRUE(status.is_array());
    const uint64_t leader = status[0]["Status"].value("leader", uint64_t{0});
    const std::string leader_id = absl::StrCat(absl::Hex(leader));
    if (leader_id == id) return;
    for (size_t i = 0; i < members.size(); ++i) {
      if (Ids(kToken)[i] == leader_id) Etcdctl({"move-leader", id}, i);
    }
  }
  FAIL() << "the leader stays where it is";
}

std::vector<std::string> EtcdTrio::Ids(const std::string& token) const {
  std::vector<std::string> ids;
  for (const Member& member : members) ids.push_back(PredictedMemberId({member.peer_url()}, token));
  return ids;
}

Json EtcdTrio::Record() const {
  const std::vector<std::string> ids = Ids(kToken);
  Json record = {{"cacert", Pki("ca.pem")},
                 {"cert", Pki("root.pem")},
                 {"cluster-id", PredictedClusterId(ids)},
                 {"etcdctl", absl::StrCat(EtcdFolder(), "/etcdctl")},
                 {"key", Pki("root-key.pem")},
                 {"kind", "verify-etcd"},
                 {"manager", "elsewhere"},
                 {"members", Json::array()},
                 {"peer-cacert", Pki("ca.pem")},
                 {"refuse", {"no-cert", "wrong-ca", "plaintext"}},
                 {"report", "reports/verify-etcd.json"},
                 {"root", ""},
                 {"service", "etcd"},
                 {"timeout", 30}};
  for (size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[i];
    record["members"].push_back({{"client-urls", {member.client_url()}},
                                 {"data", absl::StrCat("/var/lib/", member.name)},
                                 {"host", absl::StrCat("host-", i + 1)},
                                 {"id", ids[i]},
                                 {"name", member.name},
                                 {"peer-cert", Pki(absl::StrCat("peer-", i + 1, ".pem"))},
                                 {"peer-key", Pki(absl::StrCat("peer-", i + 1, "-key.pem"))},
                                 {"peer-probe", member.peer_url()},
                                 {"peer-urls", {member.peer_url()}},
                                 {"probe", member.client_url()},
                                 {"remote", true},
                                 {"root", "/"},
                                 {"server-cert", Pki(absl::StrCat("server-", i + 1, ".pem"))}});
  }
  return record;
}

PlannedCluster EtcdTrio::Planned(const std::string& client) const {
  const std::vector<std::string> ids = Ids(kToken);
  PlannedCluster cluster;
  cluster.cluster_id = PredictedClusterId(ids);
  cluster.etcdctl = {EtcdFolder() + "/etcdctl", Pki("ca.pem"), Pki(client + ".pem"),
                     Pki(client + "-key.pem")};
  for (size_t i = 0; i < members.size(); ++i) {
    PlannedMember member;
    member.host = member.name = members[i].name;
    member.probe = members[i].client_url();
    member.id = ids[i];
    cluster.members.push_back(member);
  }
  return cluster;
}

}  // namespace kplan
