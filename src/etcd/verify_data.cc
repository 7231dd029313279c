#include "src/etcd/verify_data.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "src/base/clock.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/etcd/client_rights.h"
#include "src/etcd/etcdctl.h"

namespace kplan {
namespace {

// A store of gigabytes is read from the disk for it.
constexpr absl::Duration kHashTime = absl::Minutes(5);
constexpr absl::Duration kReadTime = absl::Seconds(10);
// How long it is tried to find a revision at which they can be compared, and the pause between two looks:
// compactions that all members were told of are under way on some of them.
constexpr absl::Duration kPatience = absl::Seconds(15), kPause = absl::Milliseconds(500);

// What is removed first, and still has data, is not started by etcd; and an empty folder of a member that the
// cluster lists is what the survey has the commands for (survey_decision.cc, JudgeEmpty).
constexpr char kReplace[] =
    "stop etcd there, move its data folder away, and run ninja, which prints the commands that replace the "
    "member; it then gets the others' data. Or give all of them a snapshot from before: `kplan restore`";

// The value that more than half of STORES have as their hash.
std::optional<uint32_t> HashOfMost(const std::vector<HashKv>& stores) {
  for (const HashKv& candidate : stores) {
    const auto same = std::count_if(stores.begin(), stores.end(),
                                    [&](const HashKv& store) { return store.hash == candidate.hash; });
    if (static_cast<size_t>(same) * 2 > stores.size()) return candidate.hash;
  }
  return std::nullopt;
}

bool AreEqual(const std::vector<HashKv>& a, const std::vector<HashKv>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const HashKv& one, const HashKv& other) {
    return one.hash == other.hash && one.compacted == other.compacted;
  });
}

// "etcd-1 to 5, etcd-2 to 7"
std::string CompactedText(const ClusterExpected& cluster, const std::vector<HashKv>& stores) {
  std::string text;
  for (size_t i = 0; i < stores.size(); ++i) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", cluster.members[i].name, " to ", stores[i].compacted);
  }
  return text;
}

// One look at all members at REVISION. The error is about the first that could not be asked.
absl::StatusOr<std::vector<HashKv>> AskStores(const ClusterExpected& cluster, int64_t revision) {
  std::vector<HashKv> stores;
  for (const MemberExpected& member : cluster.members) {
    absl::StatusOr<std::string> out = RunEtcdctl(cluster.etcdctl, {member.client.url},
                                                 {"endpoint", "hashkv", absl::StrCat("--rev=", revision),
                                                  "--command-timeout=300s", "--write-out=json"},
                                                 kHashTime);
    if (!out.ok()) {
      const absl::Status why = AsRefusal(out.status());
      return absl::Status(why.code(), absl::StrCat(member.name, ": ", why.message()));
    }
    absl::StatusOr<HashKvs> said = ParseHashKvs(*out);
    if (!said.ok()) return said.status();
    stores.push_back(said->front());
  }
  return stores;
}

// The newest revision, as the cluster says through its first member; 0 when it does not say.
int64_t NewestRevision(const ClusterExpected& cluster) {
  absl::StatusOr<std::string> out = RunEtcdctl(cluster.etcdctl, {cluster.members.front().client.url},
                                               {"get", kVerifyPrefix, "--write-out=json"}, kReadTime);
  if (!out.ok()) return 0;
  const Json json = ParseJson(*out).value_or(Json());
  const Json::json_pointer at("/header/revision");
  return json.contains(at) && json[at].is_number_integer() ? json[at].get<int64_t>() : 0;
}

std::string WhyForbidden(const ClusterExpected& cluster) {
  const std::string user = UserOf(cluster.etcdctl);
  return absl::StrCat(
      "auth is enabled, and ", UserText(cluster.etcdctl, user), " has not the role root, to ",
      "which alone etcd tells the hash of its data",
      user.empty() ? "" : absl::StrCat(" (`etcdctl user grant-role ", Shown(user), " root`)"));
}

// STORES: what the last look at REVISION came to.
std::string WhyUnsettled(const ClusterExpected& cluster, const absl::StatusOr<std::vector<HashKv>>& stores,
                         int64_t revision) {
  if (!stores.ok()) return std::string(stores.status().message());
  return CompareStores(*stores).kind == StoresCompared::kApart
             ? absl::StrCat("members are compacted to different revisions: ", CompactedText(cluster, *stores))
             : absl::StrCat("what they have at revision ", revision, " changes: a compaction is at work");
}

}  // namespace

StoresCompared CompareStores(const std::vector<HashKv>& stores) {
  StoresCompared compared;
  for (const HashKv& store : stores) {
    if (store.compacted != stores[0].compacted) return {StoresCompared::kApart, {}};
    if (store.hash != stores[0].hash) compared.kind = StoresCompared::kDiffer;
  }
  if (const std::optional<uint32_t> most = HashOfMost(stores); most.has_value()) {
    for (size_t i = 0; i < stores.size(); ++i) {
      if (stores[i].hash != *most) compared.odd.push_back(i);
    }
  }
  return compared;
}

std::vector<Finding> DifferentStores(const ClusterExpected& cluster, const std::vector<HashKv>& stores,
                                     int64_t revision) {
  const StoresCompared compared = CompareStores(stores);
  std::vector<Finding> findings;
  for (size_t i : compared.odd) {
    findings.push_back(
        {"data",
         absl::StrCat("what most members have at revision ", revision, ": hash ", *HashOfMost(stores)),
         absl::StrCat("hash ", stores[i].hash, " (all are compacted to revision ", stores[i].compacted, ")"),
         absl::StrCat(
             "its disk, its memory, and who wrote there beside etcd; whoever reads at that member gets "
             "what the others do not have. No snapshot should be taken of it. To put it right: ",
             kReplace),
         cluster.members[i].name});
  }
  if (!findings.empty()) return findings;
  std::string seen;
  for (size_t i = 0; i < stores.size(); ++i) {
    absl::StrAppend(&seen, i == 0 ? "" : ", ", cluster.members[i].name, ": hash ", stores[i].hash);
  }
  return {
      {"data", absl::StrCat("the same data on all members at revision ", revision),
       absl::StrCat(seen, " (all are compacted to revision ", stores[0].compacted, ")"),
       absl::StrCat("no more than half have the same, so none is known to be right. Read at each what you "
                    "know of (`etcdctl get KEY --consistency=s` with one endpoint). Of each that is wrong: ",
                    kReplace)}};
}

std::vector<Finding> CheckData(const ClusterExpected& cluster, int64_t revision, DataSeen* seen) {
  const absl::Time until = cluster.clock->Now() + kPatience;
  std::vector<HashKv> before;  // what was seen at this revision, and differs
  for (;;) {
    absl::StatusOr<std::vector<HashKv>> stores = AskStores(cluster, revision);
    if (absl::IsPermissionDenied(stores.status())) {
      seen->not_compared = WhyForbidden(cluster);
      return {};
    }
    const StoresCompared::Kind kind = stores.ok() ? CompareStores(*stores).kind : StoresCompared::kApart;
    const bool lasts = kind == StoresCompared::kDiffer && AreEqual(*stores, before);
    if (kind == StoresCompared::kSame || lasts) {
      seen->revision = revision;
      seen->compacted = stores->front().compacted;
      for (size_t i = 0; i < stores->size(); ++i)
        seen->hashes.emplace_back(cluster.members[i].name, (*stores)[i].hash);
      return lasts ? DifferentStores(cluster, *stores, revision) : std::vector<Finding>();
    }
    if (cluster.clock->Now() >= until) {
      seen->not_compared = WhyUnsettled(cluster, stores, revision);
      return {};
    }
    cluster.clock->SleepFor(kPause);
    before = kind == StoresCompared::kDiffer ? *std::move(stores) : std::vector<HashKv>();
    if (before.empty()) revision = std::max(revision, NewestRevision(cluster));
  }
}

}  // namespace kplan
