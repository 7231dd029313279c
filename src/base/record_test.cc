#include "src/base/record.h"

#include <string>

#include "gtest/gtest.h"

namespace kplan {
namespace {

// As RFC 8259, section 7 has it, a byte at a time.
std::string Escaped(unsigned char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\t':
      return "\\t";
    case '\r':
      return "\\r";
  }
  if (c >= 0x20) return std::string(1, static_cast<char>(c));
  constexpr char kHex[] = "0123456789abcdef";
  return std::string("\\u00") + kHex[c >> 4] + kHex[c & 15];
}

// The text is looked at eight bytes at a time: every byte is shown at every place of the first three words,
// alone and beside one that looks like it but for a bit.
TEST(Record, AJsonStringEscapesEachByteAtEachPlace) {
  for (int c = 0; c < 256; ++c) {
    for (size_t size = 1; size <= 20; ++size) {
      for (size_t at = 0; at < size; ++at) {
        std::string text(size, 'a'), expected = "\"";
        text[at] = static_cast<char>(c);
        if (at > 0) text[at - 1] = static_cast<char>(c ^ 1);
        for (unsigned char each : text) expected += Escaped(each);
        std::string out;
        AppendJsonString(text, &out);
        ASSERT_EQ(out, expected + '"') << "byte " << c << " at " << at << " of " << size;
      }
    }
  }
}

std::string Repeated(size_t n, absl::string_view what) {
  std::string text;
  for (size_t i = 0; i < n; ++i) text.append(what.data(), what.size());
  return text;
}

TEST(ParseJson, HasABoundInDepth) {
  for (const char* level : {"[", "{\"a\":", "[[],{\"b\":"}) {
    EXPECT_EQ(ParseJson(Repeated(100000, level)).status(),
              absl::DataLossError("JSON of more than 64 levels"));
  }
  EXPECT_TRUE(ParseJson(Repeated(64, "[") + Repeated(64, "]")).ok());
  EXPECT_FALSE(ParseJson(Repeated(65, "[") + Repeated(65, "]")).ok());
  // Brackets in a text are none, nor is a quotation mark behind a backslash its end.
  const absl::StatusOr<Json> text =
      ParseJson("[\"" + Repeated(100, "[") + "\\\"" + Repeated(100, "{") + "\\\\\",1]");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ((*text)[0], Repeated(100, "[") + "\"" + Repeated(100, "{") + "\\");
  EXPECT_TRUE(ParseJson(Repeated(1, "[") + Repeated(1000, "[],") + "[]]").ok()) << "wide, and not deep";
  EXPECT_FALSE(ParseRecord("{\"a\":" + Repeated(100000, "[") + Repeated(100000, "]") + "}").ok());
}

TEST(ParseJson, HasABoundInValues) {
  EXPECT_TRUE(ParseJson("[" + Repeated(131000, "0,") + "0]").ok());
  EXPECT_EQ(ParseJson("[" + Repeated(300000, "0,") + "0]").status(),
            absl::DataLossError("JSON of more than 131072 values"));
  EXPECT_FALSE(ParseJson(Repeated(300000, "[],")).ok());
  EXPECT_TRUE(ParseRecord("{\"a\":[" + Repeated(300000, "0,") + "0]}").ok())
      << "our own may have as many as they need";
}

TEST(ParseJson, SaysThatItIsNone) {
  for (const char* none : {"", "hello", "]", "[[", "{\"a\"}", "\"\xff\"", "\"", "1e999", "[1] [2]"})
    EXPECT_EQ(ParseJson(none).status(), absl::DataLossError("no JSON")) << none;
  EXPECT_EQ(*ParseJson("null"), Json());
}

TEST(JsonForTerminal, IsTheSameJson) {
  const std::string text = "a\x7f\u0085\u009b2J\u2028\u202e\u00fc\n\x1b";
  std::string json;
  AppendJsonString(text, &json);
  const std::string calm = JsonForTerminal(json);
  EXPECT_EQ(calm, "\"a\\u007f\\u0085\\u009b2J\\u2028\\u202e\u00fc\\n\\u001b\"");
  EXPECT_EQ(*ParseJson(calm), text);
  EXPECT_EQ(JsonForTerminal("{\n  \"a\": 1\n}\n"), "{\n  \"a\": 1\n}\n");
  EXPECT_EQ(JsonForTerminal("\"\xc3\u00fc\xff\""), "\"\\ufffd\u00fc\\ufffd\"");
}

}  // namespace
}  // namespace kplan
