#include "src/cli/markdown.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/cli/markdown_table.h"
#include "src/cli/markdown_tree.h"
#include "src/cli/markdown_words.h"

namespace kplan {
namespace {

using Lines = std::vector<std::string>;

class Renderer {
 public:
  explicit Renderer(Emphasis emphasis) : emphasis_(emphasis) {}

  // A block after the other, an empty line between them unless TIGHT. Words between blocks are a paragraph.
  Lines Blocks(const MarkdownNodes& nodes, size_t width, bool tight = false) const {
    Lines out;
    for (size_t at = 0; at < nodes.size();) {
      const size_t begin = at;
      while (at < nodes.size() && IsInline(*nodes[at])) ++at;
      const Lines block = at > begin ? Paragraph({nodes.begin() + begin, nodes.begin() + at}, width)
                                     : Block(*nodes[at++], width);
      if (!out.empty() && !block.empty() && !tight) out.push_back("");
      out.insert(out.end(), block.begin(), block.end());
    }
    return out;
  }

 private:
  Lines Block(const MarkdownNode& node, size_t width) const {
    switch (node.type) {
      case LOWDOWN_HEADER:
        return {HeadingOf(ChildrenOf(node), emphasis_)};
      case LOWDOWN_BLOCKCODE:
        return Literal(TextOf(node), "    ");
      case LOWDOWN_BLOCKHTML:
        return Literal(TextOf(node), "");
      case LOWDOWN_TABLE_BLOCK:
        return TableLines(node, emphasis_, width);
      case LOWDOWN_LIST:
        return List(node, width);
      default:
        return Blocks(ChildrenOf(node), width);
    }
  }

  static Lines Literal(absl::string_view text, absl::string_view margin) {
    Lines out;
    text = absl::StripTrailingAsciiWhitespace(text);
    if (text.empty()) return out;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      out.push_back(line.empty() ? "" : absl::StrCat(margin, line));
    }
    return out;
  }

  Lines Paragraph(const MarkdownNodes& nodes, size_t width) const {
    Lines out;
    for (PrintedWord& line : Wrap(WordsOf(nodes, emphasis_), width)) out.push_back(std::move(line.text));
    return out;
  }

  Lines List(const MarkdownNode& list, size_t width) const {
    const bool ordered = (list.rndr_list.flags & HLIST_FL_ORDERED) != 0;
    Lines out;
    bool after_blank = false;  // whether an empty line follows what is in OUT
    for (const MarkdownNode* item : ChildrenOf(list)) {
      const bool spread = (item->rndr_listitem.flags & HLIST_FL_BLOCK) != 0;
      if (after_blank) out.push_back("");
      after_blank = spread;
      std::string prefix = ordered ? absl::StrCat(item->rndr_listitem.num, ". ") : "- ";
      const size_t margin = prefix.size();
      for (const std::string& line :
           Blocks(ChildrenOf(*item), std::max<size_t>(width, margin + 20) - margin, !spread)) {
        out.push_back(line.empty() ? "" : absl::StrCat(prefix, line));
        prefix = std::string(margin, ' ');
      }
    }
    return out;
  }

  const Emphasis emphasis_;
};

}  // namespace

std::string RenderMarkdown(absl::string_view text, const MarkdownStyle& style) {
  const MarkdownTree tree(text);
  const Renderer renderer(style.terminal ? Emphasis::kBold : Emphasis::kBackticks);
  std::string out;
  for (const std::string& line : renderer.Blocks(ChildrenOf(tree.root()), style.width)) {
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

std::string FirstCodeBlock(absl::string_view text) {
  const MarkdownTree tree(text);
  for (const MarkdownNode* node : ChildrenOf(tree.root())) {
    if (node->type == LOWDOWN_BLOCKCODE) return std::string(TextOf(*node));
  }
  return "";
}

std::string PlainText(absl::string_view line) {
  const MarkdownTree tree(line);
  return PlainWords({&tree.root()});
}

}  // namespace kplan
