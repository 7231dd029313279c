#include "src/why/spec_place.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/base/text.h"

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
    // As in an edit's path (spec_edits.h).
    if (!OnlyAlnumAnd(key, "_-")) {
      way.back().clear();
      AppendJsonString(key, &way.back());
    }
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

bool HasText(const YamlNode& node, absl::string_view text) {
  if (node.text == text) return true;
  for (const YamlNode::Entry& entry : node.entries) {
    if (entry.key == text || HasText(*entry.value, text)) return true;
  }
  return std::any_of(node.items.begin(), node.items.end(),
                     [&](const YamlNode* item) { return HasText(*item, text); });
}

// The deepest entry of `services` that says of TEXT, a path on a host or a unit's name; an unknown place when
// none does.
SpecPlace PlaceInServices(const YamlNode& spec, const YamlNode& services, const std::string& text) {
  for (const YamlNode::Entry& service : services.entries) {
    for (const YamlNode::Entry& section : service.value->entries) {
      if (FindEntry(*section.value, text) != nullptr)
        return Deepest(spec, {"services", service.key, section.key, text});
      if (HasText(*section.value, text)) return Deepest(spec, {"services", service.key, section.key});
    }
  }
  return {};
}

// LABEL as one of a service's; an unknown place when it is none.
SpecPlace PlaceOfService(const YamlNode& spec, absl::string_view kind, absl::string_view rest) {
  const YamlNode::Entry* services = FindEntry(spec, "services");
  if (services == nullptr) return {};
  auto of = [&](absl::string_view name, const std::string& section) {
    return FindEntry(*services->value, name) == nullptr
               ? SpecPlace()
               : Deepest(spec, {"services", std::string(name), section});
  };
  if (kind == "archive" || kind == "unpack") {
    SpecPlace place = of(rest, "archive");
    // One an architecture.
    return place.path.empty() ? of(rest.substr(0, rest.rfind('-')), "archive") : place;
  }
  const size_t slash = rest.find('/');
  if (slash == absl::string_view::npos) return {};
  const absl::string_view below = rest.substr(slash + 1);
  if (kind == "source") {
    return Deepest(
        spec, {"services", std::string(rest.substr(0, slash)), "files", std::string(rest.substr(slash))});
  }
  if (kind == "user") {
    SpecPlace place = PlaceInServices(spec, *services->value, std::string(below));
    return place.path.empty() ? of(below, "user") : place;
  }
  if (kind == "service" || kind == "verify" || kind == "unit") {
    SpecPlace place = of(below, kind == "verify" ? "checks" : "unit");
    return place.path.empty() ? PlaceInServices(spec, *services->value, std::string(below)) : place;
  }
  if (kind != "render" && kind != "file" && kind != "dir") return {};
  // rest: HOST/etc/...
  absl::string_view path = rest.substr(slash), unit = path;
  if (absl::ConsumePrefix(&unit, paths::on_host::kUnits) && absl::ConsumePrefix(&unit, "/"))
    return PlaceOfService(spec, "unit", absl::StrCat("/", absl::StripSuffix(unit, ".service")));
  if (absl::ConsumePrefix(&unit, "/etc/sysusers.d/"))
    return PlaceOfService(spec, "user", absl::StrCat("/", absl::StripSuffix(unit, ".conf")));
  return PlaceInServices(spec, *services->value, std::string(path));
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
  if (SpecPlace place = PlaceOfService(spec, kind, rest); !place.path.empty()) return place;
  if (kind == "archive" || kind == "unpack") return Deepest(spec, {"etcd", "archive"});
  return Deepest(spec, {"etcd"});
}

}  // namespace kplan
