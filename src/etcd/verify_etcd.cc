// Whether the etcd that runs is the one that was asked for: a verdict that is earned.
//
// The log of a cluster's member can be asked for where its host is said; its manager, where that is not said,
// is systemd below the root "/" and else process. With its peer key it is shown that its peer port lets its
// own member in. A single member may have a peer probe of http: nobody is to connect there, and it is not
// looked at.
//
// The checks, in this order: every member reads through the quorum for a client, over TLS (waited for, at
// most `timeout`); shows the very certificate that is installed, good for the address it was asked at;
// `etcdctl member list` has exactly the members, with the ids, names and URLs foretold, started and no
// learners; each endpoint is the member it should be, in the cluster it should be; and every kind of stranger
// in `refuse` is turned away, seen on the wire, while a good client still gets in. In a cluster every member
// is asked at its own endpoint, all at the same time, also at its peer port. Certificates are asked for of
// the CAs that are to be trusted and no others. Besides, in a cluster: no alarms, one leader, one term, one
// version, a log that is followed; every member reaches every other one's peer port, from its own host; a
// write is read back on every member; and all have the same data. What one member fails at does not keep the
// others from being looked at, and the error names them all.
//
// The verdict is a fact of one moment, so its digest covers the time too: nothing is made from it, and the
// stamp is then always newer than the report.

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "src/base/at_once.h"
#include "src/base/clock.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/etcd/etcdctl.h"
#include "src/etcd/verify_cluster.h"
#include "src/etcd/verify_data.h"
#include "src/etcd/verify_members.h"
#include "src/etcd/verify_reach.h"
#include "src/etcd/verify_refusals.h"
#include "src/etcd/verify_report.h"
#include "src/etcd/verify_serving.h"
#include "src/etcd/verify_table.h"
#include "src/etcd/verify_write.h"
#include "src/host/host_file.h"
#include "src/pki/openssl_util.h"
#include "src/step/host_access.h"
#include "src/step/outlook.h"
#include "src/step/questions.h"
#include "src/step/step.h"
#include "src/step/waited.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

// What becomes of one member in a phase of the verification; each is written by one thread.
struct MemberCourse {
  std::vector<Finding> findings;
  MemberSeen seen;
  bool healthy = false;
  absl::Duration waited;
  std::vector<Refusal> refusals;

  void Add(Finding finding) {
    if (!finding.ok()) findings.push_back(std::move(finding));
  }
};

// It answers, and shows the right certificates.
void CheckServing(const ClusterExpected& cluster, const MemberExpected& member, MemberCourse* course) {
  ProbeResult probe;
  const absl::Time begun = cluster.clock->Now();
  course->findings = AwaitHealth(cluster, member, &probe);
  course->healthy = course->findings.empty();
  course->waited = cluster.clock->Now() - begun;
  if (!course->healthy) return;
  course->seen.endpoint = member.client.url;
  course->Add(CheckServedCertificate(cluster, member.client, probe, &course->seen.certificate));
  if (member.peer.url.empty()) return;
  course->seen.peer_endpoint = member.peer.url;
  course->Add(CheckPeerCertificate(cluster, member, &course->seen.peer_certificate));
}

// Nobody gets in that should not. Only the first finding of each port is told: the others follow from it.
void CheckStrangers(const ClusterExpected& cluster, const MemberExpected& member, MemberCourse* course) {
  for (const ExpectedPort* port : {&member.client, &member.peer}) {
    if (port->url.empty()) continue;
    Finding finding;
    for (const std::string& kind : cluster.refuse) {
      finding = CheckRefused(cluster, member, *port, kind, &course->refusals);
      if (!finding.ok()) break;
    }
    if (finding.ok()) finding = CheckTrust(cluster, *port);
    course->Add(std::move(finding));
  }
}

class Verification {
 public:
  Verification(const std::string& label, ClusterExpected* cluster, VerifyReport* report)
      : label_(label), cluster_(*cluster), report_(*report), courses_(cluster->members.size()) {
    report_.label = label;
    report_.clustered = cluster->clustered;
  }

  // *WAITED: lines about what took long.
  void Run(std::string* waited) {
    Finding unreadable = ReadCertificates(&cluster_, [](const std::string&) { return false; });
    if (!unreadable.ok()) return Fail(std::move(unreadable));
    AtOnce(courses_.size(), [&](size_t i) { CheckServing(cluster_, cluster_.members[i], &courses_[i]); });
    std::vector<Finding> gaps = CheckPeerReach(cluster_, waited);
    std::vector<size_t> good;  // what is wrong with the others would only be found again
    for (size_t i = 0; i < courses_.size(); ++i) {
      MemberCourse& course = courses_[i];
      if (course.healthy) {
        *waited +=
            WaitedLine(label_, course.waited, absl::StrCat(cluster_.members[i].client.url, " was healthy"));
      }
      if (course.findings.empty()) good.push_back(i);
    }
    const bool all_serve = good.size() == courses_.size();
    std::vector<Finding> findings;
    if (all_serve || cluster_.clustered) {
      VerifyReport asked;  // of the good ones alone
      for (size_t i : good) asked.members.push_back(courses_[i].seen);
      if (!good.empty()) findings = CheckMembership(cluster_, good, &asked);
      for (size_t i = 0; i < good.size(); ++i) courses_[good[i]].seen = std::move(asked.members[i]);
      report_.cluster_id = asked.cluster_id;
    }
    if ((all_serve && findings.empty()) || cluster_.clustered) {
      AtOnce(good.size(),
             [&](size_t i) { CheckStrangers(cluster_, cluster_.members[good[i]], &courses_[good[i]]); });
    }
    for (size_t i = 0; i < courses_.size(); ++i) {
      MemberCourse& course = courses_[i];
      if (course.healthy) report_.members.push_back(std::move(course.seen));
      for (Refusal& refusal : course.refusals) report_.refusals.push_back(std::move(refusal));
      for (Finding& finding : course.findings) {
        if (cluster_.clustered && finding.member.empty()) finding.member = cluster_.members[i].name;
        Fail(std::move(finding));
      }
    }
    for (Finding& finding : findings) Fail(std::move(finding));
    for (Finding& gap : gaps) Fail(std::move(gap));
    if (!cluster_.clustered || !report_.ok()) return;
    for (Finding& finding : CheckWrite(cluster_, &report_.write)) Fail(std::move(finding));
    if (!report_.ok() || cluster_.members.size() < 2) return;
    for (Finding& finding : CheckData(cluster_, report_.write.revision, &report_.data))
      Fail(std::move(finding));
  }

 private:
  // Members tell of the same alarm: once is enough.
  void Fail(Finding finding) {
    for (const Finding& other : report_.failures) {
      if (other.check == finding.check && other.member == finding.member && other.seen == finding.seen)
        return;
    }
    report_.failures.push_back(std::move(finding));
  }

  const std::string& label_;
  ClusterExpected& cluster_;
  VerifyReport& report_;
  std::vector<MemberCourse> courses_;
};

std::string FailureText(const std::vector<Finding>& failures) {
  std::vector<std::string> texts;
  for (const Finding& failure : failures) {
    texts.push_back(absl::StrCat("verification failed: ", failure.check, failure.member.empty() ? "" : " of ",
                                 failure.member, "\n  expected: ", failure.expected,
                                 "\n  seen:     ", failure.seen, "\n  look at:  ", failure.advice));
  }
  return absl::StrJoin(texts, "\n");
}

std::vector<std::string> ClientUrlsOf(const ClusterExpected& cluster) {
  std::vector<std::string> urls;
  for (const MemberExpected& member : cluster.members) urls.push_back(member.client.url);
  return urls;
}

// The last log lines of whoever failed, each indented, with a line above that says whose they are.
std::string LogText(const StepContext& context, const ClusterExpected& cluster,
                    const std::vector<Finding>& failures) {
  if (cluster.members[0].host.empty()) {
    return absl::StrCat("\n  the last log lines of ", cluster.service, ":\n",
                        LastLogLines(cluster.manager, cluster.root, cluster.service));
  }
  std::string text;
  for (const MemberExpected& member : cluster.members) {
    const bool failed = !cluster.clustered ||
                        std::any_of(failures.begin(), failures.end(),
                                    [&](const Finding& finding) { return finding.member == member.name; });
    if (!failed || member.host.empty() || context.hosts == nullptr) continue;
    absl::StatusOr<Json> answer = context.hosts->Ask(
        member.host, ToJson(ServiceLogQuestion{member.manager, cluster.service, member.root}));
    absl::StatusOr<ServiceLogAnswer> log = ReadAnswer<ServiceLogAnswer>(answer);
    absl::StrAppend(&text, "\n  the last log lines of ", cluster.service, " on ", member.host, ":\n");
    if (log.ok()) {
      absl::StrAppend(&text, log->lines);
    } else {
      absl::StrAppend(&text, "    (they cannot be had: ",
                      answer.ok() ? "an answer without lines" : answer.status().message(), ")\n");
    }
  }
  return text;
}

}  // namespace

absl::StatusOr<StepResult> VerifyStep(const StepContext& context, const VerifyRecord& record) {
  InitOpenSsl();
  absl::StatusOr<ClusterExpected> cluster = ReadClusterExpected(record, context.clock, context.hosts);
  if (!cluster.ok()) return cluster.status();
  VerifyReport report;
  StepResult result;
  Verification(context.label, &*cluster, &report).Run(&result.output);
  std::string text = report.ToJson(context.now);
  if (absl::Status status = WriteFile(record.report, text, 0644); !status.ok()) return status;
  if (!report.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(FailureText(report.failures), LogText(context, *cluster, report.failures)));
  }
  result.output += VerdictTable(report, context.now);
  const bool from_here =
      std::all_of(cluster->members.begin(), cluster->members.end(), [&](const MemberExpected& member) {
        return cluster->dialer() == nullptr || cluster->dialer()->IsFromHere(member.client.target);
      });
  absl::StrAppend(&result.output, from_here ? "ask it: " : "ask it, where its ports can be reached: ",
                  EtcdctlLine(cluster->etcdctl, ClientUrlsOf(*cluster), {"member", "list"}), "\n");
  result.digest = Sha256Hex(text);
  result.files.push_back(record.report);
  return result;
}

// A verdict is about a moment, and never right already. This asks nobody: it looks only whether there is
// everything to ask with.
absl::StatusOr<Outlook> VerifyLook(const LookContext& context, const VerifyRecord& record) {
  absl::StatusOr<ClusterExpected> cluster = ReadClusterExpected(record, Clock::Real(), /*hosts=*/nullptr,
                                                                /*root_to_come=*/!context.foreseen.empty());
  if (!cluster.ok()) return cluster.status();
  auto is_to_come = [&](const std::string& path) {
    absl::string_view inside = absl::StripPrefix(path, absl::StripSuffix(cluster->root, "/"));
    return context.foreseen.Find(PathFromHere(record.root, inside)) != nullptr;
  };
  Finding finding = ReadCertificates(&*cluster, is_to_come);
  const std::string& etcdctl = cluster->etcdctl.program;
  if (finding.ok() && !absl::StrContains(etcdctl, '/')) {
    if (FindProgram(etcdctl).empty()) {
      finding = {"etcdctl", "a program etcdctl on this machine", "PATH has none",
                 "install etcdctl, or add an archive of this machine's architecture to etcd.archive"};
    }
  } else if (finding.ok() && !is_to_come(etcdctl) && access(etcdctl.c_str(), X_OK) != 0) {
    const absl::Status status = ErrnoStatus(errno, absl::StrCat("cannot run ", etcdctl));
    finding = {"etcdctl", absl::StrCat(etcdctl, " member list succeeds"), std::string(status.message()),
               "the install steps put it there; run ninja again"};
  }
  if (!finding.ok()) return absl::FailedPreconditionError(FailureText({finding}));
  Outlook outlook;
  outlook.changes_digest = true;  // the time of the verdict is in it
  return outlook;
}

}  // namespace kplan
