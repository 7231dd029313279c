#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"
#include "src/etcd/survey_etcd.h"
#include "src/etcd/version_step.h"

namespace kplan {
namespace {

using Found = std::vector<absl::StatusOr<EtcdData>>;

std::string DataFolder(const PlannedMember& member) {
  return absl::StrCat(member.root == "/" ? "" : member.root, member.data);
}

// "etcd-1 (/var/lib/etcd)"
std::string HostAndFolder(const PlannedMember& member) {
  return absl::StrCat(member.host, " (", DataFolder(member), ")");
}

// What to type to put a new member in the place of MEMBER, whose id in the list is ID ("": it is in none).
std::string HowToReplace(const PlannedCluster& cluster, const PlannedMember& member, const std::string& id) {
  std::vector<std::string> others;
  for (const PlannedMember& other : cluster.members) {
    if (other.name != member.name) others.push_back(other.probe);
  }
  const std::string etcdctl = absl::StrCat(
      "\n    ETCDCTL_API=3 ", cluster.etcdctl.program, " --endpoints=", absl::StrJoin(others, ","),
      " --cacert=", cluster.etcdctl.cacert, " --cert=", cluster.etcdctl.cert, " --key=", cluster.etcdctl.key);
  return absl::StrCat(
      id.empty() ? "" : absl::StrCat(etcdctl, " member remove ", id), etcdctl, " member add ", member.name,
      " --peer-urls=", absl::StrJoin(member.peer_urls, ","),
      "\n    in cluster.yaml, below etcd: flags: {initial-cluster-state: existing}; then ninja");
}

// The problems so far, and which members they are about: one is enough for a member.
class Problems {
 public:
  explicit Problems(size_t members) : has_(members) {}

  void Add(std::vector<size_t> members, std::string text) {
    for (size_t member : members) has_[member] = true;
    texts_.push_back(std::move(text));
  }
  void SetAll() { has_.assign(has_.size(), true); }
  bool Has(size_t member) const { return has_[member]; }
  std::vector<std::string>& texts() { return texts_; }

 private:
  std::vector<bool> has_;
  std::vector<std::string> texts_;
};

// Two members in one place: two hosts with the same address, or the same root.
void FindSharedFolders(const PlannedCluster& cluster, const Found& found, Problems* problems) {
  std::map<std::string, size_t> first_at;
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i].ok() || found[i]->place.empty()) continue;
    auto [first, is_new] = first_at.emplace(found[i]->place, i);
    if (is_new) continue;
    problems->Add(
        {first->second, i},
        absl::StrCat(HostAndFolder(cluster.members[first->second]), " and ",
                     HostAndFolder(cluster.members[i]),
                     " are the same folder of the same machine: do two hosts have the same address?"));
  }
}

// Data of other clusters, one problem for all hosts that have the same one's.
void FindOtherClusters(const PlannedCluster& cluster, const Found& found, Problems* problems) {
  std::map<std::string, std::vector<size_t>> by_cluster;
  for (size_t i = 0; i < found.size(); ++i) {
    if (problems->Has(i) || !found[i].ok() || !found[i]->initialised) continue;
    if (found[i]->cluster_id != cluster.cluster_id) by_cluster[found[i]->cluster_id].push_back(i);
  }
  for (const auto& [id, members] : by_cluster) {
    std::vector<std::string> hosts;
    for (size_t i : members) {
      hosts.push_back(absl::StrCat(HostAndFolder(cluster.members[i]), ", member ", found[i]->member_id));
    }
    problems->Add(
        members, absl::StrCat("expected data of cluster ", cluster.cluster_id, ", found data of cluster ", id,
                              " on ", absl::StrJoin(hosts, "; "),
                              ". It is another cluster's data folder or the wrong host, or cluster.yaml has "
                              "now another initial-cluster-token, other members or other peer addresses than "
                              "when the cluster was made. Put that right, or move the folder away when its "
                              "data is not needed"));
  }
}

// A restore that did not end: some members may have the snapshot's data and some their own.
void FindHeld(const PlannedCluster& cluster, const Found& found, Problems* problems) {
  std::vector<size_t> members;
  std::vector<std::string> hosts;
  std::string file;
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i].ok() || found[i]->held.empty()) continue;
    members.push_back(i);
    hosts.push_back(HostAndFolder(cluster.members[i]));
    file = found[i]->held;
  }
  if (members.empty()) return;
  problems->Add(members,
                absl::StrCat("a restore of ", file, " was begun and did not end, by what lies on ",
                             absl::StrJoin(hosts, ", "),
                             ": some members may have its data now and some their own, and together they "
                             "would destroy both. Run kplan restore again, with the same file"));
}

// An etcd that runs under the unit's name, or is going to, with data in another folder: with the member's
// unit in its place nobody would have that data.
void FindOtherEtcds(const PlannedCluster& cluster, const Found& found, Problems* problems) {
  for (size_t i = 0; i < found.size(); ++i) {
    if (problems->Has(i) || !found[i].ok() || !found[i]->unit.has_value()) continue;
    const PlannedMember& member = cluster.members[i];
    const std::string why =
        WhyEtcdIsInTheWay(*found[i]->unit, DataFolder(member), member.wal, cluster.cluster_id);
    const bool gives_way = cluster.replace && found[i]->unit->cluster_id != cluster.cluster_id;
    if (!why.empty() && !gives_way) problems->Add({i}, absl::StrCat(member.host, ": ", why));
  }
}

// Hosts that will not do, each with all that it lacks. What their folders hold is another matter.
void FindLacks(const PlannedCluster& cluster, const Found& found, Problems* problems) {
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i].ok()) continue;
    for (const std::string& lack : found[i]->lacks)
      problems->Add({}, absl::StrCat(cluster.members[i].host, ": ", lack));
  }
}

void FindFolderProblems(const PlannedCluster& cluster, const Found& found, Problems* problems) {
  FindLacks(cluster, found, problems);
  FindHeld(cluster, found, problems);
  FindOtherEtcds(cluster, found, problems);
  for (size_t i = 0; i < found.size(); ++i) {
    const PlannedMember& member = cluster.members[i];
    if (!found[i].ok()) {
      problems->Add({i}, absl::StrCat(HostAndFolder(member), ": cannot see what the data folder holds: ",
                                      found[i].status().message()));
    } else if (!found[i]->unlogged.empty() && !problems->Has(i)) {
      problems->Add({i}, absl::StrCat(member.host, ": ", found[i]->unlogged));
    } else if (!found[i]->strange.empty() && !problems->Has(i)) {
      problems->Add({i}, absl::StrCat(member.host, ": ", found[i]->strange,
                                      ". A member starts with an empty data folder or with its own data: is "
                                      "this the right host? Move away what is there when it is not needed"));
    }
  }
  FindSharedFolders(cluster, found, problems);
  FindOtherClusters(cluster, found, problems);
  std::map<std::string, size_t> first_with;
  for (size_t i = 0; i < found.size(); ++i) {
    if (problems->Has(i) || !found[i].ok() || !found[i]->initialised) continue;
    const std::string& id = found[i]->member_id;
    for (size_t other = 0; other < cluster.members.size(); ++other) {
      if (other == i || cluster.members[other].id != id) continue;
      problems->Add(
          {i}, absl::StrCat(HostAndFolder(cluster.members[i]), ": expected data of member ",
                            cluster.members[i].id, ", found data of member ", id, ", which is ",
                            cluster.members[other].name, " on ", cluster.members[other].host,
                            ". Were two hosts swapped, or was a data folder copied? Two members with one id "
                            "destroy a cluster"));
    }
    auto [first, is_new] = first_with.emplace(id, i);
    if (is_new || problems->Has(i)) continue;
    problems->Add({first->second, i},
                  absl::StrCat(HostAndFolder(cluster.members[first->second]), " and ",
                               HostAndFolder(cluster.members[i]), " both have the data of member ", id,
                               ": a data folder was copied. Two members with one id destroy a cluster"));
  }
}

// The line of LIST about MEMBER: with its id, or of a member that was put in its place by hand. Null when
// there is none.
const ListedMember* FindListed(const MemberList& list, const PlannedMember& member) {
  for (const ListedMember& listed : list.members) {
    if (listed.id == member.id) return &listed;
  }
  for (const ListedMember& listed : list.members) {
    if (listed.peer_urls == member.peer_urls && (listed.name.empty() || listed.name == member.name)) {
      return &listed;
    }
  }
  return nullptr;
}

// The whole decision, piece by piece.
class Decision {
 public:
  Decision(const PlannedCluster& cluster, const Found& found, const LiveCluster& live)
      : cluster_(cluster),
        found_(found),
        live_(live),
        list_(live.List(cluster.cluster_id)),
        problems_(cluster.members.size()) {
    verdict_.has_data.resize(cluster.members.size());
  }

  SurveyVerdict Decide() {
    FindFolderProblems(cluster_, found_, &problems_);
    JudgeRights();
    for (size_t i = 0; i < found_.size(); ++i) {
      if (!HasData(i)) continue;
      ++with_data_;
      verdict_.has_data[i] = true;
      const bool foretold = found_[i]->member_id == cluster_.members[i].id;
      if (foretold) ++with_own_data_;
      // Electing a leader is the first entry behind those that make the members; and only a cluster that has
      // one can add another member.
      if (found_[i]->snapshot || found_[i]->commit > cluster_.members.size() || !foretold) {
        established_ = true;
      }
    }
    for (size_t i = 0; i < found_.size(); ++i) {
      if (HasData(i)) JudgeData(i);
    }
    for (size_t i = 0; i < found_.size(); ++i) {
      if (found_[i].ok() && !found_[i]->initialised && !problems_.Has(i)) JudgeEmpty(i);
    }
    ReportLost();
    JudgeInitialState();
    for (size_t i = 0; i < found_.size(); ++i) JudgeAnswer(i);
    if (std::string problem = VersionProblem(cluster_, found_, live_); !problem.empty())
      problems_.Add({}, std::move(problem));
    verdict_.problems = std::move(problems_.texts());
    Summarize();
    return std::move(verdict_);
  }

 private:
  // Without its list nothing of what follows can be said.
  void JudgeRights() {
    verdict_.forbidden = RightsProblem(cluster_, live_);
    if (!verdict_.forbidden.empty()) problems_.SetAll();
  }

  // It has data of this cluster, and nothing is wrong with that so far.
  bool HasData(size_t i) const { return found_[i].ok() && found_[i]->initialised && !problems_.Has(i); }

  void JudgeData(size_t i) {
    const PlannedMember& member = cluster_.members[i];
    const std::string& id = found_[i]->member_id;
    const bool foretold = id == member.id;
    if (list_ == nullptr) {
      if (foretold) return;
      if (with_own_data_ >= cluster_.quorum()) {
        verdict_.ask_again.push_back(i);
        return;
      }
      problems_.Add(
          {i},
          absl::StrCat(
              Unforetold(i),
              ". A member that was added by hand has such an id, but the cluster does not answer, so whether "
              "it was cannot be seen. Start etcd on a quorum of its hosts, then run ninja again"));
      return;
    }
    const ListedMember* listed = nullptr;
    for (const ListedMember& candidate : list_->members) {
      if (candidate.id == id) listed = &candidate;
    }
    if (listed == nullptr) {
      const ListedMember* successor = FindListed(*list_, member);
      problems_.Add(
          {i},
          absl::StrCat(
              foretold ? absl::StrCat(HostAndFolder(member), ": found data of member ", id) : Unforetold(i),
              ", which the cluster does not list: it was removed, and etcd does not start with such data. "
              "Move the folder away",
              successor != nullptr
                  ? absl::StrCat("; then ninja starts it as member ", successor->id)
                  : absl::StrCat(", and add the member again:", HowToReplace(cluster_, member, ""))));
      return;
    }
    if (foretold ||
        (listed->peer_urls == member.peer_urls && (listed->name.empty() || listed->name == member.name))) {
      return;
    }
    problems_.Add({i},
                  absl::StrCat(Unforetold(i), ". The cluster lists it as ", Brief(listed->name), " at ",
                               Brief(absl::StrJoin(listed->peer_urls, ",")),
                               ": is this the right host, and does cluster.yaml have its peer address?"));
  }

  std::string Unforetold(size_t i) const {
    return absl::StrCat(HostAndFolder(cluster_.members[i]), ": expected data of member ",
                        cluster_.members[i].id, ", found data of member ", found_[i]->member_id,
                        " of this cluster");
  }

  void JudgeEmpty(size_t i) {
    const PlannedMember& member = cluster_.members[i];
    if (list_ == nullptr) {
      if (!established_) return;  // a new cluster, or one whose bootstrap was interrupted
      if (with_data_ >= cluster_.quorum()) {
        verdict_.ask_again.push_back(i);
      } else {
        lost_.push_back(i);
      }
      return;
    }
    const ListedMember* listed = FindListed(*list_, member);
    if (listed == nullptr) {
      problems_.Add({i},
                    absl::StrCat(HostAndFolder(member),
                                 ": the data folder is empty, and the cluster, which runs, does not list "
                                 "this member. Add it:",
                                 HowToReplace(cluster_, member, "")));
    } else if (!listed->client_urls.empty()) {
      problems_.Add({i}, absl::StrCat(HostAndFolder(member), ": the data folder is empty, but member ",
                                      listed->id, " has run with data (the cluster lists it at ",
                                      Brief(absl::StrJoin(listed->client_urls, ",")),
                                      "). Was it wiped, is it on another disk or host, or in another folder "
                                      "(etcd.data-dir)? If it is lost, "
                                      "replace the member:",
                                      HowToReplace(cluster_, member, listed->id)));
    } else if (listed->id != member.id && cluster_.initial_state == "new") {
      problems_.Add({i},
                    absl::StrCat(HostAndFolder(member), ": the cluster waits for member ", listed->id,
                                 ", which was added by hand, and one that starts as new would be ", member.id,
                                 ". In cluster.yaml, below etcd: flags: {initial-cluster-state: existing}"));
    }
  }

  // Members that are to join a cluster, where there is none.
  void JudgeInitialState() {
    if (cluster_.initial_state != "existing" || with_data_ > 0 || list_ != nullptr) return;
    // They may be the reason why nobody has data.
    if (!problems_.texts().empty() || !verdict_.forbidden.empty()) return;
    problems_.Add({},
                  "initial-cluster-state is existing, but no member has data and none answers, so there is "
                  "no cluster to join. Remove that flag from cluster.yaml to make a new cluster");
  }

  // Those that have no data, where the cluster has had data and too few are left.
  void ReportLost() {
    if (lost_.empty()) return;
    std::vector<std::string> hosts;
    for (size_t i : lost_) hosts.push_back(HostAndFolder(cluster_.members[i]));
    problems_.Add(
        lost_,
        absl::StrCat(
            "the cluster has been in use, does not answer, and only ", with_data_, " of ",
            Count(cluster_.members.size(), "member"), " have data; nothing is left on ",
            absl::StrJoin(hosts, ", "), ". A quorum is ", cluster_.quorum(),
            ": bring the folders back, or restore a snapshot on every host (`etcdctl snapshot restore`)"));
  }

  // Who answers at the member's address.
  void JudgeAnswer(size_t i) {
    const PlannedMember& member = cluster_.members[i];
    const absl::StatusOr<EndpointStatus>& status = live_.answers[i].status;
    // Who has taken its address is said already.
    if (problems_.Has(i) || !status.ok() || (found_[i].ok() && !found_[i]->lacks.empty())) return;
    const std::string& expected = HasData(i) ? found_[i]->member_id : member.id;
    if (status->cluster_id == cluster_.cluster_id && status->member_id == expected) return;
    // One that was added by hand, and joins just now.
    if (status->cluster_id == cluster_.cluster_id && list_ != nullptr) {
      const ListedMember* listed = FindListed(*list_, member);
      if (listed != nullptr && listed->id == status->member_id) return;
    }
    problems_.Add(
        {i}, absl::StrCat(member.host, ": expected member ", expected, " of cluster ", cluster_.cluster_id,
                          " at ", member.probe, ", found member ", status->member_id, " of cluster ",
                          status->cluster_id, ": another etcd runs there. Is the address the host's?"));
  }

  void Summarize() {
    const size_t members = cluster_.members.size();
    if (with_data_ == 0) {
      verdict_.summary = absl::StrCat("new cluster ", cluster_.cluster_id, ": no member has data yet");
      return;
    }
    verdict_.summary = absl::StrCat(Count(members, "member"), " of cluster ", cluster_.cluster_id, ": ",
                                    with_data_, with_data_ == 1 ? " has" : " have", " its data");
    for (size_t i = 0; i < members; ++i) {
      if (HasData(i) && absl::IsUnavailable(live_.answers[i].status.status())) verdict_.stopped.push_back(i);
    }
    if (!verdict_.stopped.empty()) {
      std::vector<std::string> silent;
      for (size_t i : verdict_.stopped) silent.push_back(cluster_.members[i].name);
      absl::StrAppend(&verdict_.summary, "; ", JoinAnd(silent), silent.size() == 1 ? " does" : " do",
                      " not answer");
    }
    if (verdict_.ask_again.empty()) return;
    std::vector<std::string> names;
    for (size_t i : verdict_.ask_again) names.push_back(cluster_.members[i].name);
    absl::StrAppend(&verdict_.summary, "; whether ", JoinAnd(names),
                    " may start is seen when the others answer");
  }

  const PlannedCluster& cluster_;
  const Found& found_;
  const LiveCluster& live_;
  const MemberList* const list_;  // of the cluster, where it answers
  Problems problems_;
  SurveyVerdict verdict_;
  size_t with_data_ = 0;
  size_t with_own_data_ = 0;  // with the ids foretold
  bool established_ = false;  // the cluster has had a leader, so a quorum has had data
  std::vector<size_t> lost_;
};

}  // namespace

bool SurveyVerdict::MustAskAgain(size_t member) const {
  return std::find(ask_again.begin(), ask_again.end(), member) != ask_again.end();
}

absl::Status SurveyVerdict::status() const {
  if (problems.empty() && forbidden.empty()) return absl::OkStatus();
  if (problems.empty())
    return absl::FailedPreconditionError(absl::StrCat("nothing was changed: ", forbidden));
  return absl::FailedPreconditionError(
      absl::StrCat("what is on the hosts is not what was planned; nothing was changed\n  ",
                   absl::StrJoin(problems, "\n  "), forbidden.empty() ? "" : "\n  ", forbidden));
}

std::vector<std::string> FolderProblems(const PlannedCluster& cluster, const Found& found) {
  Problems problems(cluster.members.size());
  FindFolderProblems(cluster, found, &problems);
  return std::move(problems.texts());
}

SurveyVerdict DecideOnSurvey(const PlannedCluster& cluster, const Found& found, const LiveCluster& live) {
  return Decision(cluster, found, live).Decide();
}

}  // namespace kplan
