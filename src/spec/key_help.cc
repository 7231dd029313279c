#include "src/spec/key_help.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

constexpr absl::string_view kName = "NAME";

void AddKeys(const MapSchema& map, absl::string_view prefix, std::vector<KeyPlace>* places) {
  for (const KeySchema& key : map.keys) {
    std::string path = absl::StrCat(prefix, key.name);
    places->push_back({path, &map, &key});
    if (key.map == nullptr) continue;
    absl::StrAppend(&path, ".", key.shape == KeyShape::kMaps ? "NAME." : "");
    AddKeys(*key.map, path, places);
  }
}

using Parts = absl::Span<const absl::string_view>;

// Whether ASKED is PATH, with any name, or none, for each NAME.
bool Matches(Parts path, Parts asked) {
  if (path.empty()) return asked.empty();
  if (path[0] == kName) {
    return Matches(path.subspan(1), asked) || (!asked.empty() && Matches(path.subspan(1), asked.subspan(1)));
  }
  return !asked.empty() && asked[0] == path[0] && Matches(path.subspan(1), asked.subspan(1));
}

absl::string_view DescribeShape(const KeySchema& key) {
  switch (key.shape) {
    case KeyShape::kText:
      return key.lines ? "a single value, which may have several lines" : "a single value";
    case KeyShape::kTexts:
      return "a list of single values, or one alone";
    case KeyShape::kTextMap:
      return key.or_text ? "a single value, or a map of names to such" : "a map of names to single values";
    case KeyShape::kMap:
      return key.or_text ? "a map, or a single value" : "a map";
    case KeyShape::kMaps:
      return key.map->each != nullptr ? "a map of names to maps of maps" : "a map of names to maps";
    case KeyShape::kMapList:
      return "a list of maps";
  }
  return "";
}

absl::string_view DescribeVariables(const KeySchema& key) {
  switch (key.variables) {
    case Variables::kNone:
      return "";
    case Variables::kHost:
      return "`$name` and `$address` of the host, where it is made or asked per host";
    case Variables::kLiteral:
      return "taken as they are written";
  }
  return "";
}

}  // namespace

std::vector<KeyPlace> AllKeys() {
  std::vector<KeyPlace> places;
  AddKeys(kClusterSchema, "", &places);
  return places;
}

std::vector<KeyPlace> FindKeys(absl::string_view path) {
  std::vector<absl::string_view> asked = absl::StrSplit(path, '.');
  std::vector<KeyPlace> exact, ends;
  for (KeyPlace& place : AllKeys()) {
    std::vector<absl::string_view> parts = absl::StrSplit(place.path, '.');
    if (Matches(parts, asked)) {
      exact.push_back(place);
      continue;
    }
    bool known = std::any_of(ends.begin(), ends.end(), [&](const KeyPlace& p) { return p.key == place.key; });
    for (size_t from = 1; from < parts.size() && !known; ++from) {
      if (parts[from] == kName || !Matches(Parts(parts).subspan(from), asked)) continue;
      ends.push_back(place);
      break;
    }
  }
  return exact.empty() ? ends : exact;
}

std::vector<absl::string_view> WordsOf(const KeySchema& key) {
  std::vector<absl::string_view> words;
  if (key.values == KeyValues::kUsage) {
    for (const Usage& usage : kUsages) words.push_back(usage.name);
  } else if (key.values == KeyValues::kWord) {
    words = absl::StrSplit(key.words, '|');
  }
  return words;
}

std::string DescribeValues(const KeySchema& key) {
  switch (key.values) {
    case KeyValues::kAny:
      return key.max == 0 ? "" : absl::StrCat("text of at most ", key.max, " characters");
    case KeyValues::kWord:
    case KeyValues::kUsage:
      return absl::StrJoin(WordsOf(key), ", ");
    case KeyValues::kBool:
      return "true or false";
    case KeyValues::kNumber:
      return absl::StrCat("a number from ", key.min, " to ", key.max);
    case KeyValues::kDuration:
      return "hours, minutes and seconds, as in 8760h (a year) or 1h30m";
    case KeyValues::kPath:
      return "a path of letters, digits and / . _ - + @ = ~";
    case KeyValues::kDate:
      return "2026-11-22T10:00:00Z, or 2026-11-22 for its midnight in UTC";
    case KeyValues::kDigest:
      return "64 hexadecimal digits, as sha256sum prints them";
    case KeyValues::kMode:
      return "three octal digits, with a 0 in front or without: 0644";
    case KeyValues::kUrl:
      return "a URL";
    case KeyValues::kHttpsUrl:
      return "an https:// URL";
    case KeyValues::kEtcdVersion:
      return "three numbers: 3.4.15";
    case KeyValues::kCountry:
      return "two capital letters";
    case KeyValues::kCa:
      return "the name of a CA: \"ca\", or a key of `cas`";
    case KeyValues::kCert:
      return "the name of a certificate: a key of `certs`";
    case KeyValues::kProfile:
      return "the name of a profile: a key of `signing.profiles`, or `kubernetes`";
    case KeyValues::kHost:
      return "the name of a host: a key of `hosts`";
  }
  return "";
}

std::string DescribeKey(const KeyPlace& place) {
  const KeySchema& key = *place.key;
  std::string out = absl::StrCat(key.doc, ".\n\n- shape: ", DescribeShape(key), "\n");
  auto line = [&](absl::string_view name, absl::string_view text) {
    if (!text.empty()) absl::StrAppend(&out, "- ", name, ": ", text, "\n");
  };
  line("values", DescribeValues(key));
  line("names", absl::StrJoin(absl::StrSplit(key.names, '|'), ", "));
  line("variables", DescribeVariables(key));
  line("default", key.fallback);
  if (!key.example.empty()) line("example", absl::StrCat("`", key.name, ": ", key.example, "`"));
  if (key.map != nullptr) {
    line("keys", absl::StrJoin(key.map->keys, ", ", [](std::string* text, const KeySchema& k) {
           absl::StrAppend(text, "`", k.name, "`");
         }));
  }
  return out;
}

}  // namespace kplan
