#include "src/why/tree_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/base/secret_content.h"
#include "src/base/yaml_scalar.h"

namespace kplan {
namespace {

using Kind = YamlNode::Kind;

void AppendFlow(const YamlNode& node, const SecretValues& secrets, std::string* out) {
  const char* separator = "";
  if (secrets.contains(&node)) {
    absl::StrAppend(out, kSecretShown);
    return;
  }
  switch (node.kind) {
    case Kind::kNull:
      *out += "null";
      return;
    case Kind::kScalar:
      *out += YamlScalar(node.text);
      return;
    case Kind::kList:
      out->push_back('[');
      for (const YamlNode* item : node.items) {
        *out += separator;
        AppendFlow(*item, secrets, out);
        separator = ", ";
      }
      out->push_back(']');
      return;
    case Kind::kMap:
      out->push_back('{');
      for (const YamlNode::Entry& entry : node.entries) {
        *out += separator;
        *out += YamlScalar(entry.key);
        *out += ": ";
        AppendFlow(*entry.value, secrets, out);
        separator = ", ";
      }
      out->push_back('}');
      return;
  }
}

// Block style, one space a level: yaml-cpp, the slower of the readers, looks ahead in flow style.
class BlockWriter {
 public:
  BlockWriter(const std::vector<bool>& apply, std::string* out) : apply_(apply), out_(*out) {}

  // All of these write what follows "key:" or "-", and end the line.
  void Write(const YamlNode& node, int indent) {
    bool list = node.kind == Kind::kList;
    if ((!list && node.kind != Kind::kMap) || (list ? node.items.empty() : node.entries.empty())) {
      out_.push_back(' ');
      AppendFlow(node, SecretValues(), &out_);
      out_.push_back('\n');
      return;
    }
    out_.push_back('\n');
    for (const YamlNode* item : node.items) {
      Dash(indent);
      Write(*item, indent + 1);
    }
    for (const YamlNode::Entry& entry : node.entries) {
      Key(entry.key, indent);
      Write(*entry.value, indent + 1);
    }
  }

  void Write(const TreeDiff& diff, int indent) {
    if (diff.kind != TreeDiff::Kind::kInside) {
      if (const YamlNode* node = Chosen(diff); node != nullptr) Write(*node, indent);
      return;
    }
    bool list = diff.after.node->kind == Kind::kList;
    bool empty = true;
    for (const TreeDiff& child : diff.children) {
      if (Chosen(child) == nullptr) continue;
      if (empty) out_.push_back('\n');
      empty = false;
      if (list) {
        Dash(indent);
      } else {
        Key((child.after.entry != nullptr ? child.after : child.before).entry->key, indent);
      }
      Write(child, indent + 1);
    }
    if (empty) out_ += list ? " []\n" : " {}\n";
  }

 private:
  // Null: absent.
  const YamlNode* Chosen(const TreeDiff& diff) const {
    bool use_after = diff.kind == TreeDiff::Kind::kEdit && apply_[diff.edit];
    return use_after ? diff.after.node : diff.before.node;
  }

  void Dash(int indent) {
    out_.append(indent, ' ');
    out_.push_back('-');
  }

  void Key(const std::string& key, int indent) {
    // YAML wants a key of more than 1,024 characters, quotes and escapes included, marked as one.
    constexpr size_t kLong = 1000;
    std::string written = YamlScalar(key);
    out_.append(indent, ' ');
    if (written.size() > kLong) {
      out_ += "? ";
      written.push_back('\n');
      written.append(indent, ' ');
    }
    out_ += written;
    out_.push_back(':');
  }

  const std::vector<bool>& apply_;
  std::string& out_;
};

}  // namespace

std::string FlowText(const YamlNode& node, const SecretValues& secrets) {
  std::string text;
  AppendFlow(node, secrets, &text);
  return text;
}

std::string MergedText(const TreeDiff& diff, const std::vector<bool>& apply) {
  std::string text;
  BlockWriter(apply, &text).Write(diff, 0);
  if (!text.empty()) text.erase(0, 1);  // what would stand between "key:" and the value
  return text;
}

}  // namespace kplan
