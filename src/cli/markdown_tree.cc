#include "src/cli/markdown_tree.h"

#include <new>

#include "absl/strings/match.h"

namespace kplan {
namespace {

absl::string_view View(const struct lowdown_buf& buffer) { return {buffer.data, buffer.size}; }

absl::string_view WithoutComment(absl::string_view html) {
  return absl::StartsWith(html, "<!--") ? absl::string_view() : html;
}

template <typename T>
T* OrNoMemory(T* made) {
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

}  // namespace

MarkdownTree::MarkdownTree(absl::string_view text) {
  struct lowdown_opts options = {};
  // What is not named here would change words: a first line "key: value" were metadata, "^" raised what
  // follows.
  options.feat = LOWDOWN_COMMONMARK | LOWDOWN_FENCED | LOWDOWN_NOINTEM | LOWDOWN_TABLES;
  parser_.reset(OrNoMemory(lowdown_doc_new(&options)));
  root_.reset(OrNoMemory(lowdown_doc_parse(parser_.get(), nullptr, text.data(), text.size(), nullptr)));
}

MarkdownNodes ChildrenOf(const MarkdownNode& node) {
  MarkdownNodes children;
  const MarkdownNode* child;
  TAILQ_FOREACH(child, &node.children, entries) children.push_back(child);
  return children;
}

absl::string_view TextOf(const MarkdownNode& node) {
  switch (node.type) {
    case LOWDOWN_BLOCKCODE:
      return View(node.rndr_blockcode.text);
    case LOWDOWN_BLOCKHTML:
      return WithoutComment(View(node.rndr_blockhtml.text));
    case LOWDOWN_CODESPAN:
      return View(node.rndr_codespan.text);
    case LOWDOWN_ENTITY:
      return View(node.rndr_entity.text);
    case LOWDOWN_IMAGE:
      return View(node.rndr_image.alt);
    case LOWDOWN_LINEBREAK:
      return " ";
    case LOWDOWN_LINK_AUTO:
      return View(node.rndr_autolink.link);
    case LOWDOWN_NORMAL_TEXT:
      return View(node.rndr_normal_text.text);
    case LOWDOWN_RAW_HTML:
      return WithoutComment(View(node.rndr_raw_html.text));
    default:
      return "";
  }
}

bool IsInline(const MarkdownNode& node) {
  switch (node.type) {
    case LOWDOWN_CODESPAN:
    case LOWDOWN_DOUBLE_EMPHASIS:
    case LOWDOWN_EMPHASIS:
    case LOWDOWN_ENTITY:
    case LOWDOWN_IMAGE:
    case LOWDOWN_LINEBREAK:
    case LOWDOWN_LINK:
    case LOWDOWN_LINK_AUTO:
    case LOWDOWN_NORMAL_TEXT:
    case LOWDOWN_RAW_HTML:
    case LOWDOWN_TRIPLE_EMPHASIS:
      return true;
    default:
      return false;
  }
}

}  // namespace kplan
