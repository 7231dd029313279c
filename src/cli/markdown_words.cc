#include "src/cli/markdown_words.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace kplan {
namespace {

constexpr char kBold[] = "\033[1m", kReset[] = "\033[0m";

// Whether NODE is in a table, where "\|" is a "|".
bool IsInCell(const MarkdownNode& node) {
  return node.type == LOWDOWN_TABLE_CELL || (node.parent != nullptr && IsInCell(*node.parent));
}

class Splitter {
 public:
  explicit Splitter(Emphasis emphasis) : emphasis_(emphasis) {}

  void Add(const MarkdownNode& node, bool bold) {
    const bool code = node.type == LOWDOWN_CODESPAN;
    const absl::string_view mark = code && emphasis_ == Emphasis::kBackticks ? "`" : "";
    bold |= code || node.type == LOWDOWN_EMPHASIS || node.type == LOWDOWN_DOUBLE_EMPHASIS ||
            node.type == LOWDOWN_TRIPLE_EMPHASIS;
    std::string text = absl::StrCat(mark, TextOf(node), mark);
    // lowdown leaves this to the writer.
    if (code && IsInCell(node)) absl::StrReplaceAll({{"\\|", "|"}}, &text);
    for (char c : text) Put(c, bold && emphasis_ == Emphasis::kBold);
    for (const MarkdownNode* child : ChildrenOf(node)) Add(*child, bold);
    if (!IsInline(node)) EndWord();
  }

  std::vector<PrintedWord> Finish() {
    EndWord();
    return std::move(words_);
  }

 private:
  void Put(char c, bool bold) {
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) {
      EndWord();
      return;
    }
    if (bold != bold_) word_.text += bold ? kBold : kReset;
    bold_ = bold;
    word_.text += c;
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++word_.width;  // a character's later bytes take none
  }

  void EndWord() {
    if (bold_) word_.text += kReset;
    bold_ = false;
    if (word_.width > 0) words_.push_back(std::move(word_));
    word_ = PrintedWord();
  }

  const Emphasis emphasis_;
  bool bold_ = false;  // whether what was put last is
  PrintedWord word_;
  std::vector<PrintedWord> words_;
};

}  // namespace

std::vector<PrintedWord> WordsOf(const MarkdownNodes& nodes, Emphasis emphasis, bool all_bold) {
  Splitter splitter(emphasis);
  for (const MarkdownNode* node : nodes) splitter.Add(*node, all_bold);
  return splitter.Finish();
}

std::string HeadingOf(const MarkdownNodes& nodes, Emphasis emphasis) {
  std::string text = PlainWords(nodes);
  return emphasis == Emphasis::kBold ? absl::StrCat(kBold, text, kReset) : text;
}

std::string PlainWords(const MarkdownNodes& nodes) {
  return absl::StrJoin(WordsOf(nodes, Emphasis::kNone), " ",
                       [](std::string* out, const PrintedWord& word) { absl::StrAppend(out, word.text); });
}

std::vector<PrintedWord> Wrap(const std::vector<PrintedWord>& words, size_t width) {
  std::vector<PrintedWord> lines;
  for (const PrintedWord& word : words) {
    if (lines.empty() || lines.back().width + 1 + word.width > width) {
      lines.push_back(word);
    } else {
      absl::StrAppend(&lines.back().text, " ", word.text);
      lines.back().width += 1 + word.width;
    }
  }
  return lines;
}

}  // namespace kplan
