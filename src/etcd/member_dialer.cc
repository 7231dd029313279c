#include "src/etcd/member_dialer.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "src/base/host_port_text.h"
#include "src/probe/listening.h"

namespace kplan {
namespace {

// How long a packet from here may be without an answer until it is taken for dropped, where hosts are another
// way: TCP asks again after one second.
constexpr absl::Duration kHere = absl::Seconds(2);
// For so long a host that could not be reached is not tried again.
constexpr absl::Duration kPause = absl::Seconds(5);

}  // namespace

std::shared_ptr<MemberDialer> MemberDialer::Make(HostAccess* hosts, const ClusterFields& fields) {
  const AskFrom from = AskFromWord(fields.ask_from);
  const bool elsewhere = std::any_of(fields.members.begin(), fields.members.end(),
                                     [](const MemberRecord& member) { return member.over_ssh(); });
  if (hosts == nullptr || from == AskFrom::kHere || !elsewhere) return nullptr;
  std::shared_ptr<MemberDialer> made(new MemberDialer(hosts, from));
  for (const MemberRecord& member : fields.members) {
    const std::string host = member.over_ssh() ? member.host : "";
    made->AddPort(member.probe, host, member.own_probe);
    if (!member.peer_probe.empty()) made->AddPort(member.peer_probe, host, member.own_peer_probe);
    for (const std::string& url : member.peer_urls) made->AddPort(url, host);
    if (host.empty()) continue;
    made->names_.push_back(host);
    made->carriers_[host];
  }
  return made;
}

// A URL that is none is told by who asks there.
void MemberDialer::AddPort(const std::string& url, const std::string& host, const std::string& own) {
  absl::StatusOr<HostPort> target = ParseHttpsUrl(url);
  if (!target.ok()) return;
  Port port{host, std::nullopt, std::nullopt};
  if (absl::StatusOr<HostPort> address = ParseHostPort(own); address.ok()) port.own = *std::move(address);
  const std::optional<HostPort> there = port.own;
  if (!ports_.emplace(HostPortText(*target), std::move(port)).second) return;
  targets_.push_back(*std::move(target));
  if (!there.has_value()) return;
  const auto same = [&](const HostPort& it) { return it.host == there->host && it.port == there->port; };
  if (std::none_of(targets_.begin(), targets_.end(), same)) targets_.push_back(*there);
}

absl::StatusOr<Connection> MemberDialer::Dial(const HostPort& target, absl::Duration timeout) {
  Port port;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = ports_.find(HostPortText(target));
    if (found != ports_.end()) port = found->second;
    // Where packets from here did not get to one port of a host, they are not waited for at another.
    for (const auto& [name, other] : ports_) {
      if (!port.worked.has_value() && other.host == port.host && !other.worked.value_or("").empty())
        port.worked = other.worked;
    }
  }
  if (port.host.empty()) return DialFromHere(target, absl::Now() + timeout);
  std::vector<WayTried> tried;
  while (std::optional<std::string> way = NextWay(from_, names_, port.host, port.worked, tried)) {
    const bool sure = port.worked == *way;
    absl::StatusOr<Connection> connection =
        way->empty()
            ? DialFromHere(target, absl::Now() + (sure ? timeout : std::min(timeout, kHere)))
            : DialFrom(*way, *way == port.host && port.own.has_value() ? *port.own : target, timeout);
    if (connection.ok()) {
      std::lock_guard<std::mutex> lock(mutex_);
      ports_[HostPortText(target)].worked = *way;
      return connection;
    }
    tried.push_back({*std::move(way), connection.status()});
  }
  return NoWayLed(tried, port.host);
}

std::optional<std::string> MemberDialer::WayTo(const HostPort& target) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = ports_.find(HostPortText(target));
  return found == ports_.end() ? std::nullopt : found->second.worked;
}

bool MemberDialer::IsFromHere(const HostPort& target) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = ports_.find(HostPortText(target));
  if (found == ports_.end() || found->second.host.empty()) return true;
  return from_ == AskFrom::kBoth && found->second.worked == "";
}

absl::StatusOr<Connection> MemberDialer::DialFrom(const std::string& host, const HostPort& target,
                                                  absl::Duration timeout) {
  // A session that has ended meanwhile is begun anew, once.
  for (bool again = false;; again = true) {
    absl::StatusOr<std::shared_ptr<Dialer>> session = SessionWith(host);
    if (!session.ok()) return absl::AbortedError(session.status().message());
    if (*session == nullptr) return DialFromHere(target, absl::Now() + timeout);
    absl::StatusOr<Connection> connection = (*session)->Dial(target, timeout);
    if (!absl::IsAborted(connection.status())) return connection;
    Forget(host, *session);
    if (again) return connection;
  }
}

absl::Status MemberDialer::DialFromThisMachine(const HostPort& target, absl::Duration timeout) const {
  if (from_ != AskFrom::kBoth) return absl::AbortedError("nobody is asked from here");
  return kplan::DialFromHere(target, absl::Now() + timeout).status();
}

absl::StatusOr<std::shared_ptr<Dialer>> MemberDialer::SessionWith(const std::string& host) {
  auto found = carriers_.find(host);
  if (found == carriers_.end()) return absl::InternalError(absl::StrCat(host, " carries nothing"));
  Carrier& carrier = found->second;
  std::lock_guard<std::mutex> lock(carrier.mutex);
  if (carrier.session != nullptr) return carrier.session;
  if (!carrier.failure.ok() && absl::Now() - carrier.failed < kPause) return carrier.failure;
  absl::StatusOr<std::unique_ptr<Dialer>> session = hosts_->DialFrom(host, targets_);
  carrier.failure = session.status();
  carrier.failed = absl::Now();
  if (!session.ok()) return session.status();
  carrier.session = *std::move(session);
  return carrier.session;
}

void MemberDialer::Forget(const std::string& host, const std::shared_ptr<Dialer>& session) {
  Carrier& carrier = carriers_.at(host);
  std::lock_guard<std::mutex> lock(carrier.mutex);
  if (carrier.session == session) carrier.session = nullptr;
}

}  // namespace kplan
