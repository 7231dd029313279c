#ifndef KPLAN_CLI_MARKDOWN_TREE_H_
#define KPLAN_CLI_MARKDOWN_TREE_H_

// Markdown as lowdown reads it: a tree of blocks, and of what stands in a line.

#include <stdio.h>
#include <sys/queue.h>

#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "lowdown.h"  // needs the two above

namespace kplan {

using MarkdownNode = struct lowdown_node;
using MarkdownNodes = std::vector<const MarkdownNode*>;

class MarkdownTree {
 public:
  // Throws std::bad_alloc where lowdown gets no memory; nothing else can go wrong.
  explicit MarkdownTree(absl::string_view text);

  const MarkdownNode& root() const { return *root_; }

 private:
  struct Free {
    void operator()(struct lowdown_doc* parser) const { lowdown_doc_free(parser); }
    void operator()(MarkdownNode* node) const { lowdown_node_free(node); }
  };

  std::unique_ptr<struct lowdown_doc, Free> parser_;
  std::unique_ptr<MarkdownNode, Free> root_;
};

MarkdownNodes ChildrenOf(const MarkdownNode& node);

// What NODE itself says, without its children: "" for one that only holds others, and for a comment.
absl::string_view TextOf(const MarkdownNode& node);

// Whether NODE stands in a line with others: text, code, a link.
bool IsInline(const MarkdownNode& node);

}  // namespace kplan

#endif  // KPLAN_CLI_MARKDOWN_TREE_H_
