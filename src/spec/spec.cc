#include "src/spec/spec.h"

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/spec/map_reader.h"
#include "src/spec/spec_pki.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

// Reads one Spec; a method a part of the file, in the file's order.
class Reader {
 public:
  explicit Reader(Diagnostics* diagnostics) : diagnostics_(diagnostics) {}

  Spec Read(const YamlNode& root) {
    Spec spec;
    MapReader top(&root, {}, "a cluster.yaml", diagnostics_);
    Expect(top.GetText("apiVersion"), "apiVersion", "kplan.dev/v1");
    Expect(top.GetText("kind"), "kind", "Cluster");
    MapReader metadata(top.Take("metadata"), top.KeyRange("metadata"), "metadata", diagnostics_);
    spec.metadata_name = metadata.GetText("name");
    metadata.Finish();
    Each(top, "hosts", [&](const YamlNode::Entry& entry) { spec.hosts.push_back(ReadHost(entry)); });
    ReadPki(top, &spec, diagnostics_);
    spec.etcd = ReadEtcd(top.Take("etcd"), top.KeyRange("etcd"));
    MapReader verify(top.Take("verify"), top.KeyRange("verify"), "verify", diagnostics_);
    spec.refuse_range = verify.KeyRange("refuse");
    spec.verify_refuse = verify.GetTexts("refuse");
    verify.Finish();
    top.NotYet("rollout", "it is for clusters of several members");
    top.Finish();
    return spec;
  }

 private:
  template <typename Function>
  void Each(MapReader& reader, absl::string_view key, Function function) {
    const YamlNode* node = reader.Take(key);
    ForEachEntry(node, reader.KeyRange(key), Quote(key), diagnostics_, function);
  }

  void Expect(const Text& text, absl::string_view key, absl::string_view value) {
    if (!text.set() || text.value == value) return;
    diagnostics_->Error(text.range,
                        absl::StrCat(key, " ", Quote(text.value), " is not one that this kplan reads"),
                        absl::StrCat("write ", key, ": ", value, ", or leave it out"));
  }

  static Text NameOf(const YamlNode::Entry& entry) { return {entry.key, entry.key_range}; }

  HostSpec ReadHost(const YamlNode::Entry& entry) {
    MapReader reader(entry.value, entry.key_range, "a host", diagnostics_);
    HostSpec host;
    host.name = NameOf(entry);
    host.address = reader.GetText("address");
    host.root = reader.GetText("root");
    host.arch = reader.GetText("arch");
    host.service_manager = reader.GetText("service-manager");
    reader.NotYet("ssh", "every host is this machine, or a folder on it (root)");
    reader.NotYet("become", "run ninja as the user who may write there");
    reader.Finish();
    return host;
  }

  ArchiveSpec ReadArchive(const YamlNode* node, Range range) {
    MapReader reader(node, range, "archive", diagnostics_);
    ArchiveSpec archive;
    archive.range = range;
    archive.url = reader.GetText("url");
    archive.path = reader.GetText("path");
    const YamlNode* digest = reader.Take("sha256");
    if (digest != nullptr && digest->kind == YamlNode::Kind::kMap) {
      archive.sha256_by_arch = reader.GetPairs("sha256");
    } else if (digest != nullptr) {
      archive.sha256 = reader.GetText("sha256");
    }
    reader.Finish();
    return archive;
  }

  EtcdSpec ReadEtcd(const YamlNode* node, Range range) {
    MapReader reader(node, range, "etcd", diagnostics_);
    EtcdSpec etcd;
    etcd.range = range;
    etcd.version = reader.GetText("version");
    etcd.cert = reader.GetText("cert");
    etcd.initial_cluster_token = reader.GetText("initial-cluster-token");
    etcd.archive = ReadArchive(reader.Take("archive"), reader.KeyRange("archive"));
    etcd.members = reader.GetTexts("members");
    etcd.flags = reader.GetPairs("flags");
    Each(reader, "unit", [&](const YamlNode::Entry& entry) {
      UnitSectionSpec section;
      section.name = NameOf(entry);
      ForEachEntry(entry.value, entry.key_range, Quote(entry.key), diagnostics_,
                   [&](const YamlNode::Entry& key) {
                     Text value = MapReader::ToText(*key.value, key.key_range, key.key, diagnostics_);
                     if (value.set()) section.keys.emplace_back(NameOf(key), std::move(value));
                   });
      etcd.unit.push_back(std::move(section));
    });
    reader.NotYet("tls", "one certificate serves and connects, `cert`");
    reader.NotYet("hardening", "`unit` can add systemd's own settings");
    reader.Finish();
    return etcd;
  }

  Diagnostics* diagnostics_;
};

}  // namespace

bool ReadSpec(Diagnostics* diagnostics, Spec* spec) {
  YamlTree tree;
  if (!tree.Parse(diagnostics) && tree.root().kind != YamlNode::Kind::kMap) return false;
  *spec = Reader(diagnostics).Read(tree.root());
  spec->well_formed = !diagnostics->has_errors();
  return true;
}

}  // namespace kplan
