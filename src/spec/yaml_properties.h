#ifndef KPLAN_SPEC_YAML_PROPERTIES_H_
#define KPLAN_SPEC_YAML_PROPERTIES_H_

// Directives and what they are for: the tags and anchors before nodes (YAML 1.2.2, 6.8 and 6.9).

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "src/spec/yaml_cursor.h"
#include "src/spec/yaml_events.h"

namespace kplan {

// The handles that a document's %TAG directives give a meaning, beside "!" and "!!".
class YamlTagHandles {
 public:
  void Forget() { written_.clear(); }
  // False when HANDLE has one already.
  bool Add(absl::string_view handle, absl::string_view prefix);
  // What HANDLE stands for; null when nobody said.
  const std::string* Find(absl::string_view handle) const;

 private:
  std::map<std::string, std::string, std::less<>> written_;
};

// Reads the lines of directives here, which may be none, with empty lines and comments between them. False
// when there is none.
bool ReadYamlDirectives(YamlCursor& cursor, YamlTagHandles* handles);

// Reads one "&name" or "!tag" here into PROPERTIES, with nothing behind it.
void ReadYamlProperty(YamlCursor& cursor, const YamlTagHandles& handles, bool flow,
                      YamlProperties* properties);

// The "&name" or "*name" here, with its sign.
absl::string_view ReadYamlName(YamlCursor& cursor);

}  // namespace kplan

#endif  // KPLAN_SPEC_YAML_PROPERTIES_H_
