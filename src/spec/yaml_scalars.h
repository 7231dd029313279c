#ifndef KPLAN_SPEC_YAML_SCALARS_H_
#define KPLAN_SPEC_YAML_SCALARS_H_

// The values of YAML's scalars: plain, quoted, literal and folded (YAML 1.2.2, 7.3 and 8.1). Each function
// begins at the scalar's first character and leaves the cursor behind its last.

#include <string>

#include "src/base/source.h"
#include "src/spec/yaml_cursor.h"
#include "src/spec/yaml_events.h"

namespace kplan {

struct YamlScalarText {
  YamlStyle style = YamlStyle::kPlain;
  std::string value;
  Range range;
  bool one_line = true;
};

// Where the plain text that begins at PLACE ends in its line, without the blanks behind it. FLOW: between
// brackets, where it ends before ",[]{}", too.
size_t PlainLineEnd(const YamlCursor& cursor, size_t place, bool flow);

// Whether a plain scalar may begin here.
bool PlainMayBegin(const YamlCursor& cursor, bool flow);

// PARENT: lines after the first are those with more spaces than this in front; -1: any.
YamlScalarText ReadPlain(YamlCursor& cursor, int parent, bool flow);
YamlScalarText ReadQuoted(YamlCursor& cursor, int parent);
// A literal or folded one; the cursor is then at the beginning of a line, or at the end.
YamlScalarText ReadBlockScalar(YamlCursor& cursor, int parent);

}  // namespace kplan

#endif  // KPLAN_SPEC_YAML_SCALARS_H_
