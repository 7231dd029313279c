#include "src/base/record.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::HasSubstr;

TEST(RecordWriter, WritesOneCanonicalText) {
  RecordWriter writer;
  writer.Add("a", "x")
      .Add("b", 3)
      .Add("c", int64_t{-9007199254740993})
      .Add("d", true)
      .Add("e", std::vector<std::string>{"1", "2"})
      .Add("f", StringPairs{{"C", "US"}, {"CN", "k"}})
      .Add("g", std::vector<std::string>{})
      .AddJson("h", "{\"i\":1}");
  EXPECT_EQ(std::move(writer).Finish(),
            R"({"a":"x","b":3,"c":-9007199254740993,"d":true,"e":["1","2"],"f":[["C","US"],["CN","k"]],)"
            R"("g":[],"h":{"i":1}})");
}

TEST(RecordWriter, AnEmptyRecord) { EXPECT_EQ(RecordWriter().Finish(), "{}"); }

TEST(RecordWriterDeathTest, KeysMustAscend) {
  EXPECT_DEATH(RecordWriter().Add("b", 1).Add("a", 1), "record keys must ascend: \"b\" then \"a\"");
  EXPECT_DEATH(RecordWriter().Add("a", 1).Add("a", 1), "must ascend");
}

// Whatever bytes a value has, the reader gets the same bytes back.
TEST(Record, EveryStringComesBackByteForByte) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all.push_back(static_cast<char>(c));
  for (const std::string& value :
       {all, std::string("$HOME $(reboot) %h \\ \" ' \n\t\r"),
        std::string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91"), std::string("a\0b", 3), std::string()}) {
    RecordWriter writer;
    writer.Add("k", value);
    std::string text = std::move(writer).Finish();
    absl::StatusOr<Record> record = Record::Parse(text);
    ASSERT_TRUE(record.ok()) << record.status() << " " << text;
    EXPECT_EQ(record->String("k"), value);
    EXPECT_TRUE(record->status().ok());
    EXPECT_EQ(text.find('\n'), std::string::npos) << "a record is one line";
  }
}

TEST(Record, ReadsEveryType) {
  absl::StatusOr<Record> record = Record::Parse(
      R"({"s":"x","i":-5,"b":true,"list":["p","q"],"pairs":[["C","US"],["OU",""]],"max":9223372036854775807})");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->String("s"), "x");
  EXPECT_EQ(record->Int("i"), -5);
  EXPECT_EQ(record->Int("max"), std::numeric_limits<int64_t>::max());
  EXPECT_TRUE(record->Bool("b"));
  EXPECT_THAT(record->Strings("list"), testing::ElementsAre("p", "q"));
  EXPECT_THAT(record->Pairs("pairs"),
              testing::ElementsAre(testing::Pair("C", "US"), testing::Pair("OU", "")));
  EXPECT_TRUE(record->Has("s"));
  EXPECT_FALSE(record->Has("t"));
  EXPECT_TRUE(record->status().ok());
}

TEST(Record, AMissingKeyMayHaveAFallback) {
  absl::StatusOr<Record> record = Record::Parse("{}");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->StringOr("s", "f"), "f");
  EXPECT_EQ(record->IntOr("i", 7), 7);
  EXPECT_TRUE(record->BoolOr("b", true));
  EXPECT_TRUE(record->Strings("l").empty());
  EXPECT_TRUE(record->Pairs("p").empty());
  EXPECT_TRUE(record->status().ok());
}

TEST(Record, StatusNamesTheFirstKeyThatIsWrong) {
  absl::StatusOr<Record> record = Record::Parse(R"({"n":1,"s":"x"})");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->String("gone"), "");
  EXPECT_EQ(record->Int("s"), 0);
  EXPECT_FALSE(record->Bool("n"));
  EXPECT_THAT(std::string(record->status().message()), HasSubstr("no usable \"gone\""));
  EXPECT_THAT(std::string(record->status().message()), HasSubstr("kplan gen"));
}

TEST(Record, AnotherTypeThanAskedForIsWrong) {
  const std::string text = R"({"n":1,"f":1.5,"s":"x","l":["a",1],"o":{"a":1},"p":[["a"]],"p2":[["a",1]]})";
  struct Case {
    const char* name;
    void (*read)(const Record&);
  } cases[] = {
      {"n", [](const Record& r) { r.String("n"); }},
      {"n", [](const Record& r) { r.StringOr("n", "fallback"); }},
      {"f", [](const Record& r) { r.Int("f"); }},
      {"s", [](const Record& r) { r.IntOr("s", 1); }},
      {"s", [](const Record& r) { r.BoolOr("s", true); }},
      {"l", [](const Record& r) { r.Strings("l"); }},
      {"s", [](const Record& r) { r.Strings("s"); }},
      {"o", [](const Record& r) { r.Strings("o"); }},
      {"p", [](const Record& r) { r.Pairs("p"); }},
      {"p2", [](const Record& r) { r.Pairs("p2"); }},
      {"s", [](const Record& r) { r.Pairs("s"); }},
  };
  for (const Case& c : cases) {
    absl::StatusOr<Record> record = Record::Parse(text);
    ASSERT_TRUE(record.ok());
    c.read(*record);
    EXPECT_THAT(std::string(record->status().message()), HasSubstr(std::string("\"") + c.name + "\""));
  }
}

TEST(Record, WhatIsNoObjectIsRefused) {
  for (const char* text : {"", "[]", "1", "{", "{\"a\":1}x", "{\"a\":\"\xff\"}", "null"}) {
    EXPECT_FALSE(Record::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace kplan
