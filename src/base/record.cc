#include "src/base/record.h"

#include <stdio.h>
#include <stdlib.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace kplan {

void AppendJsonString(absl::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  size_t begin = 0;  // of the run that needs no escaping
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
    out->append(text.data() + begin, i - begin);
    begin = i + 1;
    out->push_back('\\');
    switch (c) {
      case '"':
      case '\\':
        out->push_back(c);
        break;
      case '\n':
        out->push_back('n');
        break;
      case '\t':
        out->push_back('t');
        break;
      case '\r':
        out->push_back('r');
        break;
      default:
        out->append("u00");
        out->push_back(kHex[(c >> 4) & 15]);
        out->push_back(kHex[c & 15]);
    }
  }
  out->append(text.data() + begin, text.size() - begin);
  out->push_back('"');
}

void RecordWriter::Key(absl::string_view key) {
  // In release builds too: a record out of order would be other bytes for the same spec.
  if (last_key_ >= key) {
    fprintf(stderr, "record keys must ascend: \"%s\" then \"%s\"\n", last_key_.c_str(),
            std::string(key).c_str());
    abort();
  }
  last_key_ = std::string(key);
  if (text_.size() > 1) text_.push_back(',');
  AppendJsonString(key, &text_);
  text_.push_back(':');
}

RecordWriter& RecordWriter::Add(absl::string_view key, absl::string_view value) {
  Key(key);
  AppendJsonString(value, &text_);
  return *this;
}

RecordWriter& RecordWriter::Add(absl::string_view key, int64_t value) {
  Key(key);
  absl::StrAppend(&text_, value);
  return *this;
}

RecordWriter& RecordWriter::Add(absl::string_view key, bool value) {
  Key(key);
  text_.append(value ? "true" : "false");
  return *this;
}

RecordWriter& RecordWriter::Add(absl::string_view key, const std::vector<std::string>& values) {
  Key(key);
  text_.push_back('[');
  for (const std::string& value : values) {
    if (text_.back() != '[') text_.push_back(',');
    AppendJsonString(value, &text_);
  }
  text_.push_back(']');
  return *this;
}

RecordWriter& RecordWriter::Add(absl::string_view key, const StringPairs& pairs) {
  Key(key);
  text_.push_back('[');
  bool first = true;
  for (const auto& [name, value] : pairs) {
    if (!first) text_.push_back(',');
    first = false;
    text_.push_back('[');
    AppendJsonString(name, &text_);
    text_.push_back(',');
    AppendJsonString(value, &text_);
    text_.push_back(']');
  }
  text_.push_back(']');
  return *this;
}

RecordWriter& RecordWriter::AddJson(absl::string_view key, absl::string_view json) {
  Key(key);
  absl::StrAppend(&text_, json);
  return *this;
}

std::string RecordWriter::Finish() && {
  text_.push_back('}');
  return std::move(text_);
}

absl::StatusOr<Record> Record::Parse(absl::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::DataLossError("the record is not a JSON object");
  return Record(std::move(json));
}

const Json* Record::Get(const char* key, bool required) const {
  auto it = json_.find(key);
  if (it != json_.end()) return &*it;
  if (required && wrong_.empty()) wrong_ = key;
  return nullptr;
}

std::string Record::String(const char* key) const {
  const Json* value = Get(key, true);
  if (value != nullptr && value->is_string()) return value->get<std::string>();
  if (wrong_.empty()) wrong_ = key;
  return "";
}

std::string Record::StringOr(const char* key, absl::string_view fallback) const {
  return Has(key) ? String(key) : std::string(fallback);
}

int64_t Record::Int(const char* key) const {
  const Json* value = Get(key, true);
  if (value != nullptr && value->is_number_integer()) return value->get<int64_t>();
  if (wrong_.empty()) wrong_ = key;
  return 0;
}

int64_t Record::IntOr(const char* key, int64_t fallback) const { return Has(key) ? Int(key) : fallback; }

bool Record::Bool(const char* key) const {
  const Json* value = Get(key, true);
  if (value != nullptr && value->is_boolean()) return value->get<bool>();
  if (wrong_.empty()) wrong_ = key;
  return false;
}

bool Record::BoolOr(const char* key, bool fallback) const { return Has(key) ? Bool(key) : fallback; }

std::vector<std::string> Record::Strings(const char* key) const {
  std::vector<std::string> strings;
  const Json* value = Get(key, false);
  if (value == nullptr) return strings;
  if (!value->is_array() && wrong_.empty()) wrong_ = key;
  for (const Json& item : *value) {
    if (item.is_string()) {
      strings.push_back(item.get<std::string>());
    } else if (wrong_.empty()) {
      wrong_ = key;
    }
  }
  return strings;
}

StringPairs Record::Pairs(const char* key) const {
  StringPairs pairs;
  const Json* value = Get(key, false);
  if (value == nullptr) return pairs;
  if (!value->is_array() && wrong_.empty()) wrong_ = key;
  for (const Json& item : *value) {
    if (item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string()) {
      pairs.emplace_back(item[0].get<std::string>(), item[1].get<std::string>());
    } else if (wrong_.empty()) {
      wrong_ = key;
    }
  }
  return pairs;
}

absl::Status Record::status() const {
  if (wrong_.empty()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the record has no usable \"", wrong_, "\"; run `kplan gen` again with this kplan"));
}

absl::string_view FindRecordText(absl::string_view shard, absl::string_view label) {
  std::string start = "\n";
  AppendJsonString(label, &start);
  start += ":";
  size_t begin = shard.find(start);
  if (begin == absl::string_view::npos) return {};
  begin += start.size();
  return absl::StripSuffix(shard.substr(begin, shard.find('\n', begin) - begin), ",");
}

}  // namespace kplan
