#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/paths.h"
#include "src/lower/lower_internal.h"
#include "src/step/host_records.h"
#include "src/step/service_records.h"

namespace kplan {
namespace {

constexpr char kSysusers[] = "/etc/sysusers.d";

// The line of sysusers.d(5). Its home is the folder that the service gives away as it likes: its state.
std::string SysusersText(const Service& service) {
  std::string home = "-";
  for (const HostFolder& folder : service.folders) {
    if (folder.any_owner && home == "-") home = folder.path;
  }
  return absl::StrCat("u ", service.user, " - \"", service.name, "\" ", home, "\n");
}

void AddOnce(StepId step, std::vector<StepId>* steps) {
  if (std::find(steps->begin(), steps->end(), step) == steps->end()) steps->push_back(step);
}

// Those that call for a restart, then pairs, then the others: SINK(const HostFile&), PAIRS(const HostPair&).
template <typename OfFile, typename OfPair>
void ForEachFile(const Service& service, OfFile of_file, OfPair of_pair) {
  for (const HostFile& file : service.files) {
    if (file.on_change == OnChange::kRestart) of_file(file);
  }
  for (const HostPair& pair : service.pairs) of_pair(pair);
  for (const HostFile& file : service.files) {
    if (file.on_change != OnChange::kRestart) of_file(file);
  }
}

std::string PathOfUnit(const std::string& unit) { return absl::StrCat(paths::on_host::kUnits, "/", unit); }

}  // namespace

std::vector<StepId> SourcesOf(const Service& service) {
  std::vector<StepId> sources;
  ForEachFile(
      service, [&](const HostFile& file) { AddOnce(file.source, &sources); },
      [&](const HostPair& pair) {
        AddOnce(pair.certificate_source, &sources);
        AddOnce(pair.key_source, &sources);
      });
  if (service.unit_source.has_value()) AddOnce(*service.unit_source, &sources);
  for (StepId unit : service.unit_sources) AddOnce(unit, &sources);
  return sources;
}

HostSteps::HostSteps(const Lowering& lowering) : lowering_(lowering), hosts_(lowering.cluster.hosts.size()) {}

void HostSteps::Add(const Service& service) {
  OfHost& host = hosts_[service.host];
  if (host.services.empty()) order_.push_back(service.host);
  host.services.push_back(&service);
  const bool known = std::any_of(host.users.begin(), host.users.end(),
                                 [&](const User& user) { return user.name == service.user; });
  if (service.user.empty() || known) return;
  User user;
  user.name = service.user;
  user.file.path = absl::StrCat(kSysusers, "/", service.user, ".conf");
  user.file.from = paths::Rendered(lowering_.cluster.hosts[service.host].name, user.file.path);
  user.file.place = service.user_place;
  user.file.source =
      LowerRender(lowering_, service.host, user.file.path, SysusersText(service), user.file.place);
  host.users.push_back(std::move(user));
}

void HostSteps::LowerIdentities() {
  for (int host : order_) {
    if (lowering_.cluster.hosts[host].remote()) LowerIdentityOf(host);
  }
}

StepId HostSteps::LowerIdentityOf(int host) {
  std::optional<StepId>& identity = hosts_[host].identity;
  if (!identity.has_value()) identity = LowerIdentity(host);
  return *identity;
}

void HostSteps::Delay(int host, StepId step) { AddOnce(step, &hosts_[host].gate.after); }

StepId HostSteps::LowerIdentity(int index) {
  const Host& host = lowering_.cluster.hosts[index];
  HostRecord record;
  record.name = host.name;
  record.cluster = lowering_.cluster.name;
  record.arch = host.arch;
  record.manager = ManagerName(host.manager);
  record.root = host.root;
  record.become = host.become;
  record.ssh_host = host.ssh.host;
  record.ssh_user = host.ssh.user;
  record.ssh_port = host.ssh.port;
  StepId step = lowering_.graph.AddStep(StepKind::kHost, lowering_.host_shard[index],
                                        absl::StrCat("host/", host.name), ToText(record), {}, {}, host.place);
  lowering_.graph.AddContact(step);
  lowering_.graph.AddToGroup(host.name, step);
  return step;
}

StepId HostSteps::LowerSend(int index) {
  const Host& host = lowering_.cluster.hosts[index];
  const OfHost& of = hosts_[index];
  SendRecord record;
  std::vector<StepId> inputs;
  auto add = [&](const std::string& from, const std::string& path, bool secret) {
    record.files.push_back({from, path, secret});
  };
  auto add_file = [&](const HostFile& file) { add(file.from, file.path, file.secret); };
  for (const Service* service : of.services) {
    ForEachFile(*service, add_file, [&](const HostPair& pair) {
      add(pair.certificate_from, pair.certificate_path, false);
      add(pair.key_from, pair.key_path, true);
    });
    const std::string unit = paths::on_host::Unit(service->name);
    add(paths::Rendered(host.name, unit), unit, false);
    for (const FurtherUnit& further : service->units)
      add(paths::Rendered(host.name, PathOfUnit(further.name)), PathOfUnit(further.name), false);
    for (StepId source : SourcesOf(*service)) AddOnce(source, &inputs);
  }
  for (const User& user : of.users) {
    add_file(user.file);
    AddOnce(user.file.source, &inputs);
  }
  record.host = host.name;
  record.root = host.root;
  inputs.push_back(*of.identity);
  StepId step =
      lowering_.graph.AddStep(StepKind::kSend, lowering_.host_shard[index], absl::StrCat("send/", host.name),
                              ToText(record), inputs, of.gate.after, host.place);
  lowering_.graph.AddContact(step);
  lowering_.graph.AddToGroup(host.name, step);
  return step;
}

const HostGate& HostSteps::GateOf(int index) {
  OfHost& of = hosts_[index];
  if (of.done) return of.gate;
  of.done = true;
  const Host& host = lowering_.cluster.hosts[index];
  if (of.identity.has_value()) {
    of.gate.inputs.push_back(*of.identity);
    of.gate.after.push_back(LowerSend(index));
  }
  for (const User& user : of.users) {
    StepId file = LowerFile(lowering_, index, user.file, of.gate);
    UserRecord record;
    record.host = HostInRecord(host);
    record.root = host.root;
    record.file = user.file.path;
    record.name = user.name;
    StepId step = lowering_.graph.AddStep(StepKind::kUser, lowering_.host_shard[index],
                                          absl::StrCat("user/", host.name, "/", user.name), ToText(record),
                                          {file}, of.gate.after, user.file.place);
    Announce(lowering_, host, step, {});
    of.gate.users.emplace(user.name, step);
  }
  return of.gate;
}

}  // namespace kplan
