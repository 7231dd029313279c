#ifndef KPLAN_BASE_RECORD_H_
#define KPLAN_BASE_RECORD_H_

// A step's record: everything the step needs to know, as canonical JSON (keys sorted, no white space, UTF-8
// left as it is). `gen` writes it with RecordWriter, the step reads it with Record.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "src/base/string_pairs.h"

namespace kplan {

using Json = nlohmann::json;

// Writes one object. Keys must be added in ascending order, which is what makes the text canonical
// (asserted).
class RecordWriter {
 public:
  RecordWriter() : text_("{") {}

  RecordWriter& Add(absl::string_view key, absl::string_view value);
  RecordWriter& Add(absl::string_view key, const char* value) { return Add(key, absl::string_view(value)); }
  RecordWriter& Add(absl::string_view key, const std::string& value) {
    return Add(key, absl::string_view(value));
  }
  RecordWriter& Add(absl::string_view key, int64_t value);
  RecordWriter& Add(absl::string_view key, int value) { return Add(key, int64_t{value}); }
  RecordWriter& Add(absl::string_view key, bool value);
  RecordWriter& Add(absl::string_view key, const std::vector<std::string>& values);
  RecordWriter& Add(absl::string_view key, const StringPairs& pairs);    // [["C","US"],["CN","x"]]
  RecordWriter& AddJson(absl::string_view key, absl::string_view json);  // json: already canonical

  std::string Finish() &&;

 private:
  void Key(absl::string_view key);
  std::string text_, last_key_;
};

// TEXT as a JSON string literal, quotes included.
void AppendJsonString(absl::string_view text, std::string* out);

// The reading side. A getter whose key is missing or of another type returns a zero value and makes status()
// say so: read everything, then look at status() once.
class Record {
 public:
  static absl::StatusOr<Record> Parse(absl::string_view text);
  explicit Record(Json json) : json_(std::move(json)) {}

  std::string String(const char* key) const;
  std::string StringOr(const char* key, absl::string_view fallback) const;
  int64_t Int(const char* key) const;
  int64_t IntOr(const char* key, int64_t fallback) const;
  bool Bool(const char* key) const;
  bool BoolOr(const char* key, bool fallback) const;
  std::vector<std::string> Strings(const char* key) const;  // missing: empty
  StringPairs Pairs(const char* key) const;                 // missing: empty
  bool Has(const char* key) const { return json_.contains(key); }
  const Json& json() const { return json_; }

  absl::Status status() const;

 private:
  const Json* Get(const char* key, bool required) const;
  Json json_;
  mutable std::string wrong_;  // the first key that was missing or of another type
};

// The text of LABEL's record in the text of a shard, which has one record a line; empty when it has none. The
// line is taken as it is, because its digest is over its bytes, and because parsing the other records would
// be time lost.
absl::string_view FindRecordText(absl::string_view shard, absl::string_view label);

}  // namespace kplan

#endif  // KPLAN_BASE_RECORD_H_
