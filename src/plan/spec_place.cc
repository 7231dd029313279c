#include "src/plan/spec_place.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace kplan {
namespace {

const YamlNode::Entry* FindEntry(const YamlNode& map, absl::string_view key) {
  for (const YamlNode::Entry& entry : map.entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

// The deepest entry that is there on the way KEYS.
SpecPlace Deepest(const YamlNode& spec, const std::vector<std::string>& keys) {
  SpecPlace place;
  const YamlNode* node = &spec;
  std::vector<std::string> way;
  for (const std::string& key : keys) {
    const YamlNode::Entry* entry = FindEntry(*node, key);
    if (entry == nullptr) break;
    way.push_back(key);
    place.key = entry->key_range;
    node = entry->value;
  }
  place.path = absl::StrJoin(way, ".");
  return place;
}

bool Has(const YamlNode& spec, absl::string_view section, absl::string_view name) {
  const YamlNode::Entry* entry = FindEntry(spec, section);
  return entry != nullptr && FindEntry(*entry->value, name) != nullptr;
}

}  // namespace

SpecPlace PlaceOfLabel(const YamlNode& spec, absl::string_view label) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(label, absl::MaxSplits('/', 1));
  const auto& [kind, rest] = parts;
  if (kind == "ca") {
    const std::string name(rest.substr(0, rest.find('/')));
    return absl::StrContains(rest, '/')
               ? Deepest(spec, {"cas", name})
               : Deepest(spec, FindEntry(spec, "ca") != nullptr ? std::vector<std::string>{"ca"}
                                                                : std::vector<std::string>{"cas", "ca"});
  }
  for (absl::string_view of_certificate : {"key", "csr", "cert", "chain", "bundle", "pkcs12"}) {
    if (kind != of_certificate) continue;
    if (Has(spec, "certs", rest)) return Deepest(spec, {"certs", std::string(rest)});
    return Deepest(spec, {"certs", std::string(rest.substr(rest.find('/') + 1))});  // HOST/NAME
  }
  if (kind == "host" || kind == "send") return Deepest(spec, {"hosts", std::string(rest)});
  if (kind == "archive" || kind == "unpack") return Deepest(spec, {"etcd", "archive"});
  return Deepest(spec, {"etcd"});
}

}  // namespace kplan
