#include "src/show/resolved_services.h"

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "src/base/secret_content.h"
#include "src/show/resolved_unit.h"

namespace kplan {
namespace {

using Element = ResolvedSpecSink::Element;
using Field = ResolvedSpecSink::Field;

const char* PartName(ServiceCertificate::Part part) {
  switch (part) {
    case ServiceCertificate::Part::kLeaf:
      return "leaf";
    case ServiceCertificate::Part::kChain:
      return "chain";
    case ServiceCertificate::Part::kBundle:
      return "bundle";
  }
  return "";
}

std::string ModeText(int mode) { return absl::StrFormat("%04o", static_cast<unsigned>(mode)); }

std::string OwnerName(const std::string& owner) { return owner.empty() ? "root" : owner; }

// One entry of `services`; INSTANCES are those of its hosts.
class ServiceWalk {
 public:
  ServiceWalk(const ResolvedWalk& walk, const GenericServiceSpec& spec,
              absl::Span<const ServiceInstance> instances)
      : walk_(walk), spec_(spec), instances_(instances), service_(instances[0]), sink_(walk.sink) {}

  void Walk() {
    sink_.Open(spec_.name.value, walk_.Place(spec_.name.range));
    walk_.Put("hosts", spec_.hosts);
    if (spec_.hosts.empty())
      sink_.List("hosts", {{walk_.cluster.hosts[service_.host].name, walk_.Default("the only host")}});
    walk_.Put("after", spec_.after);
    WalkArchive();
    WalkFiles();
    WalkCerts();
    WalkDirs();
    if (spec_.user.set()) {
      walk_.Put("user", spec_.user);
    } else if (!service_.user.empty()) {
      sink_.Value("user", service_.user, walk_.Derived("hardening: strict", spec_.hardening.range));
    }
    walk_.Put("hardening", spec_.hardening, "off");
    walk_.Put("command", spec_.command);
    if (!spec_.environment.empty()) {
      sink_.Open("environment");
      for (const auto& [name, value] : spec_.environment) walk_.Put(name.value, value);
      sink_.Close();
    }
    WalkUnit();
    WalkUnits();
    walk_.PutStartTimeout(spec_.start_timeout, service_.start_timeout);
    walk_.Put("replace", spec_.replace, "false");
    WalkChecks();
    sink_.Close();
  }

 private:
  void WalkArchive() {
    const ArchiveSpec& spec = spec_.archive.archive;
    if (!spec.range.known()) return;
    sink_.Open("archive");
    walk_.Put("path", spec.path);
    walk_.Put("url", spec.url);
    walk_.PutAccess(spec);
    walk_.Put("sha256", spec.sha256);
    if (!spec.sha256_by_arch.empty()) {
      sink_.Open("sha256");
      for (const auto& [arch, digest] : spec.sha256_by_arch) walk_.Put(arch.value, digest);
      sink_.Close();
    }
    sink_.Open("members");
    for (const auto& [name, path] : spec_.archive.members) walk_.Put(name.value, path);
    sink_.Close();
    sink_.Close();
  }

  void WalkFiles() {
    if (spec_.files.empty()) return;
    sink_.Open("files");
    for (size_t i = 0; i < spec_.files.size(); ++i) {
      const ServiceFileSpec& spec = spec_.files[i];
      const ServiceFile& file = service_.files[i];
      sink_.Open(spec.path.value, walk_.Place(spec.path.range));
      if (spec.content.set() && IsSecretMode(static_cast<mode_t>(file.mode))) {
        sink_.Note("content", kSecretShown, walk_.File(spec.content.range));
      } else {
        walk_.Put("content", spec.content);
      }
      walk_.Put("from", spec.from);
      walk_.Put("mode", spec.mode, ModeText(file.mode));
      walk_.Put("owner", spec.owner, OwnerName(file.owner));
      walk_.Put("on-change", spec.on_change, OnChangeName(file.on_change));
      sink_.Close();
    }
    sink_.Close();
  }

  // Whom a key or a folder belongs to when nobody said.
  ValueOrigin OriginOfOwner(const std::string& owner) const {
    if (owner.empty()) return walk_.Default();
    if (spec_.user.set()) return walk_.Derived("user", spec_.user.range);
    if (!service_.user.empty()) return walk_.Derived("hardening: strict", spec_.hardening.range);
    return walk_.Derived("from the unit's User");
  }

  void WalkCerts() {
    if (spec_.certs.empty()) return;
    std::vector<std::vector<Field>> items;
    for (size_t i = 0; i < spec_.certs.size(); ++i) {
      const ServiceCertSpec& spec = spec_.certs[i];
      const ServiceCertificate& cert = service_.certificates[i];
      std::vector<Field> fields;
      auto put = [&](const char* key, const Text& text) {
        if (text.set()) fields.push_back({key, text.value, walk_.File(text.range)});
      };
      auto put_or = [&](const char* key, const Text& text, std::string resolved, ValueOrigin origin) {
        put(key, text);
        if (!text.set()) fields.push_back({key, std::move(resolved), std::move(origin)});
      };
      put("name", spec.name);
      put("cert", spec.cert);
      put("key", spec.key);
      put("ca", spec.ca);
      if (spec.cert.set()) put_or("include", spec.include, PartName(cert.part), walk_.Default());
      put_or("owner", spec.owner, OwnerName(cert.owner), OriginOfOwner(cert.owner));
      put_or("on-change", spec.on_change, OnChangeName(cert.on_change), walk_.Default());
      items.push_back(std::move(fields));
    }
    sink_.Items("certs", items);
  }

  void WalkDirs() {
    if (spec_.dirs.empty()) return;
    sink_.Open("dirs");
    for (size_t i = 0; i < spec_.dirs.size(); ++i) {
      const ServiceDirSpec& spec = spec_.dirs[i];
      const ServiceFolder& folder = service_.folders[i];
      sink_.Open(spec.path.value, walk_.Place(spec.path.range));
      walk_.Put("mode", spec.mode, ModeText(folder.mode));
      if (spec.owner.set()) {
        walk_.Put("owner", spec.owner);
      } else {
        sink_.Value("owner", OwnerName(folder.owner), OriginOfOwner(folder.owner));
      }
      sink_.Close();
    }
    sink_.Close();
  }

  void WalkUnit() {
    std::vector<absl::string_view> others;
    for (const ServiceInstance& other : instances_.subspan(1)) others.push_back(other.unit);
    const std::string& host = walk_.cluster.hosts[service_.host].name;
    const bool strict = spec_.hardening.value == "strict";
    WalkResolvedUnit(walk_, spec_.unit, service_.unit, others, [&](const ShownUnitKey& key) {
      const std::string& name = key.name;
      if (name == "ExecStart") return UnitKeyOrigin{walk_.Derived("made from `command`"), /*note=*/true};
      if (name == "Environment")
        return UnitKeyOrigin{walk_.Derived("made from `environment`"), /*note=*/true};
      if (name == "User") return UnitKeyOrigin{walk_.Derived("made from `user`"), /*note=*/true};
      if (!key.everywhere) {
        return UnitKeyOrigin{walk_.Derived(absl::StrCat("that of ", host, ", by what else is there")),
                             /*note=*/true};
      }
      if (name == "After" && !spec_.after.empty())
        return UnitKeyOrigin{walk_.Derived("made from `after`", spec_.after[0].range)};
      const bool of_strict = strict && key.section == "Service" && name != "Type" && name != "Restart" &&
                             name != "RestartSec" && name != "ExecReload";
      if (of_strict) return UnitKeyOrigin{walk_.Derived("hardening: strict", spec_.hardening.range)};
      return UnitKeyOrigin{walk_.Default()};
    });
  }

  // All of them is written.
  void WalkUnits() {
    if (spec_.units.empty()) return;
    sink_.Open("units");
    for (const FurtherUnitSpec& unit : spec_.units) {
      sink_.Open(unit.name.value, walk_.Place(unit.name.range));
      for (const UnitSectionSpec& section : unit.sections) {
        if (section.keys.empty()) continue;
        sink_.Open(section.name.value);
        for (const UnitKeySpec& key : section.keys) PutUnitKey(walk_, key);
        sink_.Close();
      }
      sink_.Close();
    }
    sink_.Close();
  }

  void WalkChecks() {
    if (spec_.checks.empty()) return;
    sink_.Open("checks");
    for (size_t i = 0; i < spec_.checks.size(); ++i) {
      const CheckSpec& spec = spec_.checks[i];
      sink_.OpenItem(i);
      walk_.Put("systemd", spec.systemd);
      walk_.Put("tcp", spec.tcp);
      if (spec.https_range.known()) WalkHttps(spec, service_.checks[i]);
      walk_.Put("exec", spec.exec);
      sink_.Close();
    }
    sink_.Close();
  }

  void WalkHttps(const CheckSpec& spec, const ServiceCheck& check) {
    sink_.Open("https");
    walk_.Put("url", spec.url);
    if (spec.from.set() || check.from_host) walk_.Put("from", spec.from, "host");
    walk_.Put("status", spec.status, absl::StrCat(check.status));
    if (spec.ca.set()) {
      walk_.Put("ca", spec.ca);
    } else {
      sink_.Value("ca", walk_.cluster.cas[check.ca].name,
                  spec.serves.set() ? walk_.Derived("as `serves`", spec.serves.range)
                  : spec.cert.set() ? walk_.Derived("as `cert`", spec.cert.range)
                                    : walk_.Default("the only one"));
    }
    walk_.Put("cert", spec.cert);
    walk_.Put("serves", spec.serves);
    walk_.Put("refuse", spec.refuse);
    sink_.Close();
  }

  const ResolvedWalk& walk_;
  const GenericServiceSpec& spec_;
  const absl::Span<const ServiceInstance> instances_;
  const ServiceInstance& service_;  // the first host's
  ResolvedSpecSink& sink_;
};

}  // namespace

void WalkServices(const ResolvedWalk& walk) {
  if (walk.spec.services.empty()) return;
  // The instances of a service stand together.
  absl::flat_hash_map<absl::string_view, absl::Span<const ServiceInstance>> by_name;
  const std::vector<ServiceInstance>& all = walk.cluster.services;
  for (size_t begin = 0, end; begin < all.size(); begin = end) {
    for (end = begin; end < all.size() && all[end].name == all[begin].name;) ++end;
    by_name[all[begin].name] = absl::MakeSpan(all).subspan(begin, end - begin);
  }
  walk.sink.Open("services");
  for (const GenericServiceSpec& spec : walk.spec.services)
    ServiceWalk(walk, spec, by_name[spec.name.value]).Walk();
  walk.sink.Close();
}

}  // namespace kplan
