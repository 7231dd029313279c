#include "src/show/resolved_etcd.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/etcd/facts/etcd_flags.h"
#include "src/etcd/facts/etcd_layout.h"
#include "src/show/resolved_unit.h"

namespace kplan {
namespace {

using Element = ResolvedSpecSink::Element;

// The flags whose default is put into the command line at its place, so that it may as well be written. All
// others that nobody wrote are etcd's own affair, or follow from other keys.
constexpr absl::string_view kWritable[] = {"name", "listen-client-urls", "advertise-client-urls"};

bool IsWritable(absl::string_view flag) { return absl::c_linear_search(kWritable, flag); }

// Those whose value is an argument of its own.
constexpr absl::string_view kPeerUrls[] = {"listen-peer-urls", "initial-advertise-peer-urls"};

bool HasValueBehind(absl::string_view flag) {
  return IsWritable(flag) || absl::c_linear_search(kPeerUrls, flag);
}

// The flags of an argv, without their dashes, and their values.
StringPairs FlagsOf(const std::vector<Argument>& arguments) {
  StringPairs flags;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const auto& [word, path] = arguments[i];
    absl::string_view name = absl::string_view(word).substr(2);
    const size_t equals = name.find('=');
    if (equals != absl::string_view::npos) {
      flags.emplace_back(std::string(name.substr(0, equals)), absl::StrCat(name.substr(equals + 1), path));
    } else if (HasValueBehind(name)) {
      flags.emplace_back(std::string(name), arguments[++i].first);
    } else {
      flags.emplace_back(std::string(name), "true");
    }
  }
  return flags;
}

class EtcdWalk {
 public:
  // The etcd with the index INDEX.
  EtcdWalk(const ResolvedWalk& walk, size_t index)
      : walk_(walk), spec_(walk.spec.etcds[index]), etcd_(walk.cluster.etcds[index]), sink_(walk.sink) {}

  void Walk() {
    if (spec_.name.set()) {
      sink_.Open(spec_.name.value, walk_.Place(spec_.name.range));
    } else {
      sink_.Open("etcd");
    }
    walk_.Put("version", spec_.version);
    walk_.Put("cert", spec_.cert);
    WalkTls();
    WalkArchive();
    walk_.Put("members", spec_.members);
    if (spec_.members.empty()) {
      std::vector<Element> members;
      for (const EtcdMember& member : etcd_.members) {
        members.push_back({walk_.cluster.hosts[member.host].name, walk_.Default("the only host")});
      }
      sink_.List("members", members);
    }
    const Text& name = walk_.spec.metadata_name;
    if (!spec_.initial_cluster_token.set() && etcd_.clustered && name.set()) {
      sink_.Value("initial-cluster-token", etcd_.token, walk_.Derived("metadata.name", name.range));
    } else {
      walk_.Put("initial-cluster-token", spec_.initial_cluster_token, etcd_.token);
    }
    WalkPlaces();
    if (etcd_.clustered) {
      WalkClusterFlags();
    } else {
      WalkFlags(etcd_.members[0]);
    }
    walk_.Put("hardening", spec_.hardening, "off");
    walk_.PutStartTimeout(spec_.start_timeout, etcd_.members[0].start_timeout);
    walk_.Put("replace", spec_.replace, "false");
    WalkUnit();
    sink_.Close();
  }

 private:
  void WalkTls() {
    if (!etcd_.clustered) return;
    if (!spec_.tls.range.known()) {
      for (const char* key : {"tls.server", "tls.peer", "tls.client"})
        sink_.Note(key, spec_.cert.value, walk_.Derived("as `cert`", spec_.cert.range));
      return;
    }
    sink_.Open("tls");
    walk_.Put("server", spec_.tls.server);
    walk_.Put("peer", spec_.tls.peer);
    walk_.Put("client", spec_.tls.client);
    sink_.Close();
  }

  void WalkPlaces() {
    // Of one member the flags have the URLs, where nobody writes the ports.
    if (etcd_.clustered || spec_.client_port.set())
      walk_.Put("client-port", spec_.client_port, absl::StrCat(etcd_.client_port));
    if (etcd_.clustered || spec_.peer_port.set())
      walk_.Put("peer-port", spec_.peer_port, absl::StrCat(etcd_.peer_port));
    walk_.Put("bin-dir", spec_.bin_dir, etcd_.folders.bin);
    walk_.Put("config-dir", spec_.config_dir, etcd_.folders.config);
    walk_.Put("data-dir", spec_.data_dir, etcd_.folders.data);
    walk_.Put("wal-dir", spec_.wal_dir, absl::StrCat(etcd_.folders.data, "/", etcd_layout::kMember));
  }

  // The architecture that an archive is for.
  const std::string& ArchOf(size_t archive) const {
    const auto member = absl::c_find_if(
        etcd_.members, [&](const EtcdMember& m) { return m.archive == static_cast<int>(archive); });
    return walk_.cluster.hosts[member->host].arch;
  }

  // One a member's architecture.
  void WalkArchives() {
    const ArchiveSpec& spec = spec_.archive;
    sink_.Open("archive");
    walk_.Put("url", spec.url);
    walk_.PutAccess(spec);
    sink_.Open("sha256");
    for (const auto& [arch, digest] : spec.sha256_by_arch) walk_.Put(arch.value, digest);
    for (size_t i = 0; i < etcd_.archives.size(); ++i) {
      const bool written = absl::c_any_of(spec.sha256_by_arch,
                                          [&](const auto& pair) { return pair.first.value == ArchOf(i); });
      if (!written) sink_.Value(ArchOf(i), etcd_.archives[i].sha256, KnownDigest());
    }
    sink_.Close();
    for (size_t i = 0; i < etcd_.archives.size(); ++i) {
      const std::string key = absl::StrCat("url.", ArchOf(i));
      const Text& written = spec.mirrors.empty() ? spec.url : spec.mirrors[0];
      sink_.Note(key, etcd_.archives[i].url,
                 written.set() ? walk_.Derived("the folder", written.range)
                               : walk_.Default("the release of that version"));
    }
    sink_.Close();
  }

  void WalkArchive() {
    if (etcd_.archives.size() > 1) {
      WalkArchives();
      return;
    }
    const ArchiveSpec& spec = spec_.archive;
    sink_.Open("archive");
    walk_.Put("path", spec.path);
    if (!spec.path.set() && spec.mirrors.empty())
      walk_.Put("url", spec.url, etcd_.archives[0].url, "the release of that version");
    walk_.PutAccess(spec);
    if (spec.sha256.set()) {
      walk_.Put("sha256", spec.sha256);
    } else if (spec.sha256_by_arch.empty()) {
      sink_.Value("sha256", etcd_.archives[0].sha256, KnownDigest());
    } else {
      sink_.Open("sha256");
      for (const auto& [arch, digest] : spec.sha256_by_arch) walk_.Put(arch.value, digest);
      const std::string& used = walk_.cluster.hosts[etcd_.members[0].host].arch;
      const bool written =
          absl::c_any_of(spec.sha256_by_arch, [&](const auto& pair) { return pair.first.value == used; });
      if (!written) sink_.Value(used, etcd_.archives[0].sha256, KnownDigest());
      sink_.Close();
    }
    sink_.Close();
  }

  ValueOrigin KnownDigest() const {
    return walk_.Derived(absl::StrCat("known digest of etcd ", etcd_.version), spec_.version.range);
  }

  void WalkFlags(const EtcdMember& member) {
    absl::flat_hash_map<absl::string_view, const Text*> written;
    for (const auto& [key, value] : spec_.flags) written[key.value] = &value;
    const StringPairs flags = FlagsOf(member.arguments);
    sink_.Open("flags");
    for (const auto& [name, value] : flags) {
      if (!IsWritable(name)) continue;
      auto text = written.find(name);
      if (text != written.end()) {
        walk_.Put(name, *text->second);
        continue;
      }
      const MemberSpec& own = MemberOf(member);
      const auto flag =
          absl::c_find_if(own.flags, [&](const auto& pair) { return pair.first.value == name; });
      if (flag != own.flags.end()) {
        sink_.Note(name, value, walk_.Derived("the host's `etcd`", flag->second.range));
        continue;
      }
      const std::vector<Text>& urls = name == "listen-client-urls" ? own.listen : own.advertise;
      const std::vector<Text>& from = urls.empty() ? own.listen : urls;
      if (name != "name" && !from.empty()) {
        sink_.Note(name, value, walk_.Derived("the host's `etcd`", from[0].range));
        continue;
      }
      if (spec_.client_port.set() && name != "name") {
        sink_.Note(name, value, walk_.Derived("from client-port", spec_.client_port.range));
        continue;
      }
      auto listen = written.find("listen-client-urls");
      const bool follows = name == "advertise-client-urls" && listen != written.end();
      sink_.Value(
          name, value,
          follows ? walk_.Derived("from listen-client-urls", listen->second->range) : walk_.Default());
    }
    for (const auto& [key, value] : spec_.flags) {
      if (!IsWritable(key.value)) walk_.Put(key.value, value);
    }
    if (!written.contains("initial-advertise-peer-urls") && !spec_.peer_port.set()) {
      sink_.Note("initial-advertise-peer-urls", absl::StrJoin(member.peer_urls, ","),
                 walk_.Default("etcd's own"));
    }
    for (const auto& [name, value] : flags) {
      // The token has a key of its own.
      if (IsWritable(name) || IsWritten(name) || name == "initial-cluster-token") continue;
      sink_.Note(name, value, OriginOfFlag(name));
    }
    sink_.Close();
  }

  // What is written is for all members; all else is made, and where it is each one's own it is a list, as
  // `members`.
  void WalkClusterFlags() {
    sink_.Open("flags");
    for (const auto& [key, value] : spec_.flags) walk_.Put(key.value, value);
    std::vector<StringPairs> flags;
    for (const EtcdMember& member : etcd_.members) flags.push_back(FlagsOf(member.arguments));
    // What is made, all members have.
    for (const auto& [name, unused] : flags[0]) {
      if (IsWritten(name)) continue;
      std::vector<std::string> values;
      for (const StringPairs& of_member : flags) {
        values.push_back(
            absl::c_find_if(of_member, [&](const auto& pair) { return pair.first == name; })->second);
      }
      if (absl::c_all_of(values, [&](const std::string& value) { return value == values[0]; })) {
        sink_.Note(name, values[0], OriginOfFlag(name));
      } else {
        sink_.NoteList(name, values, OriginOfFlag(name));
      }
    }
    sink_.Note("initial-cluster", InitialCluster(), OriginOfFlag("initial-cluster"));
    const bool state = absl::c_any_of(
        spec_.flags, [](const auto& pair) { return pair.first.value == "initial-cluster-state"; });
    if (!state) sink_.Note("initial-cluster-state", etcd_.initial_state, walk_.Default("etcd's own"));
    sink_.Close();
  }

  // What is MEMBER's own, as written.
  const MemberSpec& MemberOf(const EtcdMember& member) const {
    static const auto* nothing = new MemberSpec;
    const std::string& name = walk_.cluster.hosts[member.host].name;
    const auto host =
        absl::c_find_if(walk_.spec.hosts, [&](const HostSpec& one) { return one.name.value == name; });
    const auto own = absl::c_find_if(host->members, [&](const MemberSpec& one) { return IsOfThis(one); });
    return own == host->members.end() ? *nothing : *own;
  }

  bool IsOfThis(const MemberSpec& member) const { return member.etcd.value == spec_.name.value; }

  // For all members, or for one.
  bool IsWritten(const std::string& flag) const {
    const auto has = [&](const TextPairs& flags) {
      return absl::c_any_of(flags, [&](const auto& pair) { return pair.first.value == flag; });
    };
    return has(spec_.flags) || absl::c_any_of(walk_.spec.hosts, [&](const HostSpec& host) {
             return absl::c_any_of(host.members,
                                   [&](const MemberSpec& own) { return IsOfThis(own) && has(own.flags); });
           });
  }

  std::string InitialCluster() const {
    std::vector<std::string> entries;
    for (const EtcdMember& member : etcd_.members) {
      for (const std::string& url : member.peer_urls) entries.push_back(absl::StrCat(member.name, "=", url));
    }
    absl::c_sort(entries);
    return absl::StrJoin(entries, ",");
  }

  ValueOrigin OriginOfFlag(const std::string& name) const {
    const EtcdFlag* flag = FindEtcdFlag(name);
    if (etcd_.clustered) {
      if (name == "client-crl-file" || name == "peer-crl-file")
        return walk_.Derived("the CRL of the CA that signed those certificates");
      const char* why = flag != nullptr ? flag->ours_in_cluster : nullptr;
      return walk_.Derived(why != nullptr ? why : "kplan's own");
    }
    if (name == "client-crl-file") return walk_.Derived("the CRL of the CA of `etcd.cert`", spec_.cert.range);
    return walk_.Derived(flag != nullptr && flag->ours != nullptr ? flag->ours : "kplan's own");
  }

  void WalkUnit() {
    const EtcdMember& member = etcd_.members[0];
    const std::string& host = walk_.cluster.hosts[member.host].name;
    std::vector<absl::string_view> others;
    for (size_t i = 1; i < etcd_.members.size(); ++i) others.push_back(etcd_.members[i].unit);
    const bool strict = spec_.hardening.value == "strict";
    WalkResolvedUnit(walk_, spec_.unit, member.unit, others, [&](const ShownUnitKey& key) {
      if (key.section == "Service" && key.name == "ExecStart") {
        return UnitKeyOrigin{
            walk_.Derived(etcd_.clustered ? absl::StrCat("that of ", host, ", made from the flags")
                                          : "made from `etcd.flags` and `etcd.cert`"),
            /*note=*/true};
      }
      if (key.name == "EnvironmentFile")
        return UnitKeyOrigin{walk_.Derived("kplan's own: what etcd heeds at its first start"), /*note=*/true};
      if (!key.everywhere)
        return UnitKeyOrigin{walk_.Derived(absl::StrCat("that of ", host, ", by its architecture")),
                             /*note=*/true};
      if (key.name == "Type")
        return UnitKeyOrigin{walk_.Derived("kplan's own: it waits for etcd's notification"), /*note=*/true};
      // Written, it would be a user who is there already.
      if (key.name == "User" && !member.user.empty())
        return UnitKeyOrigin{walk_.Derived("hardening: strict", spec_.hardening.range), /*note=*/true};
      if (strict && key.section == "Service" && key.name != "Restart" && key.name != "RestartSec" &&
          key.name != "Environment")
        return UnitKeyOrigin{walk_.Derived("hardening: strict", spec_.hardening.range)};
      return UnitKeyOrigin{walk_.Default()};
    });
  }

  const ResolvedWalk& walk_;
  const EtcdSpec& spec_;
  const Etcd& etcd_;
  ResolvedSpecSink& sink_;
};

}  // namespace

void WalkEtcds(const ResolvedWalk& walk) {
  bool open = false;
  for (size_t i = 0; i < walk.spec.etcds.size(); ++i) {
    if (walk.spec.etcds[i].name.set() && !std::exchange(open, true)) walk.sink.Open("etcds");
    EtcdWalk(walk, i).Walk();
  }
  if (open) walk.sink.Close();
}

}  // namespace kplan
