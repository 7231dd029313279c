#include "src/spec/yaml_path.h"

#include "absl/strings/str_cat.h"
#include "src/base/record.h"
#include "src/base/text.h"

namespace kplan {
namespace {

std::string PartOf(const std::string& key) {
  if (OnlyAlnumAnd(key, "_-")) return key;
  std::string quoted;
  AppendJsonString(key, &quoted);
  return quoted;
}

// Appends what leads from NODE to KEY; false when it is not below it.

bool FindKey(const YamlNode& node, Range key, std::string* path) {
  const size_t length = path->size();
  for (const YamlNode::Entry& entry : node.entries) {
    absl::StrAppend(path, length == 0 ? "" : ".", PartOf(entry.key));
    if (entry.key_range.begin == key.begin && entry.key_range.end == key.end) return true;
    if (FindKey(*entry.value, key, path)) return true;
    path->resize(length);
  }
  return false;
}

}  // namespace

std::string PathOfKey(const YamlNode& spec, Range key) {
  std::string path;
  if (key.known()) FindKey(spec, key, &path);
  return path;
}

}  // namespace kplan
