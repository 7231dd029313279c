// Who a service runs as, what is run, and the text of its units.

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/base/yaml_scalar.h"
#include "src/model/pki_values.h"
#include "src/model/resolve_services_internal.h"
#include "src/model/start_timeout.h"
#include "src/systemd/hardening.h"
#include "src/systemd/unit.h"

namespace kplan {
namespace {

constexpr char kStateFolder[] = "/var/lib/";

// What systemd-sysusers takes for a name everywhere (sysusers.d(5), useradd(8)).
bool IsUserName(absl::string_view name) {
  if (name.empty() || name.size() > 31) return false;
  auto lower = [](char c) { return absl::ascii_islower(static_cast<unsigned char>(c)) || c == '_'; };
  return lower(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
           return lower(c) || c == '-' || absl::ascii_isdigit(static_cast<unsigned char>(c));
         });
}

const UnitKeySpec* FindUnitKey(const std::vector<UnitSectionSpec>& unit, absl::string_view section,
                               absl::string_view key) {
  for (const UnitSectionSpec& candidate : unit) {
    if (candidate.name.value != section) continue;
    for (const UnitKeySpec& one : candidate.keys) {
      if (one.name.value == key) return &one;
    }
  }
  return nullptr;
}

class UnitResolver {
 public:
  UnitResolver(const ServiceContext& context, const std::vector<std::string>& after_units,
               ServiceInstance* service)
      : context_(context),
        spec_(context.spec),
        after_units_(after_units),
        diagnostics_(context.diagnostics),
        service_(*service) {}

  std::string Resolve() {
    strict_ = IsStrict(spec_.hardening, diagnostics_);
    ResolveUser();
    ResolveEnvironment();
    ResolveFurtherUnits();
    Unit unit = DefaultUnit();
    if (strict_) Harden(&unit);
    MergeUnit(spec_.unit, Rules(), &unit, diagnostics_);
    service_.start_timeout = StartTimeoutOf(spec_.start_timeout, unit, diagnostics_);
    service_.replace = PkiValues(diagnostics_).ResolveBool(spec_.replace, "replace", false);
    service_.unit = unit.Text();
    return OwnerBy(unit);
  }

 private:
  void ResolveUser() {
    if (spec_.user.set()) {
      service_.user = spec_.user.value;
      if (service_.user == "root") {
        diagnostics_->Error(Code::kBadValue, spec_.user.range,
                            "root is there already, and is who runs a service without `user`", "remove it");
      } else if (!IsUserName(service_.user)) {
        diagnostics_->Error(Code::kBadName, spec_.user.range,
                            absl::StrCat(Quote(service_.user), " cannot be the name of a user"),
                            "lower-case letters, digits, _ and -, at most 31, a letter or _ first");
      }
      return;
    }
    service_.user = UserMadeFor(spec_);
    if (service_.user.empty()) return;
    if (!IsUserName(service_.user)) {
      diagnostics_->Error(Code::kBadName, spec_.hardening.range,
                          absl::StrCat("hardening: strict makes a user called as the service, and ",
                                       Quote(service_.user), " cannot be the name of a user"),
                          "write user: NAME as well");
    }
  }

  void ResolveEnvironment() {
    for (const auto& [name, value] : spec_.environment) {
      const bool good =
          OnlyAlnumAnd(name.value, "_") && !absl::ascii_isdigit(static_cast<unsigned char>(name.value[0]));
      if (!good) {
        diagnostics_->Error(Code::kBadName, name.range,
                            absl::StrCat(Quote(name.value), " is not the name of an environment variable"),
                            "letters, digits and _, no digit first");
      }
      service_.environment.push_back(absl::StrCat(name.value, "=", value.value));
      const std::string problem = good ? VariableProblem(service_.environment.back()) : "";
      if (!problem.empty()) diagnostics_->Error(Code::kBadUnit, value.range, problem, "write another value");
    }
  }

  void ResolveFurtherUnits() {
    for (const FurtherUnitSpec& spec : spec_.units) {
      if (spec.name.value == absl::StrCat(service_.name, ".service")) {
        diagnostics_->Error(Code::kConflict, spec.name.range, "that is the unit of the service itself",
                            "write its sections and keys under `unit`");
        continue;
      }
      service_.units.push_back({spec.name.value, FurtherUnitText(spec, diagnostics_), spec.name.range});
      for (absl::string_view type : {".timer", ".socket", ".path"}) {
        if (spec.name.value != absl::StrCat(service_.name, type)) continue;
        service_.by_unit = true;
        by_timer_ = by_timer_ || type == ".timer";
      }
    }
    std::sort(service_.units.begin(), service_.units.end(),
              [](const FurtherUnit& a, const FurtherUnit& b) { return a.name < b.name; });
  }

  Unit DefaultUnit() const {
    std::vector<std::string> after = {"network-online.target"};
    after.insert(after.end(), after_units_.begin(), after_units_.end());
    Unit unit;
    unit.sections = {
        {"Unit",
         {{"Description", {service_.name}},
          {"Wants", {"network-online.target"}},
          {"After", {absl::StrJoin(after, " ")}}}},
        {"Service",
         {{"Type", {by_timer_ ? "oneshot" : "exec"}}, {"ExecStart", {ExecStart(service_.arguments)}}}},
    };
    if (!service_.environment.empty())
      unit.Set("Service", "Environment", EnvironmentValue(service_.environment));
    if (!service_.user.empty()) unit.Set("Service", "User", service_.user);
    if (IsReloaded()) unit.Set("Service", "ExecReload", "/bin/kill -HUP $MAINPID");
    unit.Set("Service", "Restart", "on-failure");
    unit.Set("Service", "RestartSec", "5");
    if (!service_.by_unit) unit.Set("Install", "WantedBy", "multi-user.target");
    return unit;
  }

  // Whether a change of an input has it reloaded, and kplan has to say how.
  bool IsReloaded() const {
    const UnitKeySpec* type = FindUnitKey(spec_.unit, "Service", "Type");
    if (type != nullptr && type->values.back().value == "notify-reload") return false;
    return std::any_of(service_.files.begin(), service_.files.end(),
                       [](const ServiceFile& f) { return f.on_change == OnChange::kReload; }) ||
           std::any_of(service_.certificates.begin(), service_.certificates.end(),
                       [](const ServiceCertificate& c) { return c.on_change == OnChange::kReload; });
  }

  // A strict service may write to its folders alone. One directly below /var/lib systemd makes itself, and
  // gives to the user with all that is in it.
  void Harden(Unit* unit) {
    const ServiceFolder* state = nullptr;
    std::vector<std::string> writable;
    for (ServiceFolder& folder : service_.folders) {
      absl::string_view name = folder.path;
      if (state == nullptr && absl::ConsumePrefix(&name, kStateFolder) && !absl::StrContains(name, '/')) {
        folder.any_owner = true;
        state = &folder;
      } else {
        writable.push_back(folder.path);
      }
    }
    HardenStrictly(service_.user,
                   state == nullptr ? "" : absl::string_view(state->path).substr(sizeof(kStateFolder) - 1),
                   unit);
    if (state != nullptr)
      unit->Set("Service", "StateDirectoryMode", absl::StrFormat("%04o", static_cast<unsigned>(state->mode)));
    if (!writable.empty()) unit->Set("Service", "ReadWritePaths", absl::StrJoin(writable, " "));
  }

  UnitRules Rules() const {
    UnitRules rules;
    rules.fixed = {{"Service", "ExecStart", "it is made from `command`", "write `command`"}};
    if (!service_.environment.empty())
      rules.fixed.push_back(
          {"Service", "Environment", "it is made from `environment`", "write all of them there"});
    if (!service_.user.empty())
      rules.fixed.push_back(
          {"Service", "User", "it is made from `user`", "write the user there, or remove `user`"});
    return rules;
  }

  std::string OwnerBy(const Unit& unit) const {
    const std::string* user = unit.Find("Service", "User");
    if (user == nullptr || user->empty() || *user == "root") return "";
    const std::string* group = unit.Find("Service", "Group");
    std::string owner = group == nullptr || group->empty() ? *user : absl::StrCat(*user, ":", *group);
    for (const char* key : {"User", "Group"}) {
      const UnitKeySpec* written = FindUnitKey(spec_.unit, "Service", key);
      if (written == nullptr) continue;
      const Text& value = written->values.back();
      if (!value.set() || OnlyAlnumAnd(value.value, "._-")) continue;
      diagnostics_->Error(Code::kBadUnit, value.range,
                          absl::StrCat(Quote(value.value), " is not the name of a user or group"), "");
    }
    return owner;
  }

  const ServiceContext& context_;
  const GenericServiceSpec& spec_;
  const std::vector<std::string>& after_units_;
  Diagnostics* diagnostics_;
  ServiceInstance& service_;
  bool strict_ = false;
  bool by_timer_ = false;
};

// Whether PATH is one of SERVICE's, or is in one of its folders.
bool IsOwnPath(absl::string_view path, const ServiceInstance& service) {
  for (const ServiceProgram& program : service.programs)
    if (program.path == path) return true;
  for (const ServiceFile& file : service.files)
    if (file.path == path) return true;
  for (const ServiceCertificate& cert : service.certificates)
    if (cert.cert_path == path || cert.key_path == path || cert.ca_path == path) return true;
  for (const ServiceFolder& folder : service.folders) {
    absl::string_view rest = path;
    if (absl::ConsumePrefix(&rest, folder.path) && (rest.empty() || rest[0] == '/')) return true;
  }
  return false;
}

// A command line as a list of YAML, where it has nothing that only a shell understands.
std::string AsList(absl::string_view line) {
  if (line.find_first_of("\"'\\$`|&;<>(){}*?#~") != absl::string_view::npos || line[0] != '/')
    return "[/usr/local/bin/metrics, --verbose]";
  std::vector<std::string> words;
  for (absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty()))
    words.push_back(YamlScalar(word));
  return absl::StrCat("[", absl::StrJoin(words, ", "), "]");
}

}  // namespace

std::vector<Argument> ResolveServiceCommand(const ServiceContext& context, const std::vector<Text>& texts,
                                            const ServiceInstance& service) {
  std::vector<Argument> arguments;
  for (const Text& text : texts) {
    absl::string_view word = text.value;
    // "--config=/etc/x", "-c/etc/x", "file:///etc/x": the path begins at the first slash that is no scheme's.
    const size_t scheme = word.find("://");
    const size_t slash = word.find('/', scheme == absl::string_view::npos ? 0 : scheme + 3);
    if (slash != absl::string_view::npos && IsOwnPath(word.substr(slash), service)) {
      arguments.emplace_back(std::string(word.substr(0, slash)), std::string(word.substr(slash)));
    } else {
      arguments.emplace_back(std::string(word), "");
    }
  }
  if (texts.empty()) return arguments;
  const Text& program = texts[0];
  if (texts.size() == 1 && absl::StrContains(program.value, ' ')) {
    // One text is one word, the program.
    context.diagnostics->Error(
        Code::kBadPath, program.range,
        absl::StrCat("the program ", Quote(program.value), " has spaces: no shell takes it apart"),
        absl::StrCat("write a list of program and arguments: ", AsList(program.value)));
  } else if (!absl::StartsWith(program.value, "/") && !context.all.well_formed) {
    // The first word may be what could not be read.
  } else if (!absl::StartsWith(program.value, "/")) {
    context.diagnostics->Error(Code::kBadPath, program.range,
                               absl::StrCat("the program ", Quote(program.value), " is not an absolute path"),
                               "write it as it is on the host, for example /usr/bin/env");
  } else {
    CheckHostPath(program, context.diagnostics);
  }
  return arguments;
}

std::string UserMadeFor(const GenericServiceSpec& spec) {
  if (spec.user.set()) return spec.user.value;
  // Whoever the unit names is there already.
  const bool named = FindUnitKey(spec.unit, "Service", "User") != nullptr;
  return spec.hardening.value == "strict" && !named ? spec.name.value : "";
}

std::string ResolveServiceUnit(const ServiceContext& context, const std::vector<std::string>& after_units,
                               ServiceInstance* service) {
  return UnitResolver(context, after_units, service).Resolve();
}

void CheckServiceManager(const ServiceContext& context, const Host& host) {
  if (host.manager != ServiceManager::kProcess) return;
  const GenericServiceSpec& spec = context.spec;
  auto refuse = [&](Range range, absl::string_view what, absl::string_view help) {
    context.diagnostics
        ->Error(Code::kServiceManager, range,
                absl::StrCat(what, ": the services of ", host.name,
                             " are run without systemd (service-manager: process)"),
                std::string(help))
        .Relate(PlaceOfHost(context.all, host.name), "the host is here");
  };
  if (!spec.units.empty())
    refuse(spec.units[0].name.range, "further units are for systemd", "remove `units`");
  if (spec.user.set())
    refuse(spec.user.range, "no user is made", "remove it: the service runs as whoever runs ninja");
  if (spec.hardening.value == "strict")
    refuse(spec.hardening.range, "hardening: strict is systemd's work", "remove it");
}

}  // namespace kplan
