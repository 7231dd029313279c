#include "src/systemd/unit_journal.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

std::string Said(const std::string& message, const std::string& run = "") {
  return absl::StrCat(R"({"MESSAGE":")", message, "\"",
                      run.empty() ? "" : absl::StrCat(R"(,"_SYSTEMD_INVOCATION_ID":")", run, "\""), "}\n");
}

// By systemd, whose own invocation is another thing.
std::string Told(const std::string& message, const std::string& run) {
  return absl::StrCat(R"({"INVOCATION_ID":")", run, R"(","_SYSTEMD_INVOCATION_ID":"","MESSAGE":")", message,
                      "\"}\n");
}

// As journalctl --reverse prints them; ENTRIES are written in the order in which they came to be.
std::string NewestFirst(absl::string_view entries) {
  std::vector<absl::string_view> lines = absl::StrSplit(entries, '\n', absl::SkipEmpty());
  std::reverse(lines.begin(), lines.end());
  return absl::StrJoin(lines, "\n");
}

TEST(MessagesOfRun, ThoseThatSayTheyAreOfIt) {
  const std::string entries = Told("Starting", "a") + Said("one", "a") + Told("Stopped", "a") +
                              Told("Starting", "b") + Said("two", "b") + Told("Failed", "b") +
                              Told("Starting", "c") + Said("three", "c");
  EXPECT_EQ(MessagesOfRun(NewestFirst(entries), "b"), "Starting\ntwo\nFailed");
  EXPECT_EQ(MessagesOfRun(NewestFirst(entries), "a"), "Starting\none\nStopped");
  EXPECT_EQ(MessagesOfRun(NewestFirst(entries), "d"), "");
}

// What a program printed that had ended when journald looked who it was.
TEST(MessagesOfRun, ThoseThatDoNotSayAndStandBesideThem) {
  const std::string entries = Said("zero") + Told("Starting", "a") + Said("one") + Told("Failed", "a") +
                              Told("Starting", "b") + Said("two") + Told("Failed", "b") + Said("late") +
                              Told("Starting", "c") + Said("three");
  EXPECT_EQ(MessagesOfRun(NewestFirst(entries), "b"), "Starting\ntwo\nFailed\nlate");
  EXPECT_EQ(MessagesOfRun(NewestFirst(entries), "a"), "zero\nStarting\none\nFailed");
  EXPECT_EQ(MessagesOfRun(NewestFirst(entries), "c"), "late\nStarting\nthree")
      << "between two it may be of either";
  EXPECT_EQ(MessagesOfRun(NewestFirst(Told("Stopped", "a") + Said("early") + Told("Started", "b")), "b"),
            "early\nStarted");
}

TEST(MessagesOfRun, TextAndBytesAndLists) {
  EXPECT_EQ(MessagesOfRun("\nno JSON\n"
                          R"({"MESSAGE":null})"
                          "\n"
                          R"({"MESSAGE":["first","second"],"_SYSTEMD_INVOCATION_ID":"a"})"
                          "\n"
                          R"({"MESSAGE":[104,105,255],"_SYSTEMD_INVOCATION_ID":["x","a"]})"
                          "\n",
                          "a"),
            "hi\xff\nsecond\n");
}

// Of a journal that is longer than what is kept of it, the oldest is missing, and the last line is cut.
TEST(MessagesOfRun, WhatIsCutOffIsTheOldest) {
  std::string entries = Said("the beginning", "a");
  for (int i = 1; i <= 5000; ++i) absl::StrAppend(&entries, Said(absl::StrCat("line ", i), "a"));
  const std::string all = NewestFirst(entries + Said("the reason is here", "a") + Told("Failed", "a"));
  const std::string kept = all.substr(0, all.size() / 2);
  const std::string messages = MessagesOfRun(kept, "a");
  EXPECT_THAT(messages, testing::EndsWith("line 4999\nline 5000\nthe reason is here\nFailed"));
  EXPECT_THAT(messages, testing::Not(testing::HasSubstr("the beginning")));
  EXPECT_EQ(MessagesOfRun(kept, ""), messages);
}

// Without a run: one that has just begun again says little about why the one before has ended.
TEST(MessagesOfRun, OfAnyRunTheLastOnesThatSayEnough) {
  std::string entries;
  for (const char* run : {"a", "b"}) {
    absl::StrAppend(&entries, Told("Starting", run));
    for (int i = 1; i <= 10; ++i) absl::StrAppend(&entries, Said(absl::StrCat(run, i), run));
  }
  EXPECT_THAT(MessagesOfRun(NewestFirst(entries), ""), testing::StartsWith("Starting\nb1\nb2"));
  absl::StrAppend(&entries, Told("Failed", "b"), Said("unclaimed"), Told("Starting", "c"));
  EXPECT_THAT(MessagesOfRun(NewestFirst(entries), ""), testing::StartsWith("Starting\nb1\nb2"));
  EXPECT_THAT(MessagesOfRun(NewestFirst(entries), ""), testing::EndsWith("b10\nFailed\nunclaimed\nStarting"));
  EXPECT_EQ(MessagesOfRun("", ""), "");
  EXPECT_EQ(MessagesOfRun(NewestFirst(Said("one") + Said("two")), ""), "one\ntwo");
}

}  // namespace
}  // namespace kplan
