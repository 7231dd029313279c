#ifndef KPLAN_SPEC_YAML_EVENTS_H_
#define KPLAN_SPEC_YAML_EVENTS_H_

// What a YAML text says, node by node in the order of the text. YAML calls these the serialisation events
// (YAML 1.2.2, 3.1): everything that has a meaning is in them, and nothing of the presentation but styles
// and places.

#include <string>

#include "absl/strings/string_view.h"
#include "src/base/source.h"

namespace kplan {

// What may stand before a node: "&name", "!tag".
struct YamlProperties {
  absl::string_view anchor;  // without its "&"; empty: none. A view of the text
  std::string tag;           // resolved: "!!str" is "tag:yaml.org,2002:str"; empty: none
  Range anchor_range, tag_range;
};

enum class YamlStyle { kPlain, kSingleQuoted, kDoubleQuoted, kLiteral, kFolded };

// Takes the events of one text. A taker that has had enough throws YamlStop.
class YamlEvents {
 public:
  virtual ~YamlEvents() = default;

  // WRITTEN: by a "---" or a "..." in the text, which is then at PLACE.
  virtual void OnDocumentStart(bool written, Range place) = 0;
  virtual void OnDocumentEnd(bool written) = 0;

  virtual void OnAlias(absl::string_view name, Range range) = 0;
  // RANGE: the whole text with its quotes; of a block scalar its first line; of an empty node, which is plain
  // and has no text, what it stands behind: a key or a dash.
  virtual void OnScalar(const YamlProperties& properties, YamlStyle style, std::string value,
                        Range range) = 0;
  // RANGE: the first character of the first entry, or the bracket. FLOW: [a, b] or {a: b}.
  virtual void OnListStart(const YamlProperties& properties, bool flow, Range range) = 0;
  virtual void OnListEnd() = 0;
  // Keys and values take turns.
  virtual void OnMapStart(const YamlProperties& properties, bool flow, Range range) = 0;
  virtual void OnMapEnd() = 0;
};

// Thrown to leave a parser from any depth, when what is wrong has been said. It does not leave this package.
struct YamlStop {};

}  // namespace kplan

#endif  // KPLAN_SPEC_YAML_EVENTS_H_
