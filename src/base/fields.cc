#include "src/base/fields.h"

#include <stdio.h>
#include <stdlib.h>

#include <algorithm>

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
  if (!members_.empty() && members_.back().key >= key) sorted_ = false;
  members_.push_back({key, text_.size()});
  text_.push_back(',');
  AppendJsonString(key, &text_);
  text_.push_back(':');
}

std::string FieldWriter::Finish() && {
  if (members_.empty()) return "{}";
  if (!sorted_) {
    std::string text;
    text.reserve(text_.size() + 1);
    std::vector<size_t> order(members_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [this](size_t a, size_t b) { return members_[a].key < members_[b].key; });
    for (size_t n = 1; n < order.size(); ++n) {
      if (members_[order[n - 1]].key != members_[order[n]].key) continue;
      // In release builds too: it would be other bytes, or a field that nobody reads.
      fprintf(stderr, "a struct has two fields \"%s\"\n", std::string(members_[order[n]].key).c_str());
      abort();
    }
    for (size_t i : order) {
      const size_t end = i + 1 < members_.size() ? members_[i + 1].begin : text_.size();
      text.append(text_, members_[i].begin, end - members_[i].begin);
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
