#include "src/spec/yaml_parser.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/spec/yaml_cursor.h"
#include "src/spec/yaml_key_ahead.h"
#include "src/spec/yaml_properties.h"
#include "src/spec/yaml_scalars.h"

namespace kplan {
namespace {

constexpr char kQuoteIt[] = "if this is one text, put it in quotes";
constexpr char kTabHelp[] = "YAML is indented with spaces: replace the tab";

// A function a production of the grammar, as in chapters 7 to 9 of YAML 1.2.2.
class Parser {
 public:
  Parser(Diagnostics* diagnostics, YamlEvents* events) : at_(diagnostics), events_(*events) {}

  void Stream() {
    if (absl::StartsWith(at_.text(), "\xEF\xBB\xBF")) at_.MoveTo(3, 3);  // the byte order mark
    bool directives_may_come = true;
    for (;;) {
      handles_.Forget();
      const bool directives = directives_may_come && ReadYamlDirectives(at_, &handles_);
      at_.SkipGap();
      if (at_.AtEnd() && !directives) return;
      const bool written = at_.AtMarker() && at_.Peek() == '-';
      if (at_.AtMarker() && !written && !directives) {  // "..." without a document
        EndOfDocument();
        directives_may_come = true;
        continue;
      }
      if (directives && !written) {
        at_.Fail(at_.Here(), "behind lines that begin with \"%\" the document begins with \"---\"",
                 "write --- in a line of its own before it, or remove those lines");
      }
      directives_may_come = Document(written);
    }
  }

 private:
  // What a block node stands below of.
  struct Below {
    int parent;           // in which column (from 0) its key or its dash is; -1: the document
    bool compact;         // a list or a map may begin in this line
    bool list_at_parent;  // the dashes of a list may stand in the column PARENT itself
    Range place;          // of what it stands behind, for a value that is not there
  };

  // True when a "..." has ended it.
  bool Document(bool written) {
    events_.OnDocumentStart(written, at_.Here(written ? 3 : 1));
    if (written) at_.Advance(3);
    BlockNode({-1, !written, false, at_.Here()});
    at_.SkipGap();
    if (!at_.AtEnd() && !at_.AtMarker()) FailBehindDocument();
    const bool ended = at_.AtMarker() && at_.Peek() == '.';
    events_.OnDocumentEnd(ended);
    if (ended) EndOfDocument();
    return ended;
  }

  void EndOfDocument() {
    at_.Advance(3);
    ExpectLineEnd();
  }

  [[noreturn]] void FailBehindDocument() {
    CheckTab();
    at_.Fail(at_.Here(), "this belongs to nothing that stands above it",
             "a line belongs to the map or the list whose lines begin in the same column");
  }

  // Block style.

  void BlockNode(const Below& below) {
    YamlProperties properties;
    bool own_line = below.compact;
    for (;;) {
      const YamlCursor::Gap gap = at_.SkipGap();
      own_line = own_line || gap.line;
      const bool absent = at_.AtEnd() || at_.AtMarker() || (gap.line && at_.Indent() <= below.parent);
      const bool list_at_parent =
          below.list_at_parent && gap.line && at_.AtIndicator('-') && at_.Column() == below.parent;
      if (absent && !list_at_parent) {
        Empty(properties, below.place);
        return;
      }
      const bool list = at_.AtIndicator('-');
      if (own_line && (list || at_.AtIndicator('?') || IsYamlKeyAhead(at_, /*flow=*/false))) {
        if (gap.tab) at_.Fail(at_.Here(), "a tab stands before a list or a map", kTabHelp);
        CheckTab();
        return list ? BlockList(properties) : BlockMap(properties);
      }
      if (at_.Peek() != '&' && at_.Peek() != '!') break;
      ReadYamlProperty(at_, handles_, /*flow=*/false, &properties);
      own_line = false;
    }
    if (at_.AtIndicator('-')) {
      at_.Fail(at_.Here(), "a list does not begin in the line of its key",
               "begin it in the next line, or write it as [first, second]");
    }
    Leaf(properties, below.parent);
    ExpectLineEnd();
  }

  void BlockList(const YamlProperties& properties) {
    const int column = at_.Column();
    Deeper deeper(this);
    events_.OnListStart(properties, /*flow=*/false, at_.Here());
    do {
      const Range dash = at_.Here();
      at_.Advance(1);
      BlockNode({column, true, false, dash});
    } while (NextEntry(column) && at_.AtIndicator('-'));
    events_.OnListEnd();
  }

  void BlockMap(const YamlProperties& properties) {
    const int column = at_.Column();
    Deeper deeper(this);
    events_.OnMapStart(properties, /*flow=*/false, at_.Here());
    do {
      Range key = at_.Here();
      if (at_.AtIndicator('?')) {
        at_.Advance(1);
        BlockNode({column, true, true, key});
        if (!NextEntry(column) || !at_.AtIndicator(':')) {
          Empty({}, key);
          continue;
        }
        at_.Advance(1);
        BlockNode({column, true, true, key});
        continue;
      }
      if (!IsYamlKeyAhead(at_, /*flow=*/false)) FailWithoutColon();
      key = Key(column, /*flow=*/false);
      BlockNode({column, false, true, key});
    } while (NextEntry(column));
    events_.OnMapEnd();
  }

  // Whether a further entry of the list or map in COLUMN begins here; goes there.
  bool NextEntry(int column) {
    at_.SkipGap();
    if (at_.AtEnd() || at_.AtMarker()) return false;
    if (at_.Indent() < column) return false;
    CheckTab();
    if (at_.Column() > column) {
      at_.Fail(at_.Here(), "this line is deeper than what it could belong to",
               "begin it in the same column as the line above that it goes with");
    }
    return true;
  }

  // A key of one line, and its colon. Where it is.
  Range Key(int parent, bool flow) {
    YamlProperties properties;
    while (at_.Peek() == '&' || at_.Peek() == '!') {
      ReadYamlProperty(at_, handles_, flow, &properties);
      at_.MoveTo(at_.SkipBlanks(at_.pos()));
    }
    const Range range = at_.Peek() == ':' && (at_.IsGapAt(at_.pos() + 1) || flow) && !PlainMayBegin(at_, flow)
                            ? Empty(properties, at_.Here())
                        : flow ? FlowContent(properties, parent)
                               : Leaf(properties, parent);
    at_.MoveTo(at_.SkipBlanks(at_.pos()));
    at_.Advance(1);
    return range;
  }

  // What has no entries in block style: a scalar, an alias, or all that is in brackets.
  Range Leaf(const YamlProperties& properties, int parent) {
    if (at_.Peek() == '|' || at_.Peek() == '>') return Scalar(properties, ReadBlockScalar(at_, parent));
    return Content(properties, parent, /*flow=*/false);
  }
  Range FlowContent(const YamlProperties& properties, int parent) {
    return Content(properties, parent, /*flow=*/true);
  }

  Range Content(const YamlProperties& properties, int parent, bool flow) {
    switch (at_.Peek()) {
      case '*':
        return Alias(properties);
      case '"':
      case '\'':
        return Scalar(properties, ReadQuoted(at_, parent));
      case '[':
        return FlowList(properties, parent);
      case '{':
        return FlowMap(properties, parent);
      default:
        if (!PlainMayBegin(at_, flow)) FailAtIndicator();
        return Scalar(properties, ReadPlain(at_, parent, flow));
    }
  }

  Range Scalar(const YamlProperties& properties, YamlScalarText scalar) {
    events_.OnScalar(properties, scalar.style, std::move(scalar.value), scalar.range);
    return scalar.range;
  }

  Range Alias(const YamlProperties& properties) {
    const size_t begin = at_.pos();
    absl::string_view name = ReadYamlName(at_);
    const Range range = at_.Between(begin, at_.pos());
    if (!properties.anchor.empty() || !properties.tag.empty()) {
      at_.Fail(range, "an alias has no anchor and no tag of its own", "remove what stands before it");
    }
    events_.OnAlias(name.substr(1), range);
    return range;
  }

  // A node that is not there.
  Range Empty(const YamlProperties& properties, Range place) {
    events_.OnScalar(properties, YamlStyle::kPlain, "", place);
    return place;
  }

  // Flow style: in brackets.

  Range FlowList(const YamlProperties& properties, int parent) {
    const Range open = at_.Here();
    Deeper deeper(this);
    events_.OnListStart(properties, /*flow=*/true, open);
    at_.Advance(1);
    while (FlowGap(parent, open), at_.Peek() != ']') {
      const bool explicit_key = at_.Peek() == '?' && IsFlowWordEnd(1);
      if (explicit_key || IsYamlKeyAhead(at_, /*flow=*/true)) {
        // A map of one entry, without braces.
        Deeper pair(this);
        events_.OnMapStart({}, /*flow=*/true, at_.Here());
        if (explicit_key) {
          FlowEntry(parent, open);
        } else {
          FlowValue(parent, open, Key(parent, /*flow=*/true));
        }
        events_.OnMapEnd();
      } else {
        FlowNode(parent, open, at_.Here());
      }
      FlowComma(parent, open, ']');
    }
    at_.Advance(1);
    events_.OnListEnd();
    return open;
  }

  Range FlowMap(const YamlProperties& properties, int parent) {
    const Range open = at_.Here();
    Deeper deeper(this);
    events_.OnMapStart(properties, /*flow=*/true, open);
    at_.Advance(1);
    while (FlowGap(parent, open), at_.Peek() != '}') {
      FlowEntry(parent, open);
      FlowComma(parent, open, '}');
    }
    at_.Advance(1);
    events_.OnMapEnd();
    return open;
  }

  // A key, and a value when there is a colon.
  void FlowEntry(int parent, Range open) {
    const bool explicit_key = at_.Peek() == '?' && IsFlowWordEnd(1);
    const Range place = at_.Here();
    bool json = false;
    Range key = place;
    if (explicit_key) {
      at_.Advance(1);
      FlowGap(parent, open);
    }
    if (at_.Peek() == ':' && IsFlowWordEnd(1)) {
      Empty({}, place);
    } else if (explicit_key && (at_.Peek() == ',' || at_.Peek() == '}' || at_.Peek() == ']')) {
      Empty({}, place);
    } else {
      json = absl::string_view("\"'[{").find(at_.Peek()) != absl::string_view::npos;
      key = FlowNode(parent, open, place);
    }
    FlowGap(parent, open);
    if (at_.Peek() == ':' && (json || IsFlowWordEnd(1))) {
      at_.Advance(1);
      FlowValue(parent, open, key);
    } else {
      Empty({}, key);
    }
  }

  void FlowValue(int parent, Range open, Range key) {
    FlowGap(parent, open);
    FlowNode(parent, open, key);
  }

  Range FlowNode(int parent, Range open, Range place) {
    YamlProperties properties;
    while (at_.Peek() == '&' || at_.Peek() == '!') {
      ReadYamlProperty(at_, handles_, /*flow=*/true, &properties);
      FlowGap(parent, open);
    }
    const char c = at_.Peek();
    const bool any = !properties.anchor.empty() || !properties.tag.empty();
    if (c == ']' || c == '}' || (c == ',' && (any || place.begin != at_.pos())) ||
        (any && c == ':' && IsFlowWordEnd(1))) {
      return Empty(properties, place);
    }
    return FlowContent(properties, parent);
  }

  void FlowComma(int parent, Range open, char close) {
    FlowGap(parent, open);
    if (at_.Peek() == close) return;
    if (at_.Peek() == ',') {
      at_.Advance(1);
      return;
    }
    FailInBrackets(open, close);
  }

  // Over white space to the next thing in the brackets that opened at OPEN.
  void FlowGap(int parent, Range open) {
    const YamlCursor::Gap gap = at_.SkipGap();
    if (at_.AtEnd()) at_.Fail(open, "this bracket is not closed", "close it behind its last entry");
    if (!gap.line || (at_.Indent() > parent && !at_.AtMarker())) return;
    at_.Fail(open, "this bracket is not closed where its value ends",
             "close it behind its last entry; lines between brackets are indented deeper than the key",
             at_.Here(),
             gap.tab ? "the value ends before this line, which a tab does not indent"
                     : "the value ends before this");
  }

  bool IsFlowWordEnd(size_t ahead) const {
    return at_.IsGapAt(at_.pos() + ahead) || IsYamlFlowIndicator(at_.Peek(ahead));
  }

  // Errors.

  // One level of nesting.
  class Deeper {
   public:
    explicit Deeper(Parser* parser) : parser_(parser) {
      if (++parser_->depth_ <= kMaxYamlDepth) return;
      parser_->at_.diagnostics()->Error(Code::kTooLarge, parser_->at_.Here(),
                                        absl::StrCat("nested more than ", kMaxYamlDepth, " levels deep"));
      throw YamlStop();
    }
    ~Deeper() { --parser_->depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Parser* parser_;
  };

  // A tab in front of an entry.
  void CheckTab() {
    if (at_.Indent() == at_.Column() || at_.At(at_.line_start() + at_.Indent()) != '\t') return;
    at_.Fail(at_.RangeAt(at_.line_start() + at_.Indent()), "a tab stands before a list or a map", kTabHelp);
  }

  // Nothing but a comment may follow in this line.
  void ExpectLineEnd() {
    if (at_.Column() == 0) return;  // behind a block scalar
    const size_t begin = at_.pos();
    at_.MoveTo(at_.SkipBlanks(begin));
    if (at_.Peek() == '#' && at_.pos() > begin) at_.MoveTo(at_.LineEnd(at_.pos()));
    if (at_.IsBreakOrEndAt(at_.pos())) return;
    if (at_.AtIndicator(':')) {
      at_.Fail(at_.Here(), "a map does not begin here: its keys stand in lines of their own",
               absl::StrCat("begin it in the next line, or write it in { }; ", kQuoteIt));
    }
    if (at_.Peek() == '#')
      at_.Fail(at_.Here(), "a comment stands behind a blank", "write a space before the #");
    at_.Fail(at_.Between(at_.pos(), at_.LineEnd(at_.pos())), "the value ended before this", kQuoteIt);
  }

  [[noreturn]] void FailWithoutColon() {
    const size_t end = at_.LineEnd(at_.pos());
    const absl::string_view line = at_.text().substr(at_.pos(), end - at_.pos());
    const size_t colon = line.find(':');
    if (at_.AtIndicator('-')) {
      at_.Fail(at_.Here(), "a list's entry among the keys of a map",
               "indent it below the key that the list is of");
    }
    if (colon != absl::string_view::npos && colon > 1024) {
      at_.Fail(at_.Here(), "a key has at most 1,024 characters", "write a shorter one");
    }
    at_.Fail(at_.Between(at_.pos(), end), "this is no key with its colon (key: value)",
             colon == absl::string_view::npos ? "write a colon and a space behind the key"
                                              : "write a space behind the colon");
  }

  // What begins here is no value.
  [[noreturn]] void FailAtIndicator() {
    const std::string shown = absl::StrCat("\"", at_.text().substr(at_.pos(), 1), "\"");
    const char c = at_.Peek();
    if (c == '|' || c == '>') {
      at_.Fail(at_.Here(), absl::StrCat("a text of several lines (", shown, ") does not stand in brackets"),
               kQuoteIt);
    }
    if (absl::string_view(",]}?-:").find(c) != absl::string_view::npos) {
      at_.Fail(at_.Here(), absl::StrCat(shown, " is not expected here"),
               absl::StrCat("remove it, or ", kQuoteIt));
    }
    at_.Fail(at_.Here(), absl::StrCat("no text begins with ", shown, ", unless it is in quotes"),
             "put the text in quotes");
  }

  [[noreturn]] void FailInBrackets(Range open, char close) {
    const std::string shown = absl::StrCat("\"", at_.text().substr(at_.pos(), 1), "\"");
    if (at_.Peek() == ':') {
      at_.Fail(at_.Here(), "a key in brackets stands in one line with its colon",
               "write key: value in one line", open, "the bracket is this");
    }
    at_.Fail(at_.Here(),
             absl::StrCat("between brackets, a text without quotes ends before ", shown,
                          "; here a comma or \"", absl::string_view(&close, 1), "\" has to follow"),
             absl::StrCat("close the bracket, or, ", kQuoteIt), open, "the bracket is this");
  }

  YamlCursor at_;
  YamlEvents& events_;
  YamlTagHandles handles_;
  int depth_ = 0;
};

}  // namespace

bool ParseYaml(Diagnostics* diagnostics, YamlEvents* events) {
  try {
    Parser(diagnostics, events).Stream();
    return true;
  } catch (const YamlStop&) {
    return false;
  }
}

}  // namespace kplan
