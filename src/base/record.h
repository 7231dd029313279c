#ifndef KPLAN_BASE_RECORD_H_
#define KPLAN_BASE_RECORD_H_

// A step's record: everything the step needs to know, as canonical JSON (keys sorted, no white space, UTF-8
// left as it is). fields.h writes and reads it by the struct of its kind.

#include <cstddef>
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
// Objects keep their keys in the order in which they were added: for what others read, and no record.
using OrderedJson = nlohmann::ordered_json;

// TEXT as a JSON string literal, quotes included.
void AppendJsonString(absl::string_view text, std::string* out);

// JSON on one line, without white space. Bytes that are no UTF-8 become U+FFFD.
std::string JsonLine(const OrderedJson& json);

// How much JSON is believed. What has more is refused before anything is made of it: a value takes up to 30
// times the bytes of its text ("[],[],..."), and whoever copies or writes a tree goes down into it.
struct JsonBounds {
  size_t depth;   // of lists and objects in each other
  size_t values;  // with the keys of objects

  // What kplan itself writes: it has as many values as a cluster has hosts and names.
  static JsonBounds OfOurs() { return {64, SIZE_MAX}; }
  // What a host, a server or a program says. Hosts answer with a few values for each service.
  static JsonBounds OfOthers() { return {64, 1 << 17}; }
};

// TEXT, which is from outside, as JSON: the only way in which such a text is parsed. DataLoss when it is none
// ("no JSON") or beyond BOUNDS ("JSON of more than 64 levels").
absl::StatusOr<Json> ParseJson(absl::string_view text, const JsonBounds& bounds = JsonBounds::OfOthers());

// TEXT, a record as it is kept. DataLoss when it is not a JSON object.
absl::StatusOr<Json> ParseRecord(absl::string_view text);

// JSON is a text of JSON; what in it a terminal could act on becomes \uNNNN, which is the same JSON, and
// bytes that are no UTF-8 U+FFFD.
std::string JsonForTerminal(absl::string_view json);

// The record's "kind"; empty when it has none.
std::string WordOf(const Json& record);

// The text of LABEL's record in the text of a shard, which has one record a line; empty when it has none. The
// line is taken as it is, because its digest is over its bytes, and because parsing the other records would
// be time lost.
absl::string_view FindRecordText(absl::string_view shard, absl::string_view label);

// The labels in such a text that begin with PREFIX ("rollout/"), without it.
std::vector<std::string> FindLabels(absl::string_view shard, absl::string_view prefix);

}  // namespace kplan

#endif  // KPLAN_BASE_RECORD_H_
