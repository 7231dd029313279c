#include "src/spec/secret_values.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "src/base/secret_content.h"
#include "src/spec/schema.h"

namespace kplan {
namespace {

constexpr absl::string_view kContent = "content";

const YamlNode* Find(const YamlNode& map, absl::string_view key) {
  for (const YamlNode::Entry& entry : map.entries) {
    if (entry.key == key) return entry.value;
  }
  return nullptr;
}

// NODE and all that is below it.
void AddAll(const YamlNode& node, SecretValues* values) {
  if (!values->insert(&node).second) return;
  for (const YamlNode* item : node.items) AddAll(*item, values);
  for (const YamlNode::Entry& entry : node.entries) AddAll(*entry.value, values);
}

// The schema of what stands behind KEY, whose map is in that of SCHEMA.
const MapSchema& MapBehind(const MapSchema& schema, absl::string_view key) {
  return *std::find_if(schema.keys.begin(), schema.keys.end(), [key](const KeySchema& it) {
            return it.name == key;
          })->map;
}

bool IsKeyOfFile(absl::string_view key) {
  static const MapSchema& schema = MapBehind(MapBehind(kClusterSchema, "services"), "files");
  return std::any_of(schema.keys.begin(), schema.keys.end(),
                     [key](const KeySchema& it) { return it.name == key; });
}

bool IsPublicFile(const YamlNode& file) {
  const bool known = file.kind == YamlNode::Kind::kMap &&
                     std::all_of(file.entries.begin(), file.entries.end(),
                                 [](const YamlNode::Entry& entry) { return IsKeyOfFile(entry.key); });
  if (!known) return false;
  const YamlNode* mode = Find(file, "mode");
  return mode == nullptr || !IsSecretMode(absl::string_view(mode->text));
}

void AddSecretsOfFile(const YamlNode& file, SecretValues* values) {
  if (IsPublicFile(file)) return;
  if (file.kind != YamlNode::Kind::kMap) return AddAll(file, values);
  for (const YamlNode::Entry& entry : file.entries) {
    const bool harmless = entry.key != kContent && IsKeyOfFile(entry.key);
    if (!harmless) AddAll(*entry.value, values);
  }
}

size_t IndentOf(absl::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

// Whether LINE has the key KEY, in any of YAML's notations: where its value begins, else npos.
size_t ValueOf(absl::string_view line, absl::string_view key) {
  for (size_t at = line.find(key); at != absl::string_view::npos; at = line.find(key, at + 1)) {
    size_t end = at + key.size();
    if (at > 0 && absl::ascii_isalnum(static_cast<unsigned char>(line[at - 1]))) continue;
    while (end < line.size() && (line[end] == '"' || line[end] == '\'' || line[end] == ' ')) ++end;
    if (end < line.size() && line[end] == ':') return end + 1;
  }
  return absl::string_view::npos;
}

// The quote that LINE leaves open, where OPEN was open at its beginning; '\0': none.
char OpenQuote(absl::string_view line, char open) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (open == '"' && line[i] == '\\') {
      ++i;
    } else if (open != '\0') {
      if (line[i] == open) open = '\0';
    } else if (line[i] == '"' || line[i] == '\'') {
      open = line[i];
    }
  }
  return open;
}

// Without a tree: what is behind `content:` in its line, and below it the lines up to the end of a quote that
// is open, those that stand further in, and those that are no keys.
void HideByText(Diagnostics* diagnostics) {
  const SourceFile& source = diagnostics->source();
  size_t indent = absl::string_view::npos;  // of the key whose value goes on; npos: of none
  char open = '\0';
  for (int number = 1; number <= source.line_count(); ++number) {
    const absl::string_view line = source.Line(number);
    const uint32_t start = source.LineStart(number), end = start + static_cast<uint32_t>(line.size());
    const size_t value = open == '\0' ? ValueOf(line, kContent) : absl::string_view::npos;
    if (value != absl::string_view::npos) {
      indent = IndentOf(line);
      open = OpenQuote(line.substr(value), '\0');
      diagnostics->Hide({start + static_cast<uint32_t>(value), end});
    } else if (indent != absl::string_view::npos) {
      const bool within =
          open != '\0' || IndentOf(line) > indent || line.find(':') == absl::string_view::npos;
      if (within) diagnostics->Hide({start, end});
      if (!within) indent = absl::string_view::npos;
      open = OpenQuote(line, open);
      if (!within) open = '\0';
    }
  }
}

// Where a scalar without quotes is written, to its last line: the tree knows where it begins. Its further
// lines stand further in than its first one.
Range WithFurtherLines(const SourceFile& source, Range range) {
  const char first = source.text()[range.begin];
  if (first == '"' || first == '\'') return range;
  int line = source.PositionOf(range.begin).line;
  const size_t indent = IndentOf(source.Line(line));
  for (++line; line <= source.line_count(); ++line) {
    const absl::string_view text = source.Line(line);
    const size_t begin = IndentOf(text);
    if (begin < text.size() && begin <= indent) break;
    range.end = std::max(range.end, source.LineStart(line) + static_cast<uint32_t>(text.size()));
  }
  return range;
}

}  // namespace

SecretValues FindSecretValues(const YamlNode& root) {
  SecretValues values;
  const YamlNode* services = Find(root, "services");
  if (services == nullptr) return values;
  for (const YamlNode::Entry& service : services->entries) {
    const YamlNode* files = Find(*service.value, "files");
    if (files == nullptr) continue;
    if (files->kind != YamlNode::Kind::kMap) AddAll(*files, &values);
    for (const YamlNode::Entry& file : files->entries) AddSecretsOfFile(*file.value, &values);
  }
  return values;
}

void HideSecretValues(const YamlTree& tree, Diagnostics* diagnostics) {
  if (tree.root().kind != YamlNode::Kind::kMap) return HideByText(diagnostics);
  for (const YamlNode* node : FindSecretValues(tree.root())) {
    // Of one that an alias stands for, the alias itself says nothing.
    const Range written = node->anchor.known() ? node->anchor : node->range;
    if (node->kind != YamlNode::Kind::kScalar || !written.known()) continue;
    diagnostics->Hide(WithFurtherLines(diagnostics->source(), written));
  }
}

}  // namespace kplan
