#include "src/base/fields.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::HasSubstr;

struct Inner {
  int64_t i = 0;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("i", self.i);
  }
};

// All that a field can be, listed in no order.
struct Everything {
  static constexpr absl::string_view kWord = "everything";
  std::string text;
  int64_t number = 0;
  int small = 0;
  bool flag = false;
  std::vector<std::string> list;
  StringPairs pairs;
  std::array<std::string, 2> two;
  Inner inner;
  std::vector<Inner> inners;
  std::string perhaps;
  int64_t one = 1;
  std::optional<int64_t> maybe;
  std::optional<Inner> maybe_inner;
  Json any = Json::object();

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("text", self.text);
    fields.Always("number", self.number);
    fields.Always("small", self.small);
    fields.Always("flag", self.flag);
    fields.Always("list", self.list);
    fields.Always("pairs", self.pairs);
    fields.Always("two", self.two);
    fields.Always("inner", self.inner);
    fields.Always("inners", self.inners);
    fields.Optional("perhaps", self.perhaps);
    fields.Optional("one", self.one, int64_t{1});
    fields.Optional("maybe", self.maybe);
    fields.Optional("maybe-inner", self.maybe_inner);
    fields.Always("any", self.any);
  }
};

constexpr char kLeast[] =
    R"({"any":{},"flag":false,"inner":{"i":0},"inners":[],"kind":"everything","list":[],"number":0,)"
    R"("pairs":[],"small":0,"text":"","two":["",""]})";

constexpr char kMost[] =
    R"({"any":[1],"flag":true,"inner":{"i":3},"inners":[{"i":4},{"i":5}],"kind":"everything","list":["1","2"],)"
    R"("maybe":0,"maybe-inner":{"i":6},"number":-9007199254740993,"one":2,"pairs":[["C","US"],["CN","k"]],)"
    R"("perhaps":"p","small":-5,"text":"x","two":["a","b"]})";

// One text, a struct with one field, for what is said of values.
struct One {
  std::string k;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("k", self.k);
  }
};

struct Twice {
  std::string a, b;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("a", self.a);
    fields.Always("a", self.b);
  }
};

struct Nothing {
  template <typename Self, typename Fields>
  static void Visit(Self&, Fields&) {}
};

TEST(Fields, AreWrittenSortedWhateverTheirOrder) {
  EXPECT_EQ(ToText(Everything()), kLeast);
  Everything all;
  all.text = "x";
  all.number = -9007199254740993;
  all.small = -5;
  all.flag = true;
  all.list = {"1", "2"};
  all.pairs = {{"C", "US"}, {"CN", "k"}};
  all.two = {"a", "b"};
  all.inner.i = 3;
  all.inners = {{4}, {5}};
  all.perhaps = "p";
  all.one = 2;
  all.maybe = 0;
  all.maybe_inner = Inner{6};
  all.any = Json::array({1});
  EXPECT_EQ(ToText(all), kMost);
  EXPECT_EQ(ToText(Nothing()), "{}");
}

TEST(Fields, WhatIsWrittenIsReadAgain) {
  for (const char* text : {kLeast, kMost}) {
    absl::StatusOr<Everything> read = FromText<Everything>(text);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(ToText(*read), text);
    EXPECT_EQ(ToJson(*read).dump(), text);
  }
}

TEST(FieldsDeathTest, TwoOfOneNameAreAMistakeOfOurs) {
  EXPECT_DEATH(ToText(Twice()), "a struct has two fields \"a\"");
}

// Whatever bytes a value has, the reader gets the same bytes back.
TEST(Fields, EveryStringComesBackByteForByte) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all.push_back(static_cast<char>(c));
  for (const std::string& value :
       {all, std::string("$HOME $(reboot) %h \\ \" ' \n\t\r"),
        std::string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91"), std::string("a\0b", 3), std::string()}) {
    const std::string text = ToText(One{value});
    absl::StatusOr<One> read = FromText<One>(text);
    ASSERT_TRUE(read.ok()) << read.status() << " " << text;
    EXPECT_EQ(read->k, value);
    EXPECT_EQ(text.find('\n'), std::string::npos) << "a record is one line";
  }
}

TEST(Fields, WhatIsNoUtf8IsReplaced) {
  const Json json =
      ToJson(One{"a\xff"
                 "b\"\n"});
  EXPECT_EQ(json["k"],
            "a\xEF\xBF\xBD"
            "b\"\n");
  Everything all;
  all.any = Json{{"x", "\xff"}};
  EXPECT_EQ(ToJson(all)["any"]["x"], "\xEF\xBF\xBD");
}

TEST(Fields, NumbersHaveTheirWholeRange) {
  Json json = Json::parse(kLeast);
  json["number"] = std::numeric_limits<int64_t>::max();
  absl::StatusOr<Everything> read = FromJson<Everything>(json);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->number, std::numeric_limits<int64_t>::max());
  json["small"] = int64_t{1} << 40;
  EXPECT_FALSE(FromJson<Everything>(json).ok()) << "no int";
}

TEST(Fields, OneThatIsMissingIsNamed) {
  for (const char* key : {"any", "flag", "inner", "number", "small", "text", "two"}) {
    Json json = Json::parse(kMost);
    json.erase(key);
    absl::StatusOr<Everything> read = FromJson<Everything>(json);
    EXPECT_TRUE(absl::IsDataLoss(read.status())) << key;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(std::string("no usable \"") + key + "\""));
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("kplan gen"));
  }
  // A list without items need not be written.
  for (const char* key : {"inners", "list", "pairs"}) {
    Json json = Json::parse(kMost);
    json.erase(key);
    EXPECT_TRUE(FromJson<Everything>(json).ok()) << key;
  }
}

TEST(Fields, AnotherTypeIsNamed) {
  const struct {
    const char *key, *value;
    const char* named = nullptr;  // null: the key
  } wrong[] = {{"text", "1"},
               {"number", "1.5"},
               {"number", "\"1\""},
               {"flag", "1"},
               {"list", "\"x\""},
               {"list", R"(["a",1])"},
               {"list", R"({"a":1})"},
               {"pairs", R"([["a"]])"},
               {"pairs", R"([["a",1]])"},
               {"two", R"(["a"])"},
               {"inner", "[]"},
               {"inner", R"({"i":"x"})", "i"},
               {"inners", "[1]"},
               {"inners", R"([{"i":1},{}])", "i"},
               {"perhaps", "1"},
               {"one", "true"},
               {"maybe", "\"0\""},
               {"maybe-inner", "1"},
               {"maybe-inner", "{}", "i"}};
  for (const auto& it : wrong) {
    Json json = Json::parse(kMost);
    json[it.key] = Json::parse(it.value);
    absl::StatusOr<Everything> read = FromJson<Everything>(json);
    const std::string named = it.named != nullptr ? it.named : it.key;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("\"" + named + "\"")) << it.value;
  }
}

TEST(Fields, WhatIsNoObjectIsRefused) {
  for (const char* text : {"", "[]", "1", "{", "{\"a\":1}x", "{\"k\":\"\xff\"}", "null"}) {
    EXPECT_FALSE(FromText<One>(text).ok()) << text;
  }
}

TEST(Record, SaysWhichKindItIs) {
  EXPECT_EQ(WordOf(Json::parse(kLeast)), "everything");
  EXPECT_EQ(WordOf(Json::parse(R"({"kind":1})")), "");
  EXPECT_EQ(WordOf(Json::object()), "");
}

}  // namespace
}  // namespace kplan
