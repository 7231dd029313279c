#include "src/etcd/verify_members.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "src/base/clock.h"
#include "src/etcd/client_rights.h"
#include "src/etcd/verify_alarms.h"

namespace kplan {
namespace {

// There is nothing to be told by: the members are processes of other machines.
constexpr absl::Duration kPause = absl::Milliseconds(50);

std::vector<std::string> Sorted(std::vector<std::string> items) {
  std::sort(items.begin(), items.end());
  return items;
}

std::string Listed(const std::vector<std::string>& items) {
  return items.empty() ? "nothing" : absl::StrJoin(Sorted(items), ",");
}

// "8e9e05c52164694d etcd http://localhost:2380 https://127.0.0.1:2379", in the order of the ids.
std::string ListText(const MemberList& list) {
  std::vector<std::string> lines;
  for (const ListedMember& member : list.members) {
    lines.push_back(absl::StrCat(member.id, " ", member.name.empty() ? "(never started)" : member.name, " ",
                                 absl::StrJoin(member.peer_urls, ","), " ",
                                 absl::StrJoin(member.client_urls, ","), member.learner ? " learner" : ""));
  }
  return absl::StrJoin(Sorted(lines), " | ");
}

const ListedMember* FindListed(const ClusterExpected& cluster, const MemberExpected& member,
                               const MemberList& list) {
  for (const ListedMember& listed : list.members) {
    if (listed.id == member.id) return &listed;
  }
  if (!cluster.clustered) return nullptr;
  for (const ListedMember& listed : list.members) {
    if (listed.name == member.name && listed.peer_urls == Sorted(member.peer_urls)) return &listed;
  }
  return nullptr;
}

class Judge {
 public:
  Judge(const ClusterExpected& cluster, Judgement* judgement) : cluster_(cluster), judgement_(judgement) {}

  void Lasting(Finding finding, const MemberExpected* member) {
    Add(std::move(finding), member, &judgement_->lasting);
  }
  void Passing(Finding finding, const MemberExpected* member) {
    Add(std::move(finding), member, &judgement_->passing);
  }

  // What MEMBER could not be asked.
  void Unanswered(const MemberExpected& member, const absl::Status& status) {
    Finding finding = {"etcdctl",
                       absl::StrCat(cluster_.etcdctl.program, " asks ", member.client.url,
                                    " for its status and its list of members"),
                       std::string(status.message()),
                       "is it the etcdctl of this architecture and of etcd's version?"};
    if (absl::IsNotFound(status)) {
      Lasting(std::move(finding), nullptr);  // the program: the same for all
    } else {
      Passing(std::move(finding), &member);
    }
  }

  void JudgeList(const MemberList& list) {
    if (list.members.size() != cluster_.members.size()) {
      Lasting({"member-count", absl::StrCat(cluster_.members.size(), " members"),
               absl::StrCat(list.members.size(), " members: ", ListText(list)),
               "members that were added by hand, or a data folder that belongs to another cluster"},
              nullptr);
      return;
    }
    for (const MemberExpected& member : cluster_.members) JudgeListed(member, list);
  }

  void JudgeStatus(const MemberExpected& member, const EndpointStatus& status, const MemberList& list) {
    if (status.cluster_id != cluster_.cluster_id) {
      Lasting({"cluster-id", absl::StrCat("cluster ", cluster_.cluster_id, " at ", member.client.url),
               absl::StrCat("cluster ", status.cluster_id),
               "the id follows from the members' ids at bootstrap: a data folder of an earlier cluster keeps "
               "its own"},
              &member);
      return;
    }
    const ListedMember* listed = FindListed(cluster_, member, list);
    if (listed != nullptr && status.member_id != listed->id) {
      Lasting({"endpoint-member", absl::StrCat("member ", listed->id, " at ", member.client.url),
               absl::StrCat("member ", status.member_id), "which etcd listens at that address"},
              &member);
    }
    for (Finding& alarm : AlarmFindings(cluster_, status.errors)) Lasting(std::move(alarm), nullptr);
    if (!cluster_.clustered || cluster_.version.empty() || status.version == cluster_.version) return;
    Lasting({"version", absl::StrCat("etcd ", cluster_.version, " at ", member.client.url), status.version,
             "a member that still runs the program from before: was it restarted?"},
            &member);
  }

  // Whether the members that answered are of one mind. ANSWERED is by the members asked, null for none.
  void JudgeAgreement(const std::vector<std::pair<const MemberExpected*, const EndpointStatus*>>& answered,
                      uint64_t least_index) {
    const MemberExpected* first = answered.front().first;
    const EndpointStatus& leading = *answered.front().second;
    for (const auto& [member, status] : answered) {
      if (status->version != leading.version && cluster_.version.empty()) {
        Lasting({"version", absl::StrCat("etcd ", leading.version, ", as ", first->name, " has"),
                 absl::StrCat(status->version, " at ", member->client.url),
                 "a member that still runs the program from before: was it restarted?"},
                member);
      }
      if (status->leader_id.empty() || status->leader_id != leading.leader_id) {
        Passing({"leader", "one leader that all members follow",
                 absl::StrCat(LeaderText(*status), " at ", member->client.url, ", ", LeaderText(leading),
                              " at ", first->client.url),
                 "the network between the members: who hears no leader calls an election"},
                member);
      } else if (status->raft_term != leading.raft_term) {
        Passing({"raft-term", absl::StrCat("term ", leading.raft_term, ", as ", first->name, " has"),
                 absl::StrCat("term ", status->raft_term, " at ", member->client.url),
                 "elections that follow each other: the network between the members, and slow disks"},
                member);
      }
      if (status->raft_applied_index < least_index) {
        Passing({"raft-index", absl::StrCat("the log applied up to ", least_index, ", as others have it"),
                 absl::StrCat(status->raft_applied_index, " at ", member->client.url),
                 "a member that does not catch up: its disk, the network to it, and its log"},
                member);
      }
    }
  }

 private:
  static std::string LeaderText(const EndpointStatus& status) {
    return status.leader_id.empty() ? "no leader" : absl::StrCat("member ", status.leader_id);
  }

  void JudgeListed(const MemberExpected& member, const MemberList& list) {
    const ListedMember* listed = FindListed(cluster_, member, list);
    if (listed == nullptr) {
      Lasting({"member-id", absl::StrCat("a member ", member.id, " (", member.name, ")"), ListText(list),
               cluster_.clustered
                   ? "a member of another id must have the name and the peer URLs of the spec, as one that "
                     "was removed and added again has"
                   : "the id follows from the peer URLs and the initial-cluster-token: a data folder of an "
                     "earlier cluster keeps its ids"},
              &member);
      return;
    }
    auto differs = [&](const char* check, const std::string& expected, const std::string& seen,
                       const char* advice) {
      return Finding{check, absl::StrCat(expected, " for member ", listed->id), seen, advice};
    };
    if (listed->name.empty()) {
      Lasting(differs("member-status", "started", "unstarted", "that member's log"), &member);
    } else if (listed->name != member.name) {
      Lasting(differs("member-name", member.name, listed->name, "etcd's name flag"), &member);
    } else if (listed->peer_urls != Sorted(member.peer_urls)) {
      Lasting(differs("peer-urls", Listed(member.peer_urls), Listed(listed->peer_urls),
                      "a member keeps its peer URLs until `etcdctl member update`"),
              &member);
    } else if (listed->client_urls != Sorted(member.client_urls)) {
      Finding finding = differs("client-urls", Listed(member.client_urls), Listed(listed->client_urls),
                                "advertise-client-urls; etcd publishes it when it starts");
      if (cluster_.clustered && listed->client_urls.empty()) {
        Passing(std::move(finding), &member);  // it has just started, and not published them yet
      } else {
        Lasting(std::move(finding), &member);
      }
    } else if (listed->learner) {
      Lasting(differs("learner", "no learner", "a learner", "`etcdctl member promote`"), &member);
    }
  }

  // One of every kind: the members tell of the same things.
  void Add(Finding finding, const MemberExpected* member, std::vector<Finding>* findings) {
    if (cluster_.clustered && member != nullptr) finding.member = member->name;
    for (const Finding& other : *findings) {
      if (other.check == finding.check && other.member == finding.member && other.seen == finding.seen)
        return;
    }
    findings->push_back(std::move(finding));
  }

  const ClusterExpected& cluster_;
  Judgement* judgement_;
};

void Note(const ClusterExpected& cluster, const MemberExpected& member, const MemberAnswer& answer,
          MemberSeen* seen) {
  const EndpointStatus& status = *answer.status;
  seen->version = status.version;
  seen->leader = status.leader_id == status.member_id;
  seen->raft_term = status.raft_term;
  seen->raft_index = status.raft_applied_index;
  if (const ListedMember* listed = FindListed(cluster, member, *answer.list)) {
    seen->id = listed->id;
    seen->name = listed->name;
    seen->peer_urls = listed->peer_urls;
    seen->client_urls = listed->client_urls;
  }
}

// That auth lets MEMBER say no more than ANSWER; it is the same of all.
Finding Forbidden(const ClusterExpected& cluster, const MemberExpected& member, const MemberAnswer& answer) {
  const std::string& url = member.client.url;
  return {"auth",
          absl::StrCat(cluster.etcdctl.program, " asks ", url, " for its status and its list of members"),
          std::string((answer.status.ok() ? answer.list.status() : answer.status.status()).message()),
          WantOfRights(cluster.etcdctl, {url}, AskClientRights(cluster.etcdctl, url), EtcdRight::kRoot,
                       "ask for the status of members")};
}

}  // namespace

Judgement JudgeMembership(const ClusterExpected& cluster, const std::vector<size_t>& asked,
                          const std::vector<MemberAnswer>& answers, uint64_t least_index,
                          std::vector<MemberSeen>* seen) {
  Judgement judgement;
  Judge judge(cluster, &judgement);
  std::vector<std::pair<const MemberExpected*, const EndpointStatus*>> answered;
  for (size_t i = 0; i < asked.size(); ++i) {
    const MemberExpected& member = cluster.members[asked[i]];
    const MemberAnswer& answer = answers[i];
    if (answer.status.ok()) answered.emplace_back(&member, &*answer.status);
    if (!answer.status.ok() || !answer.list.ok()) {
      judge.Unanswered(member, answer.status.ok() ? answer.list.status() : answer.status.status());
      continue;
    }
    judge.JudgeList(*answer.list);
    judge.JudgeStatus(member, *answer.status, *answer.list);
    Note(cluster, member, answer, &(*seen)[i]);
  }
  if (cluster.clustered && !answered.empty()) judge.JudgeAgreement(answered, least_index);
  return judgement;
}

std::vector<Finding> CheckMembership(const ClusterExpected& cluster, const std::vector<size_t>& asked,
                                     VerifyReport* report) {
  PlannedCluster planned;
  planned.cluster_id = cluster.cluster_id;
  planned.etcdctl = cluster.etcdctl;
  for (size_t i : asked) {
    planned.members.emplace_back();
    planned.members.back().probe = cluster.members[i].client.url;
  }
  const absl::Time until = PatienceDeadline(cluster);
  uint64_t least_index = 0;  // what the first look has seen anywhere
  for (;;) {
    LiveCluster live = AskLiveCluster(planned);
    for (const MemberAnswer& answer : live.answers) {
      if (!answer.status.ok()) continue;
      report->cluster_id = answer.status->cluster_id;
    }
    if (least_index == 0) {
      for (const MemberAnswer& answer : live.answers) {
        if (answer.status.ok()) least_index = std::max(least_index, answer.status->raft_index);
      }
    }
    for (size_t i = 0; i < asked.size(); ++i) {
      if (live.answers[i].forbidden())
        return {Forbidden(cluster, cluster.members[asked[i]], live.answers[i])};
    }
    Judgement judgement = JudgeMembership(cluster, asked, live.answers, least_index, &report->members);
    if (!judgement.lasting.empty()) return judgement.lasting;
    if (judgement.passing.empty() || cluster.clock->Now() >= until) return judgement.passing;
    cluster.clock->SleepFor(kPause);
  }
}

}  // namespace kplan
