#include "src/why/spec_edits.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/diagnostic.h"
#include "src/base/record.h"
#include "src/base/secret_content.h"
#include "src/base/source.h"
#include "src/base/text.h"
#include "src/spec/secret_values.h"
#include "src/spec/yaml_tree.h"
#include "src/why/tree_diff.h"
#include "src/why/tree_text.h"

namespace kplan {
namespace {

using Kind = YamlNode::Kind;

// A text and what it reads as. On the heap: the tree's nodes are pointed into.
struct ReadText {
  explicit ReadText(const std::string& text) : source("cluster.yaml", text), diagnostics(&source) {}

  SourceFile source;
  Diagnostics diagnostics;
  YamlTree tree;
  SecretValues secrets;
};

// Aliases share what they repeat; written out it can be deeper and larger than any file that is read. False
// when it is. *BYTES is what may still come.
bool FitsWrittenOut(const YamlNode& node, int depth, int64_t* bytes) {
  constexpr int kPerNode = 8;
  *bytes -= static_cast<int64_t>(node.text.size()) + kPerNode;
  if (depth > YamlTree::kMaxDepth || *bytes < 0) return false;
  for (const YamlNode* item : node.items) {
    if (!FitsWrittenOut(*item, depth + 1, bytes)) return false;
  }
  for (const YamlNode::Entry& entry : node.entries) {
    *bytes -= static_cast<int64_t>(entry.key.size());
    if (!FitsWrittenOut(*entry.value, depth + 1, bytes)) return false;
  }
  return true;
}

absl::StatusOr<std::unique_ptr<ReadText>> Read(const std::string& text, absl::string_view which) {
  auto read = std::make_unique<ReadText>(text);
  if (!read->tree.Parse(&read->diagnostics)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the ", which, " cluster.yaml is not YAML that kplan reads:\n", read->diagnostics.Format(false, 1)));
  }
  read->secrets = FindSecretValues(read->tree.root());
  int64_t bytes = static_cast<int64_t>(YamlTree::kMaxBytes);
  if (!FitsWrittenOut(read->tree.root(), 0, &bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", which, " cluster.yaml is too large or too deep with its aliases written out"));
  }
  return read;
}

int LineAt(const SourceFile& source, uint32_t offset) {
  // Not PositionOf: it counts columns too, and a file may be one line.
  int low = 1, high = source.line_count();
  while (low < high) {
    int middle = low + (high - low + 1) / 2;
    if (source.LineStart(middle) <= offset) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

// What a value is called in the list of its kind: one without a key by its own first character.
Range NameRange(const TreeDiff::Side& side) {
  return side.entry != nullptr ? side.entry->key_range : side.node->range;
}

int LineOf(const SourceFile& source, const TreeDiff::Side& side) {
  bool own = side.node->kind == Kind::kScalar && side.node->range.known();
  return LineAt(source, own ? side.node->range.begin : NameRange(side).begin);
}

bool IsSingle(const YamlNode& node) { return node.kind == Kind::kScalar || node.kind == Kind::kNull; }

bool IsListOfSingles(const YamlNode& node) {
  return node.kind == Kind::kList && std::all_of(node.items.begin(), node.items.end(),
                                                 [](const YamlNode* item) { return IsSingle(*item); });
}

std::string SingleText(const YamlNode& node) { return node.kind == Kind::kNull ? "null" : node.text; }

bool SameSingle(const YamlNode& a, const YamlNode& b) { return a.kind == b.kind && a.text == b.text; }

// The entries of LIST that OTHER does not have, or not so often.
std::vector<const YamlNode*> OnlyIn(const YamlNode& list, const YamlNode& other) {
  absl::flat_hash_map<std::pair<bool, absl::string_view>, int> count;
  auto key = [](const YamlNode& item) {
    return std::make_pair(item.kind == Kind::kNull, absl::string_view(item.text));
  };
  for (const YamlNode* item : other.items) ++count[key(*item)];
  std::vector<const YamlNode*> only;
  for (const YamlNode* item : list.items) {
    if (--count[key(*item)] < 0) only.push_back(item);
  }
  return only;
}

bool HasLines(const YamlNode& node) {
  return node.kind == Kind::kScalar && node.text.find('\n') != std::string::npos;
}

// The lines of TEXT that OTHER does not have, or not so often, without the spaces around them.
std::vector<std::string> LinesOnlyIn(absl::string_view text, absl::string_view other) {
  absl::flat_hash_map<absl::string_view, int> count;
  for (absl::string_view line : absl::StrSplit(other, '\n')) ++count[absl::StripAsciiWhitespace(line)];
  std::vector<std::string> only;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::string_view bare = absl::StripAsciiWhitespace(line);
    if (--count[bare] < 0 && !bare.empty()) only.emplace_back(bare);
  }
  return only;
}

// The line of an edited list of single values. ONLY are its entries that the other side does not have.
int LineOfList(const SourceFile& source, const TreeDiff::Side& side, const YamlNode& other,
               const std::vector<const YamlNode*>& only) {
  const absl::Span<const YamlNode* const> items = side.node->items;
  auto line_of = [&](const YamlNode& item) {
    return item.range.known() ? LineAt(source, item.range.begin) : LineAt(source, NameRange(side).begin);
  };
  if (!only.empty()) return line_of(*only[0]);
  size_t at = 0;  // the first that is not what it is on the other side
  while (at < items.size() && at < other.items.size() && SameSingle(*items[at], *other.items[at])) ++at;
  if (items.size() == other.items.size() && at < items.size()) return line_of(*items[at]);
  // Something went. A list between brackets may have several entries a line, and was edited behind the one
  // before.
  bool brackets = side.node->range.known() && source.text()[side.node->range.begin] == '[';
  if (brackets && at > 0) return line_of(*items[at - 1]);
  return LineAt(source, NameRange(side).begin);
}

std::string PathOf(absl::string_view above, const TreeDiff::Side& side, bool in_list) {
  if (in_list) return absl::StrCat(above, "[", side.index, "]");
  std::string path = absl::StrCat(above, above.empty() ? "" : ".");
  if (OnlyAlnumAnd(side.entry->key, "_-")) return path + side.entry->key;
  AppendJsonString(side.entry->key, &path);
  return path;
}

}  // namespace

struct SpecDiff::Trees {
  std::unique_ptr<ReadText> before, after;
  TreeDiff diff;
};

// Goes through a TreeDiff and writes down its edits.
class SpecDiff::Lister {
 public:
  explicit Lister(SpecDiff* out)
      : out_(*out),
        old_(out->trees_->before->source),
        new_(out->trees_->after->source),
        old_secrets_(out->trees_->before->secrets),
        new_secrets_(out->trees_->after->secrets) {}

  void List(const TreeDiff& diff, const std::string& path, int top_level) {
    if (diff.kind == TreeDiff::Kind::kSame) return;
    if (diff.kind == TreeDiff::Kind::kEdit) {
      out_.edits_.push_back(EditOf(diff, path));
      out_.top_level_.push_back(top_level);
      return;
    }
    TreeDiff::Side holder = std::exchange(holder_, diff.after);
    bool list = diff.after.node->kind == Kind::kList;
    for (size_t i = 0; i < diff.children.size(); ++i) {
      const TreeDiff& child = diff.children[i];
      if (child.kind == TreeDiff::Kind::kSame) continue;
      const TreeDiff::Side& side = child.after.node != nullptr ? child.after : child.before;
      List(child, PathOf(path, side, list), top_level < 0 ? static_cast<int>(i) : top_level);
    }
    holder_ = holder;
  }

 private:
  SpecEdit EditOf(const TreeDiff& diff, const std::string& path) const {
    const TreeDiff::Side& before = diff.before;
    const TreeDiff::Side& after = diff.after;
    SpecEdit edit;
    edit.path = path;
    if (before.node != nullptr) {
      edit.from = FlowText(*before.node, old_secrets_);
      edit.old_line = LineOf(old_, before);
    }
    if (after.node != nullptr) {
      edit.to = FlowText(*after.node, new_secrets_);
      edit.line = LineOf(new_, after);
    } else if (holder_.node != nullptr) {
      edit.line = LineAt(new_, NameRange(holder_).begin);
    }
    if (before.node == nullptr || after.node == nullptr) return edit;
    if (old_secrets_.contains(before.node) || new_secrets_.contains(after.node)) {
      edit.from = std::string(kSecretShown);
      edit.to = absl::StrCat("another ", kSecretShown);
      return edit;
    }
    if (HasLines(*before.node) && HasLines(*after.node)) {
      edit.added = LinesOnlyIn(after.node->text, before.node->text);
      edit.removed = LinesOnlyIn(before.node->text, after.node->text);
      return edit;
    }
    if (!IsListOfSingles(*before.node) || !IsListOfSingles(*after.node)) return edit;
    std::vector<const YamlNode*> added = OnlyIn(*after.node, *before.node);
    std::vector<const YamlNode*> removed = OnlyIn(*before.node, *after.node);
    edit.line = LineOfList(new_, after, *before.node, added);
    edit.old_line = LineOfList(old_, before, *after.node, removed);
    for (const YamlNode* item : added) edit.added.push_back(SingleText(*item));
    for (const YamlNode* item : removed) edit.removed.push_back(SingleText(*item));
    return edit;
  }

  SpecDiff& out_;
  const SourceFile& old_;
  const SourceFile& new_;
  const SecretValues& old_secrets_;
  const SecretValues& new_secrets_;
  TreeDiff::Side holder_;  // on the new side
};

SpecDiff::SpecDiff() = default;
SpecDiff::SpecDiff(SpecDiff&&) noexcept = default;
SpecDiff& SpecDiff::operator=(SpecDiff&&) noexcept = default;
SpecDiff::~SpecDiff() = default;

absl::StatusOr<SpecDiff> SpecDiff::Between(const std::string& old_text, const std::string& new_text) {
  absl::StatusOr<std::unique_ptr<ReadText>> before = Read(old_text, "old");
  if (!before.ok()) return before.status();
  absl::StatusOr<std::unique_ptr<ReadText>> after = Read(new_text, "new");
  if (!after.ok()) return after.status();
  SpecDiff diff;
  diff.trees_ = std::make_unique<Trees>();
  size_t edits = 0;
  diff.trees_->diff = DiffTrees((*before)->tree.root(), (*after)->tree.root(), &edits);
  diff.trees_->before = *std::move(before);
  diff.trees_->after = *std::move(after);
  diff.edits_.reserve(edits);
  Lister(&diff).List(diff.trees_->diff, "", -1);
  return diff;
}

const std::string& SpecDiff::old_text() const { return trees_->before->source.text(); }
const std::string& SpecDiff::new_text() const { return trees_->after->source.text(); }

std::string SpecDiff::Apply(const std::vector<bool>& apply) const { return MergedText(trees_->diff, apply); }

absl::StatusOr<std::vector<SpecEdit>> SpecEdits(const std::string& old_text, const std::string& new_text) {
  absl::StatusOr<SpecDiff> diff = SpecDiff::Between(old_text, new_text);
  if (!diff.ok()) return diff.status();
  return diff->edits();
}

absl::StatusOr<std::string> ApplyEdits(const std::string& old_text, const std::string& new_text,
                                       const std::vector<SpecEdit>& edits, const std::vector<bool>& apply) {
  absl::StatusOr<SpecDiff> diff = SpecDiff::Between(old_text, new_text);
  if (!diff.ok()) return diff.status();
  bool same = std::equal(edits.begin(), edits.end(), diff->edits().begin(), diff->edits().end(),
                         [](const SpecEdit& a, const SpecEdit& b) {
                           return a.path == b.path && a.from == b.from && a.to == b.to;
                         });
  if (!same || apply.size() != edits.size()) {
    return absl::InvalidArgumentError("these are not the edits between these two texts");
  }
  return diff->Apply(apply);
}

}  // namespace kplan
