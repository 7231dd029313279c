#include "src/spec/spec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/spec/map_reader.h"
#include "src/spec/secret_values.h"
#include "src/spec/spec_pki.h"
#include "src/spec/spec_services.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

// Reads one Spec; a function a part of the file, in the file's order.

void Expect(const Text& text, absl::string_view key, absl::string_view value, Diagnostics* diagnostics) {
  if (!text.set() || text.value == value) return;
  diagnostics->Error(Code::kApiVersion, text.range,
                     absl::StrCat(key, " ", Quote(text.value), " is not one that this kplan reads"),
                     Remedy(absl::StrCat("write ", key, ": ", value, ", or leave it out"), value));
}

MemberSpec ReadMember(MapReader& reader, Range range) {
  MemberSpec member;
  member.range = range;
  member.listen = reader.GetTexts("listen");
  member.advertise = reader.GetTexts("advertise");
  member.peer_listen = reader.GetTexts("peer-listen");
  member.peer_advertise = reader.GetTexts("peer-advertise");
  member.flags = reader.GetPairs("flags");
  return member;
}

HostSpec ReadHost(MapReader& reader, Text name) {
  HostSpec host;
  host.name = std::move(name);
  host.root = reader.GetText("root");
  host.service_manager = reader.GetText("service-manager");
  host.address = reader.GetText("address");
  host.arch = reader.GetText("arch");
  host.ssh = reader.GetText("ssh");
  host.become = reader.GetText("become");
  MapReader etcd = reader.GetMap("etcd");
  MemberSpec member = ReadMember(etcd, reader.KeyRange("etcd"));
  if (member.range.known()) host.members.push_back(std::move(member));
  reader.ForEachMap("etcds", [&](MapReader& own, Text of) {
    host.members.push_back(ReadMember(own, of.range));
    host.members.back().etcd = std::move(of);
  });
  return host;
}

EtcdTlsSpec ReadTls(MapReader& reader, Range range) {
  EtcdTlsSpec tls;
  tls.range = range;
  tls.server = reader.GetText("server");
  tls.peer = reader.GetText("peer");
  tls.client = reader.GetText("client");
  return tls;
}

EtcdSpec ReadEtcd(MapReader& reader, Range range) {
  EtcdSpec etcd;
  etcd.range = range;
  etcd.version = reader.GetText("version");
  etcd.cert = reader.GetText("cert");
  MapReader tls = reader.GetMap("tls");
  etcd.tls = ReadTls(tls, reader.KeyRange("tls"));
  MapReader archive = reader.GetMap("archive");
  etcd.archive = ReadArchive(archive, reader.KeyRange("archive"));
  etcd.members = reader.GetTexts("members");
  etcd.initial_cluster_token = reader.GetText("initial-cluster-token");
  etcd.client_port = reader.GetText("client-port");
  etcd.peer_port = reader.GetText("peer-port");
  etcd.bin_dir = reader.GetText("bin-dir");
  etcd.config_dir = reader.GetText("config-dir");
  etcd.data_dir = reader.GetText("data-dir");
  etcd.wal_dir = reader.GetText("wal-dir");
  etcd.flags = reader.GetPairs("flags");
  etcd.unit = ReadUnit(reader);
  etcd.hardening = reader.GetText("hardening");
  etcd.start_timeout = reader.GetText("start-timeout");
  etcd.replace = reader.GetText("replace");
  return etcd;
}

Spec ReadCluster(const YamlNode& root, Diagnostics* diagnostics) {
  Spec spec;
  // What the YAML itself lacks may be anything.
  const bool whole = !diagnostics->has_errors();
  MapReader top(&root, {}, kClusterSchema, diagnostics);
  spec.knows_hosts = whole && top.HasAllNames("hosts");
  spec.knows_cas = whole && top.HasAllNames("ca") && top.HasAllNames("cas");
  spec.knows_certs = whole && top.HasAllNames("certs");
  spec.knows_services =
      whole && top.HasAllNames("services") && top.HasAllNames("etcd") && top.HasAllNames("etcds");
  spec.api_version = top.GetText("apiVersion");
  spec.kind = top.GetText("kind");
  Expect(spec.api_version, "apiVersion", "kplan.dev/v1", diagnostics);
  Expect(spec.kind, "kind", "Cluster", diagnostics);
  MapReader metadata = top.GetMap("metadata");
  spec.metadata_name = metadata.GetText("name");
  top.ForEachMap("hosts", [&](MapReader& reader, Text name) {
    spec.hosts.push_back(ReadHost(reader, std::move(name)));
  });
  ReadPki(top, &spec);
  MapReader etcd_reader = top.GetMap("etcd");
  EtcdSpec etcd = ReadEtcd(etcd_reader, top.KeyRange("etcd"));
  if (etcd.range.known()) spec.etcds.push_back(std::move(etcd));
  top.ForEachMap("etcds", [&](MapReader& reader, Text of) {
    spec.etcds.push_back(ReadEtcd(reader, of.range));
    spec.etcds.back().name = std::move(of);
  });
  top.ForEachMap("services", [&](MapReader& reader, Text name) {
    spec.services.push_back(ReadService(reader, std::move(name)));
  });
  spec.contact_every = top.GetMap("contact").GetText("every");
  MapReader rollout = top.GetMap("rollout");
  spec.rollout.range = top.KeyRange("rollout");
  spec.rollout.max_unavailable = rollout.GetText("max-unavailable");
  spec.rollout.snapshot = rollout.GetText("snapshot");
  spec.rollout.keep_snapshots = rollout.GetText("keep-snapshots");
  MapReader verify = top.GetMap("verify");
  spec.refuse_range = verify.KeyRange("refuse");
  spec.verify_refuse = verify.GetTexts("refuse");
  spec.ask_from_range = verify.KeyRange("from");
  spec.ask_from = verify.GetTexts("from");
  return spec;
}

}  // namespace

bool ReadSpec(Diagnostics* diagnostics, Spec* spec) {
  YamlTree tree;
  const bool parsed = tree.Parse(diagnostics);
  HideSecretValues(tree, diagnostics);
  if (!parsed && tree.root().kind != YamlNode::Kind::kMap) return false;
  *spec = ReadCluster(tree.root(), diagnostics);
  spec->well_formed = !diagnostics->has_errors();
  return true;
}

}  // namespace kplan
