#include "src/pki/key_text.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

constexpr char kKey[] = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";

TEST(KeyText, GenerationIsALineBeforeTheKey) {
  struct Case {
    std::string before;
    int64_t generation;
  } cases[] = {{"", 1},
               {"key-generation: 2\n", 2},
               {"key-generation: 2\r\n", 2},
               {"\xEF\xBB\xBFkey-generation: 7\n", 7},
               {"a comment\nkey-generation: 12\nanother\n", 12},
               {"key-generation: 2\nkey-generation: 3\n", 2},
               {"key-generation: x\nkey-generation: 3\n", 3},
               {"key-generation: 0\n", 1},
               {"key-generation: -2\n", 1},
               {"key-generation: 2 or so\n", 1},
               {"key-generation: 99999999999999999999\n", 1},
               {"# key-generation: 2\n", 1},
               {"KEY-GENERATION: 2\n", 1}};
  for (const Case& c : cases) EXPECT_EQ(TakeApart(c.before + kKey).generation, c.generation) << c.before;
  EXPECT_EQ(TakeApart(absl::StrCat(kKey, "key-generation: 2\n")).generation, 1);
  EXPECT_EQ(GenerationLine(1), "");
  EXPECT_EQ(TakeApart(GenerationLine(41) + kKey).generation, 41);
}

TEST(KeyText, WhatStandsAround) {
  const std::string text = absl::StrCat("\xEF\xBB\xBF", "before -----BEGIN \n", kKey, "after\n-----\n");
  KeyText parts = TakeApart(text);
  EXPECT_TRUE(parts.byte_order_mark);
  EXPECT_EQ(parts.before, "before -----BEGIN \n");
  EXPECT_EQ(parts.after, "after\n-----\n");
  EXPECT_EQ(parts.other, "");
  EXPECT_EQ(WithoutByteOrderMark(text), text.substr(3));
  parts = TakeApart(kKey);
  EXPECT_FALSE(parts.byte_order_mark);
  EXPECT_EQ(absl::StrCat(parts.before, parts.after), "");
}

TEST(KeyText, OtherBlocks) {
  const std::string parameters = "-----BEGIN EC PARAMETERS-----\nAA==\n-----END EC PARAMETERS-----\n";
  const std::string certificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  EXPECT_EQ(TakeApart(parameters + kKey).other, "");
  EXPECT_EQ(TakeApart(parameters + kKey).before, "");
  EXPECT_EQ(TakeApart(certificate + kKey).other, "CERTIFICATE");
  EXPECT_EQ(TakeApart(absl::StrCat(kKey, certificate, "end")).other, "CERTIFICATE");
  EXPECT_EQ(TakeApart(absl::StrCat(kKey, certificate, "end")).after, "end");
}

}  // namespace
}  // namespace kplan
