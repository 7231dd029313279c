#include "src/etcd/verify_write.h"

#include <openssl/rand.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "src/base/at_once.h"
#include "src/base/clock.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/etcd/client_rights.h"
#include "src/etcd/etcdctl.h"
#include "src/pki/openssl_util.h"

namespace kplan {
namespace {

constexpr int kLeaseSeconds = 300;
constexpr absl::Duration kCommandTime = absl::Seconds(10);
// How long the cluster may take to answer a command in the end: an election and the retry after it.
constexpr absl::Duration kPatience = absl::Seconds(10);
// There is nothing to be told by: the members are processes of other machines.
constexpr absl::Duration kPauseAfterError = absl::Milliseconds(50), kPauseUntilRead = absl::Milliseconds(20);

// What etcdctl said last, without the log lines of its client before it: "etcdserver: permission denied".
std::string LastWords(const absl::Status& status) {
  std::vector<std::string> lines = absl::StrSplit(status.message(), '\n', absl::SkipWhitespace());
  if (lines.empty()) return "nothing";
  const size_t error = lines.back().rfind("Error: ");
  return error == std::string::npos ? lines.back() : lines.back().substr(error + 7);
}

bool IsForWantOfSpace(const absl::Status& status) {
  return absl::StrContains(status.message(), "database space exceeded");
}

// No use in asking again.
bool IsFinal(const absl::Status& status) {
  return absl::IsNotFound(status) ||  // there is no etcdctl
         IsForWantOfRights(status.message()) || IsForWantOfSpace(status) ||
         absl::StrContains(status.message(), "lease not found");
}

// The JSON that `etcdctl WORDS -w json` prints at ENDPOINT. The error is in etcd's words.
absl::StatusOr<Json> Ask(const ClusterExpected& cluster, const std::string& endpoint,
                         std::vector<std::string> words, absl::Time until) {
  words.push_back("--write-out=json");
  for (;;) {
    absl::StatusOr<std::string> text = RunEtcdctl(cluster.etcdctl, {endpoint}, words, kCommandTime);
    if (text.ok()) {
      absl::StatusOr<Json> json = ParseJson(*text);
      if (json.ok() && json->is_object()) return json;
      return absl::DataLossError(absl::StrCat("cannot read what it printed: ", Shown(text->substr(0, 200))));
    }
    if (IsFinal(text.status()) || cluster.clock->Now() >= until) {
      return absl::Status(text.status().code(), LastWords(text.status()));
    }
    cluster.clock->SleepFor(kPauseAfterError);
  }
}

// The number at POINTER, 0 when there is none: protobuf leaves zeros out.
int64_t Number(const Json& json, const char* pointer) {
  const Json::json_pointer at(pointer);
  return json.contains(at) && json[at].is_number_integer() ? json[at].get<int64_t>() : 0;
}

std::string AdviceFor(const ClusterExpected& cluster, const std::string& endpoint,
                      const absl::Status& status) {
  if (IsForWantOfRights(status.message())) {
    return WantOfRights(cluster.etcdctl, {endpoint}, AskClientRights(cluster.etcdctl, endpoint),
                        EtcdRight::kVerifyKeys, absl::StrCat("write and read below ", kVerifyPrefix));
  }
  if (IsForWantOfSpace(status)) {
    return "the alarm NOSPACE: make room (`kplan defrag --compact`) or raise quota-backend-bytes, then "
           "`kplan defrag`";
  }
  return "the logs of the members: a write needs a leader and more than half of the members";
}

class Write {
 public:
  Write(const ClusterExpected& cluster, WriteSeen* seen)
      : cluster_(cluster), seen_(seen), until_(cluster.clock->Now() + kPatience) {}

  std::vector<Finding> Check() {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
      return {
          {"write", "a random name for a key", std::string(OpenSslError("none").message()), "this machine"}};
    }
    key_ =
        absl::StrCat(kVerifyPrefix, absl::BytesToHexString({reinterpret_cast<char*>(bytes), sizeof(bytes)}));
    const MemberExpected& writer = cluster_.members.front();
    absl::StatusOr<Json> lease =
        Ask(cluster_, writer.client.url, {"lease", "grant", absl::StrCat(kLeaseSeconds)}, until_);
    if (!lease.ok()) return {Refused(writer, "grants a lease", lease.status())};
    const Json::json_pointer id("/ID");
    if (!lease->contains(id) || !(*lease)[id].is_number_integer()) {
      return {Refused(writer, "grants a lease", absl::DataLossError("a lease without an id"))};
    }
    lease_ = absl::StrCat(absl::Hex((*lease)[id].get<uint64_t>()));

    std::vector<Finding> findings = PutAndRead(writer);
    Finding deletion = Delete();
    if (!deletion.ok()) findings.push_back(std::move(deletion));
    if (!findings.empty()) return findings;
    seen_->key = key_;
    seen_->endpoint = writer.client.url;
    seen_->revision = revision_;
    for (const MemberExpected& member : cluster_.members) seen_->read_at.push_back(member.client.url);
    return {};
  }

 private:
  std::vector<Finding> PutAndRead(const MemberExpected& writer) {
    // Not the key: what is read has to be what was written.
    value_ = absl::StrCat("written by kplan at ", absl::FormatTime(absl::Now(), absl::UTCTimeZone()));
    absl::StatusOr<Json> put =
        Ask(cluster_, writer.client.url, {"put", key_, value_, absl::StrCat("--lease=", lease_)}, until_);
    if (!put.ok()) return {Refused(writer, absl::StrCat("takes a write of ", key_), put.status())};
    revision_ = Number(*put, "/header/revision");
    std::vector<Finding> found(cluster_.members.size());
    AtOnce(found.size(), [&](size_t i) { found[i] = Read(writer, cluster_.members[i]); });
    std::vector<Finding> findings;
    for (Finding& finding : found) {
      if (!finding.ok()) findings.push_back(std::move(finding));
    }
    return findings;
  }

  Finding Read(const MemberExpected& writer, const MemberExpected& member) {
    for (const char* consistency : {"l", "s"}) {
      const bool own = *consistency == 's';
      Finding finding = {
          own ? "read-own" : "read",
          absl::StrCat(key_, " as written at ", writer.client.url, " (revision ", revision_, "), read at ",
                       member.client.url, own ? " from its own data" : " through the cluster"),
          "", "the log of that member: it does not follow the leader", member.name};
      // Its own data may be behind for a moment.
      for (;;) {
        absl::StatusOr<Json> got = Ask(cluster_, member.client.url,
                                       {"get", key_, absl::StrCat("--consistency=", consistency)}, until_);
        if (!got.ok()) {
          finding.seen = std::string(got.status().message());
          finding.advice = AdviceFor(cluster_, member.client.url, got.status());
          return finding;
        }
        if (IsWhatWasWritten(*got)) break;
        const int64_t revision = Number(*got, "/header/revision");
        finding.seen = Number(*got, "/count") == 0 ? absl::StrCat("no such key at revision ", revision)
                                                   : absl::StrCat("another value at revision ", revision);
        if (!own || revision >= revision_ || cluster_.clock->Now() >= until_) return finding;
        cluster_.clock->SleepFor(kPauseUntilRead);
      }
    }
    return {};
  }

  bool IsWhatWasWritten(const Json& got) const {
    const Json::json_pointer at("/kvs/0/value");
    return got.contains(at) && got[at] == absl::Base64Escape(value_) &&
           Number(got, "/kvs/0/mod_revision") == revision_;
  }

  // Through any member that does it.
  Finding Delete() {
    absl::Status last;
    for (const MemberExpected& member : cluster_.members) {
      absl::StatusOr<Json> revoked =
          Ask(cluster_, member.client.url, {"lease", "revoke", lease_}, cluster_.clock->Now());
      if (revoked.ok() || absl::StrContains(revoked.status().message(), "lease not found")) return {};
      last = revoked.status();
    }
    return {"write-cleanup", absl::StrCat("revoking lease ", lease_, " deletes ", key_),
            std::string(last.message()),
            absl::StrCat("nothing needs to be done: the key goes by itself within ", kLeaseSeconds, " s")};
  }

  Finding Refused(const MemberExpected& member, absl::string_view what, const absl::Status& status) const {
    return {"write", absl::StrCat(member.client.url, " ", what), std::string(status.message()),
            AdviceFor(cluster_, member.client.url, status), member.name};
  }

  const ClusterExpected& cluster_;
  WriteSeen* seen_;
  const absl::Time until_;
  std::string key_, value_, lease_;
  int64_t revision_ = 0;
};

}  // namespace

std::vector<Finding> CheckWrite(const ClusterExpected& cluster, WriteSeen* seen) {
  return Write(cluster, seen).Check();
}

}  // namespace kplan
