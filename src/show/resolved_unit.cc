#include "src/show/resolved_unit.h"

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace kplan {
namespace {

// The text of a unit (Unit::Text()) taken apart: each section with its keys.
std::vector<std::vector<ShownUnitKey>> KeysBySection(absl::string_view text) {
  std::vector<std::vector<ShownUnitKey>> sections;
  std::string section;
  bool continued = false;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const bool continues = absl::ConsumeSuffix(&line, " \\");
    if (continued) {
      absl::StrAppend(&sections.back().back().values.back(), " ", absl::StripLeadingAsciiWhitespace(line));
    } else if (absl::StartsWith(line, "[")) {
      section = std::string(line.substr(1, line.size() - 2));
      sections.emplace_back();
    } else if (!line.empty()) {
      const size_t equals = line.find('=');
      std::string name(line.substr(0, equals)), value(line.substr(equals + 1));
      std::vector<ShownUnitKey>& keys = sections.back();
      if (keys.empty() || keys.back().name != name) keys.push_back({section, std::move(name), {}});
      keys.back().values.push_back(std::move(value));
    }
    continued = continues;
  }
  return sections;
}

// A key with its lines, for comparing.
std::string Line(const ShownUnitKey& key) {
  std::string line = absl::StrCat(key.section, "\n", key.name);
  for (const std::string& value : key.values) absl::StrAppend(&line, "\n", value);
  return line;
}

const UnitKeySpec* FindWritten(const std::vector<UnitSectionSpec>& spec, const ShownUnitKey& key) {
  for (const UnitSectionSpec& section : spec) {
    if (section.name.value != key.section) continue;
    for (const UnitKeySpec& written : section.keys) {
      if (written.name.value == key.name) return &written;
    }
  }
  return nullptr;
}

}  // namespace

void PutUnitKey(const ResolvedWalk& walk, const UnitKeySpec& key) {
  // An empty line has no place of its own.
  auto file = [&](const Text& value) { return walk.File(value.set() ? value.range : key.name.range); };
  if (key.values.size() == 1) {
    walk.sink.Value(key.name.value, key.values[0].value, file(key.values[0]));
    return;
  }
  std::vector<ResolvedSpecSink::Element> values;
  for (const Text& value : key.values) values.push_back({value.value, file(value)});
  walk.sink.List(key.name.value, values);
}

void WalkResolvedUnit(const ResolvedWalk& walk, const std::vector<UnitSectionSpec>& spec,
                      absl::string_view text, const std::vector<absl::string_view>& others,
                      const std::function<UnitKeyOrigin(const ShownUnitKey&)>& origin) {
  std::vector<absl::flat_hash_set<std::string>> other_keys;
  for (absl::string_view other : others) {
    if (other == text) continue;
    other_keys.emplace_back();
    for (const std::vector<ShownUnitKey>& section : KeysBySection(other)) {
      for (const ShownUnitKey& key : section) other_keys.back().insert(Line(key));
    }
  }
  walk.sink.Open("unit");
  for (std::vector<ShownUnitKey>& section : KeysBySection(text)) {
    if (section.empty()) continue;
    walk.sink.Open(section[0].section);
    for (ShownUnitKey& key : section) {
      if (const UnitKeySpec* written = FindWritten(spec, key); written != nullptr) {
        PutUnitKey(walk, *written);
        continue;
      }
      key.everywhere = absl::c_all_of(other_keys, [&](const auto& keys) { return keys.contains(Line(key)); });
      const UnitKeyOrigin from = origin(key);
      if (from.note && key.values.size() == 1) {
        walk.sink.Note(key.name, key.values[0], from.origin);
      } else if (from.note) {
        walk.sink.NoteList(key.name, key.values, from.origin);
      } else if (key.values.size() == 1) {
        walk.sink.Value(key.name, key.values[0], from.origin);
      } else {
        std::vector<ResolvedSpecSink::Element> values;
        for (const std::string& value : key.values) values.push_back({value, from.origin});
        walk.sink.List(key.name, values);
      }
    }
    walk.sink.Close();
  }
  walk.sink.Close();
}

}  // namespace kplan
