#include "src/spec/reference.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/spec/key_help.h"

namespace kplan {
namespace {

constexpr absl::string_view kBegin = "<!-- keys: ", kBeginEnd = " -->\n", kEnd = "<!-- end -->\n";

void AppendRows(const MapSchema& map, absl::string_view prefix, std::string* out) {
  for (const KeySchema& key : map.keys) {
    std::string path = absl::StrCat(prefix, key.name);
    bool linked = key.map != nullptr && !key.map->section.empty();
    std::string link =
        linked ? absl::StrCat(" ([", key.map->section, "](#", Anchor(key.map->section), "))") : "";
    absl::StrAppend(out, "| `", path, "` | ", key.doc, link, " | ", key.fallback, " |\n");
    if (key.map != nullptr && !linked) AppendRows(*key.map, absl::StrCat(path, "."), out);
  }
}

// The map called ID; null when there is none.
const MapSchema* FindMap(absl::string_view id) {
  if (id == kClusterSchema.id) return &kClusterSchema;
  for (const KeyPlace& place : AllKeys()) {
    if (place.key->map != nullptr && place.key->map->id == id) return place.key->map;
  }
  return nullptr;
}

}  // namespace

std::string Anchor(absl::string_view heading) {
  std::string out;
  for (char c : heading) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_') out += absl::ascii_tolower(c);
    if (c == ' ') out += '-';
  }
  return out;
}

std::string KeyRows(const MapSchema& map) {
  std::string out;
  AppendRows(map, "", &out);
  return out;
}

absl::StatusOr<std::string> WithKeyTables(absl::string_view doc) {
  std::string out;
  while (true) {
    size_t begin = doc.find(kBegin);
    if (begin == absl::string_view::npos) return absl::StrCat(out, doc);
    size_t id_end = doc.find(kBeginEnd, begin), end = doc.find(kEnd, begin);
    if (id_end == absl::string_view::npos || end == absl::string_view::npos || end < id_end) {
      return absl::InvalidArgumentError(absl::StrCat("no end of ", Quote(doc.substr(begin, 40))));
    }
    absl::string_view id = doc.substr(begin + kBegin.size(), id_end - begin - kBegin.size());
    const MapSchema* map = FindMap(id);
    if (map == nullptr) return absl::InvalidArgumentError(absl::StrCat("there is no map ", Quote(id)));
    absl::StrAppend(&out, doc.substr(0, id_end + kBeginEnd.size()),
                    "| key | value | default |\n|---|---|---|\n", KeyRows(*map), kEnd);
    doc.remove_prefix(end + kEnd.size());
  }
}

}  // namespace kplan
