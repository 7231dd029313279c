#include "src/trust/leaves_shown.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "src/base/at_once.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/etcd/member_dialer.h"
#include "src/probe/certificate_seen.h"
#include "src/probe/tls_probe.h"
#include "src/step/host_access.h"
#include "src/step/questions.h"

namespace kplan {
namespace {

// etcd reads its certificate anew at each handshake. What takes longer is a network that is down.
constexpr absl::Duration kPatience = absl::Seconds(30), kProbe = absl::Seconds(5);
// There is nothing to be told by: the server is another machine's process.
constexpr absl::Duration kPause = absl::Milliseconds(100);

// A port of a member, and what it has to show there.
struct Port {
  const MemberRecord& member;
  std::string url, certificate;  // the file, relative to DIR
  Dialer* dialer;
};

absl::StatusOr<bool> Runs(HostAccess* hosts, const MemberRecord& member) {
  absl::StatusOr<ServiceLookAnswer> look =
      ReadAnswer<ServiceLookAnswer>(hosts->Ask(member.host, ToJson(ServiceLookQuestion{*member.service})));
  if (!look.ok()) return look.status();
  return look->running;
}

// OK when PORT shows its leaf, or nothing runs there.
absl::Status AwaitLeaf(const StepContext& context, const Port& port) {
  absl::StatusOr<HostPort> target = ParseHttpsUrl(port.url);
  if (!target.ok()) return target.status();
  absl::StatusOr<std::string> pem = ReadFile(port.certificate);
  if (!pem.ok()) return pem.status();
  absl::StatusOr<std::string> wanted = FirstCertificateDer(*pem);
  if (!wanted.ok()) return wanted.status();
  const absl::Time deadline = context.clock->Now() + kPatience;
  for (;;) {
    absl::StatusOr<ProbeResult> seen =
        ProbeTls(*target, *pem, ClientIdentity(), absl::Now() + kProbe, {}, port.dialer);
    if (seen.ok() && seen->certificate == *wanted) return absl::OkStatus();
    if (!seen.ok()) {
      absl::StatusOr<bool> runs = Runs(context.hosts, port.member);
      if (runs.ok() && !*runs) return absl::OkStatus();
    }
    if (context.clock->Now() < deadline) {
      context.clock->SleepFor(kPause);
      continue;
    }
    std::string shown = seen.ok() ? "no certificate" : std::string(seen.status().message());
    if (seen.ok() && !seen->certificate.empty()) {
      absl::StatusOr<CertificateSeen> other = DescribeCertificate(seen->certificate);
      shown = other.ok() ? CertificateText(*other) : std::string(other.status().message());
    }
    return absl::FailedPreconditionError(absl::StrCat(
        port.member.name, " at ", port.url, " does not show the certificate in ", port.certificate, ": ",
        shown, "\n  While somebody shows what the generation before signed, that has to be trusted.\n",
        "  next: see why (its log, who listens there); then run ninja again: it goes on from here"));
  }
}

// Has SERVICE read its own leaves, where it reads them once.
absl::Status ReadLeaves(const StepContext& context, const TrustingService& service, StepResult* result) {
  if (service.shows.empty() || service.service.manager == "none") return absl::OkStatus();
  ServiceRecord part = service.service;
  part.only = service.shows;
  absl::StatusOr<ServiceLookAnswer> look =
      ReadAnswer<ServiceLookAnswer>(context.hosts->Ask(service.host, ToJson(ServiceLookQuestion{part})));
  if (!look.ok()) return look.status();
  // One that does not run is started in its turn, and reads them then.
  if (!look->restarts && !look->reloads) return absl::OkStatus();
  const std::string label = absl::StrCat("service/", service.host, "/", part.name);
  absl::StatusOr<StepResult> done = context.hosts->RunStep(service.host, label, ToJson(part));
  if (!done.ok()) return done.status();
  absl::StrAppend(&result->output, label, ": ", done->reason, "\n");
  return absl::OkStatus();
}

}  // namespace

absl::Status AwaitLeavesShown(const StepContext& context, const TrustRecord& record, StepResult* result) {
  if (context.hosts == nullptr) return absl::InternalError("no way to reach the hosts");
  for (const TrustingService& service : record.services) {
    if (absl::Status status = ReadLeaves(context, service, result); !status.ok()) return status;
  }
  std::vector<std::shared_ptr<MemberDialer>> dialers;
  std::vector<Port> ports;
  for (const TrustingEtcd& etcd : record.etcds) {
    dialers.push_back(MemberDialer::Make(context.hosts, etcd.rollout.cluster));
    Dialer* const dialer = dialers.back().get();
    for (const MemberRecord& member : etcd.rollout.cluster.members) {
      ports.push_back({member, member.probe, member.server_cert, dialer});
      // Who is alone may have a plain port for others, which is then nobody's.
      if (absl::StartsWith(member.peer_probe, "https://") && !member.peer_cert.empty())
        ports.push_back({member, member.peer_probe, member.peer_cert, dialer});
    }
  }
  std::vector<absl::Status> statuses(ports.size());
  AtOnce(ports.size(), [&](size_t i) { statuses[i] = AwaitLeaf(context, ports[i]); });
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  if (!ports.empty())
    absl::StrAppend(&result->output, Count(ports.size(), "port"), " of members show their new leaves\n");
  result->reason = "every server shows its new leaf";
  return absl::OkStatus();
}

}  // namespace kplan
