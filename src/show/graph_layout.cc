#include "src/show/graph_layout.h"

#include <algorithm>
#include <array>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/paths.h"

namespace kplan {
namespace {

// The width of the page's 11 px monospace letters.
constexpr double kCharacterWidth = 6.65;
constexpr int kBoxPadding = 16;
constexpr int kColumnGap = 32;
// A mark of the state, and a space.
constexpr size_t kMark = 2;
// The longest title of a column, and what a closed cell says ("12 of 120") have room.
constexpr size_t kLeastCharacters = 9;

constexpr char kEllipsis[] = "\xE2\x80\xA6";

std::vector<GraphLayout::Group> GroupsOf(const GraphView& view) {
  std::vector<GraphLayout::Group> groups;
  absl::flat_hash_map<absl::string_view, size_t> index;
  for (uint32_t host = 0; host < view.hosts.size(); ++host) {
    if (view.hosts[host] == paths::kSharedShard) {
      groups.push_back({"", {host}});
      continue;
    }
    const std::string& role = view.roles[host];
    const auto [found, is_new] = index.try_emplace(role, groups.size());
    if (is_new) groups.push_back({role.empty() ? "no service" : role, {}});
    groups[found->second].hosts.push_back(host);
  }
  return groups;
}

}  // namespace

std::string ShortName(absl::string_view label, StepKind kind, absl::string_view host) {
  std::string name(label);
  // "file/worker/etc/etcd/ca.pem" in the band of worker: "/etc/etcd/ca.pem".
  const size_t slash = label.find('/');
  if (slash != absl::string_view::npos) {
    absl::string_view rest = label.substr(slash + 1);
    if (absl::ConsumePrefix(&rest, host) && absl::ConsumePrefix(&rest, "/")) {
      const Kind& row = KindOf(kind);
      const bool path = row.label_has_host() && absl::EndsWith(row.label, "/PATH");
      const bool unit = kind == StepKind::kUnit || kind == StepKind::kUnitFile;
      const char* before = path ? "/" : unit ? "unit " : kind == StepKind::kUser ? "user " : "";
      name = absl::StrCat(before, rest, kind == StepKind::kDir ? "/" : "");
    }
  }
  if (name.size() <= kShortName) return name;
  // The end of a path says more than its beginning: as many whole parts as there is room for.
  for (size_t cut = name.find('/', 1); cut != std::string::npos && cut + 1 < name.size();
       cut = name.find('/', cut + 1)) {
    if (name.size() - cut < kShortName) return absl::StrCat(kEllipsis, name.substr(cut));
  }
  return absl::StrCat(kEllipsis, name.substr(name.size() - (kShortName - 1)));
}

GraphLayout MakeGraphLayout(const GraphView& view) {
  GraphLayout layout;
  layout.places.resize(view.nodes.size());
  std::array<size_t, kStages> characters = {};
  for (size_t i = 0; i < view.nodes.size(); ++i) {
    const GraphNode& node = view.nodes[i];
    std::string& name = layout.places[i].name;
    name = ShortName(node.label, node.kind, view.hosts[node.host]);
    // The ellipsis is one character of three bytes.
    const size_t length = name.size() - (absl::StartsWith(name, kEllipsis) ? 2 : 0);
    characters[node.stage] = std::max(characters[node.stage], std::max(length, kLeastCharacters));
  }
  std::array<uint32_t, kStages> column_of = {};
  int x = 0;
  for (int stage = 0; stage < kStages; ++stage) {
    if (characters[stage] == 0) continue;
    const int width = static_cast<int>((characters[stage] + kMark) * kCharacterWidth) + kBoxPadding;
    column_of[stage] = static_cast<uint32_t>(layout.columns.size());
    layout.columns.push_back({stage, x + width / 2, width});
    x += width + kColumnGap;
  }
  for (size_t i = 0; i < view.nodes.size(); ++i) layout.places[i].column = column_of[view.nodes[i].stage];
  layout.groups = GroupsOf(view);
  return layout;
}

}  // namespace kplan
