#include "src/steps/service/ports.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "src/base/files.h"
#include "src/base/host_port_text.h"
#include "src/base/ip_address.h"
#include "src/base/text.h"
#include "src/probe/listening.h"
#include "src/probe/taken_ports.h"

namespace kplan {
namespace {

// The URLs of the option that ARGUMENT is the value of, or has a value of its own ("--listen-peer-urls=...").
void AddUrls(absl::string_view value, std::vector<HostPort>* addresses) {
  for (absl::string_view url : absl::StrSplit(value, ',')) {
    const std::optional<UrlParts> parts = SplitUrl(url);
    if (!parts.has_value()) continue;
    absl::StatusOr<HostPort> address = ParseHostPort(parts->host_port);
    if (address.ok()) addresses->push_back(*std::move(address));
  }
}

bool IsListenOption(absl::string_view option) {
  if (!absl::ConsumePrefix(&option, "-")) return false;
  absl::ConsumePrefix(&option, "-");
  return absl::StartsWith(option, "listen-") && absl::EndsWith(option, "-urls");
}

// What shares its ports with others of its kind is told so.
bool SharesPorts(const ServiceSpec& service) {
  return std::any_of(service.argv.begin(), service.argv.end(), [](const auto& argument) {
    return absl::StrContains(argument.first, "-socket-reuse-port") &&
           !absl::EndsWith(argument.first, "=false");
  });
}

std::string UnitOf(pid_t pid) {
  absl::StatusOr<std::string> cgroup = ReadFile(absl::StrCat("/proc/", pid, "/cgroup"), 1 << 16);
  return cgroup.ok() ? UnitOfCgroup(*cgroup) : "";
}

// "10:12", or with its date when that is another day's.
std::string SinceText(const Instance& instance) {
  const absl::Time now = absl::Now(), since = StartOf(instance, now);
  const absl::TimeZone utc = absl::UTCTimeZone();
  const bool today = absl::ToCivilDay(since, utc) == absl::ToCivilDay(now, utc);
  return absl::StrCat(absl::FormatTime(today ? "%H:%M" : "%Y-%m-%d %H:%M", since, utc), " UTC");
}

// "`python3` (process 4711, since 10:12 UTC, unit x.service)"
std::string Describe(const ListeningSocket& socket, const std::vector<pid_t>& holders) {
  for (pid_t pid : holders) {
    const std::optional<Instance> instance = FindInstance(pid);
    const std::optional<ProcessName> name = NameOf(pid);
    if (!instance.has_value() || !name.has_value()) continue;
    const std::string unit = UnitOf(pid);
    return absl::StrCat("`", Shown(name->name), "` (process ", pid, ", since ", SinceText(*instance),
                        unit.empty() ? "" : ", unit ", Shown(unit), ")");
  }
  if (socket.user == geteuid()) return "a process that is not seen from here";
  return absl::StrCat("another user's process (user id ", socket.user, ")");
}

// From when a process that ends has given back its memory, and has no program any more, until its descriptors
// are closed, too.
constexpr absl::Duration kMomentToEnd = absl::Seconds(2);

// Those of HOLDERS that do not just end: what was told to stop by a run that was killed then is no obstacle.
std::vector<pid_t> WithoutEnding(std::vector<pid_t> holders) {
  auto ends = [](pid_t pid) {
    if (!ExeOf(pid).empty()) return false;
    const std::optional<Instance> instance = FindInstance(pid);
    if (!instance.has_value()) return true;
    absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(*instance);
    return absl::IsNotFound(process.status()) || (process.ok() && process->AwaitEnd(kMomentToEnd));
  };
  holders.erase(std::remove_if(holders.begin(), holders.end(), ends), holders.end());
  return holders;
}

// Whether OCTETS and PORT come free in this moment. The kernel closes the sockets of a process that ended a
// little later, and nobody holds them meanwhile.
bool ComesFree(absl::string_view octets, int port) {
  const absl::Time deadline = absl::Now() + kMomentToEnd;
  while (IsInUse(octets, port)) {
    if (absl::Now() >= deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

// That no interface of this machine has some of the addresses at which SERVICE is to listen by its options:
// it would end with "cannot assign requested address". "": there are none of those. RUNS_WITH: as in
// AddressesOf.
std::string WhyTheyAreNotHere(const ServiceSpec& service,
                              const std::optional<std::vector<std::string>>& runs_with) {
  ServiceSpec listening = service;
  listening.answers.clear();
  std::vector<std::string> missing;
  for (const HostPort& target : AddressesOf(listening, runs_with)) {
    const std::string octets = IpOctets(target.host);
    if (!octets.empty() && IsNowhereHere(octets)) missing.push_back(HostPortText(target));
  }
  if (missing.empty()) return "";
  const std::vector<std::string> own = OwnAddresses();
  return absl::StrCat(service.process.name, " is to listen at ", JoinAnd(missing),
                      ", and no interface of this host has ",
                      missing.size() == 1 ? "that address" : "those addresses",
                      own.empty() ? "" : absl::StrCat(" (it has ", JoinAnd(own), ")"),
                      "; put the address right in cluster.yaml, or give it to the host");
}

// The sockets of this machine, as they are to one service.
class Neighbours {
 public:
  Neighbours(const ServiceSpec& service, const std::optional<Instance>& running,
             std::vector<ListeningSocket> sockets)
      : service_(service), running_(running), sockets_(std::move(sockets)) {}

  // Who has ADDRESS; "": nobody else, as far as it can be seen.
  std::string WhoHas(const SocketAddress& address) const {
    const absl::string_view octets = OctetsOf(address);
    const int port = PortOf(address);
    std::string who;
    for (const ListeningSocket& socket : sockets_) {
      if (!MayConflict(socket, octets, port)) continue;
      const std::vector<pid_t> all = HoldersOf(socket.inode);
      const std::vector<pid_t> holders = WithoutEnding(all);
      if (holders.empty() && !all.empty()) continue;
      // One of another user has no holder that an ordinary user could see, and is asked about no longer.
      const bool seen = geteuid() == 0 || socket.user == geteuid();
      if (holders.empty() && seen && ComesFree(octets, port)) return "";
      // What it has itself, the kernel gives to nobody else.
      if (IsOwn(holders) || (holders.empty() && running_.has_value())) return "";
      if (who.empty()) who = Describe(socket, holders);
    }
    return who.empty() || !IsInUse(octets, port) ? "" : who;
  }

 private:
  bool IsOwn(const std::vector<pid_t>& holders) const {
    const bool systemd = service_.manager == "systemd";
    return std::any_of(holders.begin(), holders.end(), [&](pid_t pid) {
      if (running_.has_value() && pid == running_->pid) return true;
      if (systemd) return pid == 1 || UnitOf(pid) == absl::StrCat(service_.process.name, ".service");
      // Started a moment ago, by another run.
      const absl::StatusOr<std::vector<std::string>> argv = ArgvOf(pid);
      return ExeOf(pid) == service_.process.Exe() && argv.ok() && *argv == service_.process.argv;
    });
  }

  const ServiceSpec& service_;
  const std::optional<Instance>& running_;
  const std::vector<ListeningSocket> sockets_;
};

}  // namespace

std::vector<HostPort> AddressesOf(const ServiceSpec& service,
                                  const std::optional<std::vector<std::string>>& runs_with) {
  std::vector<HostPort> all;
  for (const std::string& answer : service.answers) {
    absl::StatusOr<HostPort> address = ParseHostPort(answer);
    if (address.ok() && !runs_with.has_value()) all.push_back(*std::move(address));
  }
  for (size_t i = 0; i < service.argv.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> argument =
        absl::StrSplit(service.argv[i].first, absl::MaxSplits('=', 1));
    if (!IsListenOption(argument.first)) continue;
    if (absl::StrContains(service.argv[i].first, "=")) {
      AddUrls(argument.second, &all);
    } else if (i + 1 < service.argv.size()) {
      AddUrls(service.argv[i + 1].first, &all);
    }
  }
  std::vector<HostPort> once;
  for (HostPort& address : all) {
    const auto same = [&](const HostPort& other) {
      return other.host == address.host && other.port == address.port;
    };
    const auto has = [&](const std::string& argument) {
      return absl::StrContains(argument, HostPortText(address));
    };
    if (std::any_of(once.begin(), once.end(), same)) continue;
    if (runs_with.has_value() && std::any_of(runs_with->begin(), runs_with->end(), has)) continue;
    once.push_back(std::move(address));
  }
  return once;
}

namespace {

// That another process has some of WANTED; "": none has.
std::string WhyTheyAreTaken(const ServiceSpec& service, const std::optional<Instance>& running,
                            const std::vector<HostPort>& wanted) {
  if (wanted.empty() || SharesPorts(service)) return "";
  absl::StatusOr<std::vector<ListeningSocket>> sockets = AllListening();
  if (!sockets.ok()) return "";  // the service is started, and says itself what is wrong
  const Neighbours neighbours(service, running, *std::move(sockets));
  std::vector<std::string> taken;
  for (const HostPort& target : wanted) {
    absl::StatusOr<SocketAddresses> addresses = ResolveAddresses(target);
    if (!addresses.ok()) continue;
    std::string who;
    for (const SocketAddress& address : *addresses) {
      who = neighbours.WhoHas(address);
      if (who.empty()) break;
    }
    if (who.empty()) continue;
    taken.push_back(absl::StrCat(HostPortText(target), " is taken by ", who));
  }
  if (taken.empty()) return "";
  return absl::StrCat(JoinAnd(taken), "; end that process, or give ", service.process.name,
                      " another address in cluster.yaml");
}

std::vector<std::string> ProblemsOf(const ServiceSpec& service, const std::optional<Instance>& running) {
  std::optional<std::vector<std::string>> runs_with;
  if (running.has_value()) {
    absl::StatusOr<std::vector<std::string>> argv = ArgvOf(running->pid);
    if (!argv.ok()) return {};
    runs_with = *std::move(argv);
  }
  std::vector<std::string> problems;
  for (const std::string& why : {WhyTheyAreNotHere(service, runs_with),
                                 WhyTheyAreTaken(service, running, AddressesOf(service, runs_with))}) {
    if (!why.empty()) problems.push_back(why);
  }
  return problems;
}

}  // namespace

absl::Status CheckAddresses(const ServiceSpec& service, const std::optional<Instance>& running) {
  const std::vector<std::string> problems = ProblemsOf(service, running);
  if (problems.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrJoin(problems, ". "));
}

std::vector<std::string> AddressProblems(const ServiceRecord& record,
                                         const std::optional<Instance>& running) {
  if (record.manager == "none" || record.by_unit()) return {};
  absl::StatusOr<ServiceSpec> service = ServiceSpec::From(record, /*root_to_come=*/true);
  return service.ok() ? ProblemsOf(*service, running) : std::vector<std::string>();
}

std::string WhyAddressIsTaken(const ServiceRecord& record, const std::optional<Instance>& running) {
  return absl::StrJoin(AddressProblems(record, running), ". ");
}

}  // namespace kplan
