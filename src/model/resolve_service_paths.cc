// Who writes what on which host: no path and no unit has two makers, and no file is another one's folder.

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/model/resolve_services_internal.h"

namespace kplan {
namespace {

// What one service, or etcd, writes to a host.
struct Claim {
  std::string path;
  Range range;
  std::string owner;  // the service, as in a message
  bool folder = false;
  std::string help = {};  // what to do when another one has it; empty: another path will do
};

class PathsChecker {
 public:
  PathsChecker(const Spec& spec, const Cluster& cluster, Diagnostics* diagnostics)
      : spec_(spec), cluster_(cluster), diagnostics_(diagnostics) {}

  void Check(const std::vector<std::vector<int>>& hosts) {
    std::vector<std::vector<Claim>> claims;
    for (const GenericServiceSpec& service : spec_.services) claims.push_back(ClaimsOf(service));
    std::vector<std::vector<const std::vector<Claim>*>> by_host(cluster_.hosts.size());
    std::vector<std::vector<std::vector<Claim>>> etcds;
    for (const Etcd& etcd : cluster_.etcds) etcds.push_back(ClaimsOfMembers(etcd));
    for (size_t k = 0; k < etcds.size(); ++k) {
      for (size_t i = 0; i < etcds[k].size(); ++i)
        by_host[cluster_.etcds[k].members[i].host].push_back(&etcds[k][i]);
    }
    for (size_t i = 0; i < claims.size(); ++i) {
      for (int host : hosts[i]) by_host[host].push_back(&claims[i]);
    }
    for (size_t host = 0; host < by_host.size(); ++host) CheckHost(cluster_.hosts[host].name, by_host[host]);
  }

 private:
  std::vector<Claim> ClaimsOf(const GenericServiceSpec& service) const {
    std::vector<Claim> claims;
    const std::string owner = Quote(service.name.value);
    auto add = [&](const Text& path, bool folder = false) {
      if (path.set()) claims.push_back({path.value, path.range, owner, folder});
    };
    auto made = [&](std::string path, Range range) { claims.push_back({std::move(path), range, owner}); };
    made(paths::on_host::Unit(service.name.value), service.name.range);
    for (const FurtherUnitSpec& unit : service.units) {
      // That one has been said.
      if (unit.name.value == absl::StrCat(service.name.value, ".service")) continue;
      made(absl::StrCat(paths::on_host::kUnits, "/", unit.name.value), unit.name.range);
    }
    if (const std::string user = UserMadeFor(service); !user.empty())
      claims.push_back({UsersFile(user), service.user.set() ? service.user.range : service.hardening.range,
                        owner,
                        /*folder=*/false,
                        absl::StrCat("let one of them make the user, and write unit: {Service: {User: ", user,
                                     "}} with the other, which comes `after` it")});
    for (const auto& [name, path] : service.archive.members) add(path);
    for (const ServiceFileSpec& file : service.files) add(file.path);
    for (const ServiceCertSpec& cert : service.certs) {
      for (const Text* path : {&cert.cert, &cert.key, &cert.ca}) add(*path);
    }
    for (const ServiceDirSpec& dir : service.dirs) add(dir.path, /*folder=*/true);
    return claims;
  }

  static std::string UsersFile(absl::string_view user) {
    return absl::StrCat("/etc/sysusers.d/", user, ".conf");
  }

  std::vector<std::vector<Claim>> ClaimsOfMembers(const Etcd& etcd) const {
    std::vector<std::vector<Claim>> claims;
    const EtcdFolders& folders = etcd.folders;
    for (const EtcdMember& member : etcd.members) {
      std::vector<Claim> of_member;
      auto add = [&](std::string path, bool folder = false) {
        of_member.push_back({std::move(path), etcd.place, etcd.name, folder});
      };
      add(paths::on_host::Unit(etcd.name));
      if (!member.user.empty()) add(UsersFile(member.user));
      add(folders.data, /*folder=*/true);
      if (!folders.wal.empty()) add(folders.wal, /*folder=*/true);
      if (static_cast<size_t>(member.archive) < etcd.archives.size()) {
        for (const auto& [from, name] : etcd.archives[member.archive].members) add(folders.Program(name));
      }
      for (const char* name : {"ca.pem", paths::on_host::kCrlName, paths::on_host::kPeerCaName,
                               paths::on_host::kPeerCrlName, paths::on_host::kBootstrapName})
        add(folders.Config(name));
      absl::flat_hash_set<absl::string_view> names;
      for (int cert : {member.cert, member.peer_cert}) {
        if (cert < 0 || static_cast<size_t>(cert) >= cluster_.certificates.size()) continue;
        const std::string& name = cluster_.certificates[cert].kind->spec_name;
        if (!names.insert(name).second) continue;
        add(folders.Config(absl::StrCat(name, ".pem")));
        add(folders.Config(absl::StrCat(name, "-key.pem")));
      }
      claims.push_back(std::move(of_member));
    }
    return claims;
  }

  void CheckHost(const std::string& host, const std::vector<const std::vector<Claim>*>& services) {
    absl::flat_hash_map<absl::string_view, const Claim*> by_path;
    for (const std::vector<Claim>* claims : services) {
      for (const Claim& claim : *claims) {
        auto [first, fresh] = by_path.try_emplace(claim.path, &claim);
        if (!fresh) ReportTwice(host, *first->second, claim);
      }
    }
    for (const std::vector<Claim>* claims : services) {
      for (const Claim& claim : *claims) {
        absl::string_view above = claim.path;
        for (size_t slash; (slash = above.rfind('/')) != 0 && slash != absl::string_view::npos;) {
          above = above.substr(0, slash);
          auto found = by_path.find(above);
          if (found == by_path.end()) continue;
          if (!found->second->folder) {
            ReportInside(host, *found->second, claim);
          } else if (claim.folder) {
            ReportNested(host, *found->second, claim);
          }
        }
      }
    }
  }

  // The same two meet on every host that has both: they are named once.
  bool IsNew(const Claim& claim) { return said_.insert(claim.range.begin).second; }

  void ReportTwice(const std::string& host, const Claim& first, const Claim& second) {
    if (!IsNew(second)) return;
    const bool same = first.owner == second.owner;
    diagnostics_
        ->Error(
            Code::kDuplicateEntry, second.range,
            same ? absl::StrCat(second.path, " is there twice in the service ", second.owner)
                 : absl::StrCat(first.owner, " and ", second.owner, " both have ", second.path,
                                " on the host ", host),
            !second.help.empty() ? second.help
            : same
                ? "give each its own path"
                : "give each its own; what several services read belongs to one that the others come `after`")
        .Relate(first.range, "the other one is here");
  }

  void ReportInside(const std::string& host, const Claim& file, const Claim& inside) {
    if (!IsNew(inside)) return;
    diagnostics_
        ->Error(Code::kBadPath, inside.range,
                absl::StrCat(inside.path, " would be in a folder that is a file on the host ", host, ": ",
                             file.path),
                "give one of them another path")
        .Relate(file.range, "the file is here");
  }

  // The label of the one would be the folder of the other's.
  void ReportNested(const std::string& host, const Claim& folder, const Claim& inside) {
    if (!IsNew(inside)) return;
    diagnostics_
        ->Error(
            Code::kBadPath, inside.range,
            absl::StrCat(inside.path, " is in ", folder.path, ", which is written, too, for the host ", host),
            "write one of them: what is above the inner one is made with it, and what is in the outer one "
            "the service can make")
        .Relate(folder.range, "the other one is here");
  }

  const Spec& spec_;
  const Cluster& cluster_;
  Diagnostics* diagnostics_;
  absl::flat_hash_set<uint32_t> said_;
};

}  // namespace

void CheckServicePaths(const Spec& spec, const Cluster& cluster, const std::vector<std::vector<int>>& hosts,
                       Diagnostics* diagnostics) {
  if (spec.services.empty() && cluster.etcds.size() < 2) return;
  PathsChecker(spec, cluster, diagnostics).Check(hosts);
}

}  // namespace kplan
