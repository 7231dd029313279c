#include "src/why/random_spec_testing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/base/diagnostic.h"
#include "src/base/record.h"
#include "src/base/source.h"
#include "src/base/text.h"
#include "src/base/yaml_scalar.h"

namespace kplan {
namespace {

using Kind = YamlNode::Kind;

LooseNode Loosen(const YamlNode& node) {
  LooseNode loose;
  loose.kind = node.kind;
  loose.text = node.text;
  for (const YamlNode* item : node.items) loose.items.push_back(Loosen(*item));
  for (const YamlNode::Entry& entry : node.entries)
    loose.entries.emplace_back(entry.key, Loosen(*entry.value));
  return loose;
}

std::string Dump(const LooseNode& node) {
  std::string out;
  switch (node.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kScalar:
      AppendJsonString(node.text, &out);
      return out;
    case Kind::kList:
      for (const LooseNode& item : node.items) absl::StrAppend(&out, Dump(item), "\n");
      return absl::StrCat("[", out, "]");
    case Kind::kMap: {
      std::vector<std::string> lines;
      for (const auto& [key, value] : node.entries) {
        std::string line;
        AppendJsonString(key, &line);
        lines.push_back(absl::StrCat(line, ":", Dump(value), "\n"));
      }
      std::sort(lines.begin(), lines.end());
      for (const std::string& line : lines) out += line;
      return absl::StrCat("{", out, "}");
    }
  }
  return out;
}

// Every node of a tree.
void Collect(LooseNode* node, std::vector<LooseNode*>* all) {
  all->push_back(node);
  for (LooseNode& item : node->items) Collect(&item, all);
  for (auto& [key, value] : node->entries) Collect(&value, all);
}

void Remove(LooseNode* map, absl::string_view key) {
  map->entries.erase(std::remove_if(map->entries.begin(), map->entries.end(),
                                    [&](const auto& entry) { return entry.first == key; }),
                     map->entries.end());
}

// The map at KEY of MAP, made when it is not there or is no map.
LooseNode* MapAt(LooseNode* map, const std::string& key) {
  LooseNode* found = map->Find(key);
  if (found == nullptr) {
    map->entries.emplace_back(key, Map({}));
    found = &map->entries.back().second;
  }
  if (found->kind != Kind::kMap) *found = Map({});
  return found;
}

void Set(LooseNode* map, const std::string& key, LooseNode value) {
  if (map->kind != Kind::kMap) *map = Map({});
  if (LooseNode* found = map->Find(key)) {
    *found = std::move(value);
  } else {
    map->entries.emplace_back(key, std::move(value));
  }
}

const std::vector<std::string>& Texts() {
  static const auto* texts = new std::vector<std::string>{"null",
                                                          "~",
                                                          "",
                                                          "a: b",
                                                          "a #b",
                                                          "#",
                                                          "- x",
                                                          "-",
                                                          "?",
                                                          "true",
                                                          "5",
                                                          "1e3",
                                                          "2026-11-22",
                                                          "0x10",
                                                          "*a",
                                                          "&a",
                                                          "!x",
                                                          "%",
                                                          "@",
                                                          "`",
                                                          "'",
                                                          "\"",
                                                          "\\",
                                                          "it's",
                                                          " x",
                                                          "x ",
                                                          "a\nb",
                                                          "a\tb",
                                                          "x\x7f",
                                                          "\xC3\xBC",
                                                          "\xE2\x80\xA8",
                                                          "\xEF\xBB\xBFz",
                                                          "{}",
                                                          "[a]",
                                                          "a, b",
                                                          "...",
                                                          "---",
                                                          "=",
                                                          "::1",
                                                          "x:",
                                                          "worker",
                                                          std::string(1500, 'x'),
                                                          std::string(700, '"')};
  return *texts;
}

}  // namespace

LooseNode* LooseNode::Find(absl::string_view key) {
  for (auto& [name, value] : entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

LooseNode Scalar(std::string text) {
  LooseNode node;
  node.kind = Kind::kScalar;
  node.text = std::move(text);
  return node;
}

LooseNode List(std::vector<std::string> items) {
  LooseNode node;
  node.kind = Kind::kList;
  for (std::string& item : items) node.items.push_back(Scalar(std::move(item)));
  return node;
}

LooseNode Map(std::vector<std::pair<std::string, LooseNode>> entries) {
  LooseNode node;
  node.kind = Kind::kMap;
  node.entries = std::move(entries);
  return node;
}

LooseNode ReadLoose(const std::string& text) {
  SourceFile source("cluster.yaml", text);
  Diagnostics diagnostics(&source);
  YamlTree tree;
  EXPECT_TRUE(tree.Parse(&diagnostics)) << diagnostics.Format(false) << text;
  return Loosen(tree.root());
}

std::string TreeOf(const std::string& text) { return Dump(ReadLoose(text)); }

std::string RandomSpec::Edit(const std::string& text, int edits, bool sensible) {
  LooseNode root = ReadLoose(text);
  for (int i = 0; i < edits; ++i) {
    if (root.kind != Kind::kMap) root = Map({});
    if (sensible || Below(2) == 0) {
      SensibleEdit(&root);
    } else {
      WildEdit(&root);
    }
  }
  return Write(root);
}

void RandomSpec::EditNames(LooseNode* list, const std::vector<std::string>& words) {
  if (list->kind != Kind::kList) *list = List({});
  uint32_t how = Below(4);
  uint32_t at = Below(static_cast<uint32_t>(list->items.size()) + 1);
  if (how == 0 && !list->items.empty()) {
    list->items.erase(list->items.begin() + at % list->items.size());
  } else if (how == 1) {
    std::shuffle(list->items.begin(), list->items.end(), random_);
  } else {
    list->items.insert(list->items.begin() + at, Scalar(Pick(words)));
  }
}

void RandomSpec::SensibleEdit(LooseNode* root) {
  LooseNode* certs = MapAt(root, "certs");
  std::string cert = certs->entries.empty()
                         ? "extra"
                         : certs->entries[Below(static_cast<uint32_t>(certs->entries.size()))].first;
  LooseNode* etcd = root->Find("etcd");
  if (etcd != nullptr && etcd->kind != Kind::kMap) etcd = nullptr;
  switch (Below(etcd != nullptr ? 17 : 11)) {
    case 0:
    case 1: {
      LooseNode* entry = MapAt(certs, cert);
      if (entry->Find("hosts") == nullptr) Set(entry, "hosts", List({"worker", "127.0.0.1"}));
      EditNames(entry->Find("hosts"), {"a.example.com", "b.example.com", "10.0.0.7", "localhost"});
      return;
    }
    case 2:
      Set(certs, Pick({"extra", "spare"}), Map({{"hosts", List({"worker", "127.0.0.1", Pick({"a", "b"})})}}));
      return;
    case 3:
      Remove(certs, Pick({"extra", "spare", cert}));
      return;
    case 4: {
      LooseNode* signing = MapAt(root, "signing");
      LooseNode* profile = Below(2) == 0
                               ? MapAt(signing, "default")
                               : MapAt(MapAt(signing, "profiles"), Pick({"kubernetes", "client", "member"}));
      Set(profile, "expiry", Scalar(Pick({"720h", "1000h", "8760h"})));
      return;
    }
    case 5:
      Set(MapAt(certs, cert), "CN", Scalar(Pick({"one", "two", "three"})));
      return;
    case 6:
      if (root->Find("ca") != nullptr)
        Set(MapAt(root, "ca"), "expiry", Scalar(Pick({"43800h", "50000h", "60000h"})));
      return;
    case 7: {
      LooseNode* entry = MapAt(certs, cert);
      std::string key = Pick({"O", "OU", "L"});
      if (LooseNode* names = entry->Find("names"); names != nullptr && !names->items.empty()) {
        Set(&names->items[0], key, Scalar(Pick({"x", "y"})));
      } else {
        LooseNode list = List({});
        list.items.push_back(Map({{key, Scalar("x")}}));
        Set(entry, "names", list);
      }
      return;
    }
    case 8: {
      LooseNode* revoked = root->Find("revoked");
      if (revoked == nullptr || revoked->kind != Kind::kList) {
        Set(root, "revoked", List({}));
        revoked = root->Find("revoked");
      }
      uint32_t at = Below(static_cast<uint32_t>(revoked->items.size()) + 1);
      if (Below(3) == 0 && !revoked->items.empty()) {
        revoked->items.erase(revoked->items.begin() + at % revoked->items.size());
      } else {
        LooseNode entry = Map({{"serial", Scalar(Pick({"'4711'", "0xabc", "0xdef"}))},
                               {"date", Scalar(Pick({"2026-11-22", "2026-11-23"}))}});
        revoked->items.insert(revoked->items.begin() + at, entry);
      }
      return;
    }
    case 9:
    case 10:
      ServiceEdit(MapAt(root, "services"), cert);
      return;
    case 11:
    case 12:
      Set(MapAt(etcd, "flags"),
          Pick({"max-wals", "max-snapshots", "backend-batch-limit", "heartbeat-interval"}),
          Scalar(Pick({"3", "7", "200"})));
      return;
    case 13:
      if (LooseNode* flags = etcd->Find("flags"); flags != nullptr && !flags->entries.empty()) {
        flags->entries.erase(flags->entries.begin() + Below(static_cast<uint32_t>(flags->entries.size())));
      }
      return;
    case 14:
      Set(MapAt(MapAt(etcd, "unit"), Pick({"Service", "Unit"})),
          Pick({"LimitNOFILE", "Documentation", "User"}), Scalar(Pick({"65536", "etcd", "1024"})));
      return;
    case 15:
      Set(etcd, "cert", Scalar(cert));
      return;
    case 16: {
      LooseNode* hosts = MapAt(root, "hosts");
      if (hosts->entries.empty() || Below(3) == 0) {
        Set(hosts, Pick({"box", "worker"}),
            Map({{"root", Scalar("./box")}, {"service-manager", Scalar("process")}}));
      } else {
        auto& [name, host] = hosts->entries[Below(static_cast<uint32_t>(hosts->entries.size()))];
        if (Below(3) == 0) {
          name = Pick({"renamed", "other"});
          while (std::count_if(hosts->entries.begin(), hosts->entries.end(),
                               [&, n = &name](const auto& entry) { return entry.first == *n; }) > 1) {
            name += "x";
          }
        } else {
          Set(&host, "address", Scalar(Pick({"10.0.0.1", "10.0.0.2"})));
        }
      }
      return;
    }
  }
}

void RandomSpec::ServiceEdit(LooseNode* services, const std::string& cert) {
  const std::string name = Pick({"web", "job"});
  if (services->Find(name) == nullptr) {
    Set(services, name, Map({{"command", List({"/bin/sleep", "1000"})}}));
    return;
  }
  LooseNode* service = MapAt(services, name);
  const std::string folder = absl::StrCat("/etc/", name, "/");
  switch (Below(7)) {
    case 0:
      Remove(services, name);
      return;
    case 1:
    case 2:
      Set(MapAt(service, "files"), absl::StrCat(folder, Pick({"a", "b"})),
          Map({{"content", Scalar(Pick({"one", "two\nlines", "three: 3"}))},
               {"on-change", Scalar(Pick({"nothing", "reload", "restart"}))}}));
      return;
    case 3: {
      LooseNode certs = List({});
      certs.items.push_back(Map({{"name", Scalar(cert)},
                                 {"cert", Scalar(absl::StrCat(folder, "c.pem"))},
                                 {"key", Scalar(absl::StrCat(folder, "c-key.pem"))},
                                 {"on-change", Scalar(Pick({"nothing", "reload", "restart"}))}}));
      Set(service, "certs", std::move(certs));
      return;
    }
    case 4:
      Set(MapAt(service, "environment"), Pick({"MODE", "LEVEL"}), Scalar(Pick({"x", "y"})));
      return;
    case 5:
      Set(service, "after", List({name == "web" ? "job" : "web"}));
      return;
    case 6:
      if (service->Find("command") == nullptr) Set(service, "command", List({"/bin/sleep", "1000"}));
      EditNames(service->Find("command"), {"-v", "1000", "a b"});
      return;
  }
}

void RandomSpec::WildEdit(LooseNode* root) {
  std::vector<LooseNode*> all;
  Collect(root, &all);
  LooseNode* node = all[Below(static_cast<uint32_t>(all.size()))];
  uint32_t how = Below(6);
  if (node->kind == Kind::kMap && how < 3) {
    if (how == 0 && !node->entries.empty()) {
      node->entries.erase(node->entries.begin() + Below(static_cast<uint32_t>(node->entries.size())));
    } else if (how == 1) {
      std::shuffle(node->entries.begin(), node->entries.end(), random_);
    } else {
      std::string key = Pick(Texts());
      if (key.size() > 1000) key.resize(800);
      if (key == "\xEF\xBB\xBFz") key = "z";  // at the beginning of a file a mark, not a character
      if (node->Find(key) == nullptr) node->entries.emplace_back(key, Scalar(Pick(Texts())));
    }
  } else if (node->kind == Kind::kList && how < 3) {
    uint32_t at = Below(static_cast<uint32_t>(node->items.size()) + 1);
    if (how == 0 && !node->items.empty()) {
      node->items.erase(node->items.begin() + at % node->items.size());
    } else if (how == 1) {
      std::shuffle(node->items.begin(), node->items.end(), random_);
    } else if (Below(2) == 0) {
      node->items.insert(node->items.begin() + at, Scalar(Pick(Texts())));
    } else {
      LooseNode entry =
          Map({{Pick({"a", "b"}), Scalar(Pick({"1", "2"}))}, {"c", Scalar(Pick({"1", "2", "3"}))}});
      node->items.insert(node->items.begin() + at, entry);
    }
  } else if (how == 3) {
    *node = LooseNode();
  } else if (how == 4) {
    *node = Below(2) == 0 ? List({}) : Map({});
  } else {
    *node = Scalar(Pick(Texts()));
  }
}

std::string RandomSpec::ScalarText(absl::string_view text) {
  bool control = false;
  for (absl::string_view rest = text; !rest.empty(); rest.remove_prefix(1)) {
    control = control || ControlLength(rest) != 0;
  }
  if (control || Below(4) != 0) return YamlScalar(text);
  std::string out;
  if (Below(2) == 0) {
    AppendJsonString(text, &out);
    return out;
  }
  out = "'";
  for (char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

void RandomSpec::WriteFlow(const LooseNode& node, std::string* out) {
  if (node.kind == Kind::kNull) *out += Below(2) == 0 ? "null" : "~";
  if (node.kind == Kind::kScalar) *out += ScalarText(node.text);
  if (node.kind == Kind::kList) {
    *out += "[";
    for (size_t i = 0; i < node.items.size(); ++i) {
      *out += i > 0 ? ", " : "";
      WriteFlow(node.items[i], out);
    }
    *out += "]";
  }
  if (node.kind == Kind::kMap) {
    *out += "{";
    for (size_t i = 0; i < node.entries.size(); ++i) {
      *out += i > 0 ? ", " : "";
      // A long text must be said to be a key.
      std::string key = ScalarText(node.entries[i].first);
      absl::StrAppend(out, key.size() > 1000 ? "? " : "", key, " : ");
      WriteFlow(node.entries[i].second, out);
    }
    *out += "}";
  }
}

void RandomSpec::EndLine(std::string* out) {
  if (Below(6) == 0) *out += "   # why not";
  *out += "\n";
  if (Below(12) == 0) *out += "\n# a line of its own\n";
}

void RandomSpec::WriteBlock(const LooseNode& node, int indent, std::string* out) {
  bool list = node.kind == Kind::kList && !node.items.empty();
  bool map = node.kind == Kind::kMap && !node.entries.empty();
  if ((!list && !map) || Below(8) == 0) {
    *out += " ";
    WriteFlow(node, out);
    EndLine(out);
    return;
  }
  EndLine(out);
  for (const LooseNode& item : node.items) {
    absl::StrAppend(out, std::string(indent, ' '), "-");
    WriteBlock(item, indent + 2, out);
  }
  for (const auto& [key, value] : node.entries) {
    std::string written = ScalarText(key);
    absl::StrAppend(out, std::string(indent, ' '));
    if (written.size() > 1000) absl::StrAppend(out, "? ", written, "\n", std::string(indent, ' '), ":");
    if (written.size() <= 1000) absl::StrAppend(out, written, ":");
    WriteBlock(value, indent + 2, out);
  }
}

std::string RandomSpec::Write(const LooseNode& node) {
  std::string text;
  WriteBlock(node, 0, &text);
  return text.substr(1);
}

}  // namespace kplan
