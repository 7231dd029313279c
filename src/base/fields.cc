#include "src/base/fields.h"

#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {

void AppendValue(const std::string& value, std::string* out) { AppendJsonString(value, out); }
void AppendValue(int64_t value, std::string* out) { absl::StrAppend(out, value); }
void AppendValue(int value, std::string* out) { absl::StrAppend(out, value); }
void AppendValue(bool value, std::string* out) { out->append(value ? "true" : "false"); }
void AppendValue(const Json& value, std::string* out) {
  out->append(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

bool ReadValue(const Json& json, std::string* value) {
  if (!json.is_string()) return false;
  *value = json.get_ref<const std::string&>();
  return true;
}

bool ReadValue(const Json& json, int64_t* value) {
  if (!json.is_number_integer()) return false;
  *value = json.get<int64_t>();
  return true;
}

bool ReadValue(const Json& json, int* value) {
  int64_t wide = 0;
  if (!ReadValue(json, &wide) || wide != static_cast<int>(wide)) return false;
  *value = static_cast<int>(wide);
  return true;
}

bool ReadValue(const Json& json, bool* value) {
  if (!json.is_boolean()) return false;
  *value = json.get<bool>();
  return true;
}

bool ReadValue(const Json& json, Json* value) {
  *value = json;
  return true;
}

void FieldWriter::Begin(absl::string_view key) {
  if (members_.empty()) {
    // What most records need. A hundred thousand are written in one run.
    constexpr size_t kMembers = 24, kText = 512;
    members_.reserve(kMembers);
    text_.reserve(kText);
  } else if (members_.back().key >= key) {
    sorted_ = false;
  }
  members_.push_back({key, text_.size()});
  // Keys are ours, and plain.
  text_.append(",\"").append(key.data(), key.size()).append("\":");
}

std::string FieldWriter::Finish() && {
  if (members_.empty()) return "{}";
  if (!sorted_) {
    // Each with where it ends.
    absl::InlinedVector<std::pair<Member, size_t>, 24> order;
    for (size_t i = 0; i < members_.size(); ++i)
      order.emplace_back(members_[i], i + 1 < members_.size() ? members_[i + 1].begin : text_.size());
    std::sort(order.begin(), order.end(),
              [](const auto& a, const auto& b) { return a.first.key < b.first.key; });
    std::string text;
    text.reserve(text_.size() + 1);
    for (size_t i = 0; i < order.size(); ++i) {
      const auto& [member, end] = order[i];
      if (i > 0 && order[i - 1].first.key == member.key) {
        // In release builds too: it would be other bytes, or a field that nobody reads.
        fprintf(stderr, "a struct has two fields \"%s\"\n", std::string(member.key).c_str());
        abort();
      }
      text.append(text_, member.begin, end - member.begin);
    }
    text_ = std::move(text);
  }
  text_[0] = '{';
  text_.push_back('}');
  return std::move(text_);
}

const Json* FieldReader::Find(const char* key) const {
  auto found = json_.find(key);
  return found == json_.end() ? nullptr : &*found;
}

Json ParseFieldsText(const std::string& text) {
  if (FindInvalidUtf8(text) == std::string::npos) return Json::parse(text);
  // Such bytes can only stand in texts, and writing one as a text replaces them.
  const std::string quoted = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(Json::parse(quoted).get<std::string>());
}

absl::Status RecordLacks(absl::string_view key) {
  return absl::DataLossError(
      absl::StrCat("the record has no usable \"", key, "\"; run `kplan gen` again with this kplan"));
}

}  // namespace kplan
