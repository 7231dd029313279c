#include "src/etcd/hash_kv.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/etcd/client_rights.h"
#include "src/etcd/snapshot_file.h"

namespace kplan {
namespace {

// A store of gigabytes is read from the disk for it.
constexpr absl::Duration kHashTime = absl::Minutes(5);

Json ParseJsonText(absl::string_view text) { return ParseJson(text).value_or(Json()); }

const Json* Member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

int64_t Integer(const Json& object, const char* name) {
  const Json* number = Member(object, name);
  return number != nullptr && number->is_number_integer() ? number->get<int64_t>() : 0;
}

std::string HexId(const Json& object, const char* name) {
  const Json* id = Member(object, name);
  return id != nullptr && id->is_number_unsigned() ? absl::StrCat(absl::Hex(id->get<uint64_t>())) : "";
}

}  // namespace

absl::StatusOr<HashKvs> ParseHashKvs(absl::string_view text) {
  const absl::Status wrong = absl::DataLossError(
      absl::StrCat("cannot read what `etcdctl endpoint hashkv` printed: ", Shown(text.substr(0, 500))));
  const Json json = ParseJsonText(text);
  if (!json.is_array() || json.empty()) return wrong;
  HashKvs all;
  for (const Json& item : json) {
    const Json* hash = Member(item, "HashKV");
    const Json* header = hash == nullptr ? nullptr : Member(*hash, "header");
    if (header == nullptr) return wrong;
    HashKv said;
    said.cluster_id = HexId(*header, "cluster_id");
    said.member_id = HexId(*header, "member_id");
    said.revision = Integer(*header, "revision");
    said.hash = static_cast<uint32_t>(Integer(*hash, "hash"));
    said.compacted = Integer(*hash, "compact_revision");
    if (said.cluster_id.empty() || said.member_id.empty()) return wrong;
    all.push_back(std::move(said));
  }
  return all;
}

absl::StatusOr<HashKvs> AskHashKvs(const PlannedCluster& cluster, int64_t revision) {
  absl::StatusOr<std::string> out = RunEtcdctl(
      cluster.etcdctl, cluster.probes(),
      {"endpoint", "hashkv", absl::StrCat("--rev=", revision), "--command-timeout=300s", "--write-out=json"},
      kHashTime);
  if (out.ok()) return ParseHashKvs(*out);
  return IsForWantOfRights(out.status().message()) ? AsRefusal(out.status()) : WithoutLog(out.status());
}

absl::Status CompareHashKvs(const PlannedCluster& cluster, const HashKvs& hashes, int64_t revision) {
  std::string differences;
  for (const PlannedMember& member : cluster.members) {
    auto said = std::find_if(hashes.begin(), hashes.end(),
                             [&](const HashKv& hash) { return hash.member_id == member.id; });
    if (said == hashes.end()) {
      absl::StrAppend(&differences, "\n  ", member.name, ": no member ", member.id, " answered");
    } else if (said->cluster_id != cluster.cluster_id) {
      absl::StrAppend(&differences, "\n  ", member.name, ": it is of cluster ", said->cluster_id,
                      ", and not ", cluster.cluster_id);
    } else if (said->revision < revision) {
      absl::StrAppend(&differences, "\n  ", member.name, ": it has revision ", said->revision, ", and not ",
                      revision);
    } else if (said->hash != hashes[0].hash || said->compacted != hashes[0].compacted) {
      absl::StrAppend(&differences, "\n  ", member.name, ": its hash is ", said->hash, " (compacted to ",
                      said->compacted, "), and another's ", hashes[0].hash, " (", hashes[0].compacted, ")");
    }
  }
  return differences.empty()
             ? absl::OkStatus()
             : absl::DataLossError(absl::StrCat("the members do not have the same data:", differences));
}

absl::StatusOr<int64_t> CountKeys(const PlannedCluster& cluster, int64_t revision) {
  // 3.4's etcdctl has no --count-only; with a limit of one the answer has the number of all, too.
  absl::StatusOr<std::string> out =
      RunEtcdctl(cluster.etcdctl, cluster.probes(),
                 {"get", "", "--prefix", "--keys-only", "--limit=1", absl::StrCat("--rev=", revision),
                  "--command-timeout=60s", "--write-out=json"},
                 absl::Minutes(1));
  if (!out.ok()) return WithoutLog(out.status());
  const Json json = ParseJsonText(*out);
  if (Member(json, "header") == nullptr)
    return absl::DataLossError(
        absl::StrCat("cannot read what `etcdctl get` printed: ", Shown(out->substr(0, 500))));
  return Integer(json, "count");  // protobuf leaves a zero out
}

}  // namespace kplan
