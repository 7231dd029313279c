#include "src/base/record.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "src/base/find_byte.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// Where the first byte at or behind BEGIN is that has to be escaped in JSON: below a space, a quotation mark
// or a backslash; text.size() when none is.
size_t FindEscaped(absl::string_view text, size_t begin) {
  return FindByte(
      text, begin,
      [](uint64_t word) { return HasByteBelow(word, 0x20) || HasByte(word, '"') || HasByte(word, '\\'); },
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; });
}

// What is wrong with TEXT by BOUNDS, "" when nothing is. Looks at brackets and commas alone: as far as a
// parser gets in the text, they are what they look like.
std::string BeyondBounds(absl::string_view text, const JsonBounds& bounds) {
  size_t depth = 0, values = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        for (++i; i < text.size() && text[i] != '"'; ++i) {
          if (text[i] == '\\') ++i;
        }
        break;
      case '[':
      case '{':
        if (++depth > bounds.depth) return absl::StrCat("JSON of more than ", bounds.depth, " levels");
        ++values;
        break;
      case ']':
      case '}':
        if (depth > 0) --depth;
        break;
      case ',':
      case ':':
        ++values;
        break;
      default:
        break;
    }
    if (values > bounds.values) return absl::StrCat("JSON of more than ", bounds.values, " values");
  }
  return "";
}

}  // namespace

void AppendJsonString(absl::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  size_t begin = 0;  // of the run that needs no escaping
  for (size_t i; (i = FindEscaped(text, begin)) < text.size(); begin = i + 1) {
    const char c = text[i];
    out->append(text.data() + begin, i - begin);
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

std::string JsonLine(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

absl::StatusOr<Json> ParseJson(absl::string_view text, const JsonBounds& bounds) {
  if (const std::string beyond = BeyondBounds(text, bounds); !beyond.empty())
    return absl::DataLossError(beyond);
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::DataLossError("no JSON");
  return json;
}

absl::StatusOr<Json> ParseRecord(absl::string_view text) {
  absl::StatusOr<Json> json = ParseJson(text, JsonBounds::OfOurs());
  if (json.ok() && json->is_object()) return json;
  return absl::DataLossError("the record is not a JSON object");
}

std::string JsonForTerminal(absl::string_view json) {
  std::string out;
  out.reserve(json.size());
  size_t valid = std::min(FindInvalidUtf8(json), json.size());  // so many bytes from here on are UTF-8
  while (!json.empty()) {
    size_t taken = 1;
    if (valid == 0) {
      out += "\\ufffd";
    } else if (static_cast<unsigned char>(json[0]) < 0x7f) {
      out.push_back(json[0]);  // below a space these are JSON's own line ends
    } else if (const size_t length = DisruptiveLength(json.substr(0, valid)); length > 0) {
      absl::StrAppendFormat(&out, "\\u%04x", CodePointOf(json.substr(0, length)));
      taken = length;
    } else {
      out.push_back(json[0]);
    }
    json.remove_prefix(taken);
    // Asked anew only behind what was none, so that the whole takes one pass.
    valid = valid > 0 ? valid - taken : std::min(FindInvalidUtf8(json), json.size());
  }
  return out;
}

std::string WordOf(const Json& record) {
  auto word = record.find("kind");
  return word != record.end() && word->is_string() ? word->get<std::string>() : "";
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

std::vector<std::string> FindLabels(absl::string_view shard, absl::string_view prefix) {
  const std::string start = absl::StrCat("\n\"", prefix);
  std::vector<std::string> labels;
  for (size_t begin; (begin = shard.find(start)) != absl::string_view::npos;) {
    shard.remove_prefix(begin + start.size());
    labels.emplace_back(shard.substr(0, shard.find('"')));
  }
  return labels;
}

}  // namespace kplan
