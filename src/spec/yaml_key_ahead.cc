#include "src/spec/yaml_key_ahead.h"

#include "src/spec/yaml_scalars.h"

namespace kplan {
namespace {

constexpr size_t kMaxKey = 1024;

// Where the node that begins at a place ends, if it ends in its line; what is in it is not looked at. No
// value means that it does not.
class LineNode {
 public:
  LineNode(const YamlCursor& cursor, bool flow) : cursor_(cursor), flow_(flow) {}

  static constexpr size_t kNone = static_cast<size_t>(-1);

  size_t End(size_t place) const {
    switch (cursor_.At(place)) {
      case '*':
        return NameEnd(place);
      case '"':
      case '\'':
        return QuotedEnd(place);
      case '[':
      case '{':
        return BracketEnd(place);
      default:
        return PlainLineEnd(cursor_, place, flow_);
    }
  }
  size_t NameEnd(size_t place) const {
    while (!cursor_.IsGapAt(place) && !IsYamlFlowIndicator(cursor_.At(place))) ++place;
    return place;
  }

 private:
  size_t QuotedEnd(size_t place) const {
    const char quote = cursor_.At(place);
    for (++place; !cursor_.IsBreakOrEndAt(place); ++place) {
      if (cursor_.At(place) == '\\' && quote == '"') {
        ++place;
      } else if (cursor_.At(place) == quote) {
        if (quote == '"' || cursor_.At(place + 1) != '\'') return place + 1;
        ++place;
      }
    }
    return kNone;
  }

  // From a bracket to its counterpart. A quote opens a text only where a node may begin.
  size_t BracketEnd(size_t place) const {
    int depth = 0;
    bool begins = true;
    const size_t limit = place + kMaxKey;
    while (!cursor_.IsBreakOrEndAt(place) && place < limit) {
      const char c = cursor_.At(place);
      if (begins && (c == '"' || c == '\'')) {
        place = QuotedEnd(place);
        if (place == kNone) return kNone;
        begins = false;
        continue;
      }
      if (c == '[' || c == '{') ++depth;
      if ((c == ']' || c == '}') && --depth == 0) return place + 1;
      if (c == '#' && IsYamlBlank(cursor_.At(place - 1))) return kNone;
      if (!IsYamlBlank(c)) begins = IsYamlFlowIndicator(c) || c == ':';
      ++place;
    }
    return kNone;
  }

  const YamlCursor& cursor_;
  const bool flow_;
};

}  // namespace

bool IsYamlKeyAhead(const YamlCursor& cursor, bool flow) {
  const LineNode node(cursor, flow);
  size_t place = cursor.pos();
  while (cursor.At(place) == '&' || cursor.At(place) == '!') {
    if (cursor.At(place + 1) == '<') {
      while (!cursor.IsGapAt(place)) ++place;
    } else {
      place = node.NameEnd(place);
    }
    place = cursor.SkipBlanks(place);
  }
  bool json = cursor.At(place) == '"' || cursor.At(place) == '\'' || cursor.At(place) == '[' ||
              cursor.At(place) == '{';
  auto is_colon = [&](size_t at, bool adjacent) {
    return cursor.At(at) == ':' &&
           (cursor.IsGapAt(at + 1) || (flow && (adjacent || IsYamlFlowIndicator(cursor.At(at + 1)))));
  };
  if (is_colon(place, false)) return true;  // an empty key
  if (cursor.IsBreakOrEndAt(place)) return false;
  place = node.End(place);
  if (place == LineNode::kNone) return false;
  place = cursor.SkipBlanks(place);
  return is_colon(place, json) && place - cursor.pos() <= kMaxKey;
}

}  // namespace kplan
