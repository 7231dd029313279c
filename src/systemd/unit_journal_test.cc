#include "src/systemd/unit_journal.h"

#include <string>

#include "absl/strings/str_cat.h"
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

TEST(MessagesOfRun, ThoseThatSayTheyAreOfIt) {
  const std::string entries = Told("Starting", "a") + Said("one", "a") + Told("Stopped", "a") +
                              Told("Starting", "b") + Said("two", "b") + Told("Failed", "b") +
                              Told("Starting", "c") + Said("three", "c");
  EXPECT_EQ(MessagesOfRun(entries, "b"), "Starting\ntwo\nFailed");
  EXPECT_EQ(MessagesOfRun(entries, "a"), "Starting\none\nStopped");
  EXPECT_EQ(MessagesOfRun(entries, "d"), "");
}

// What a program printed that had ended when journald looked who it was.
TEST(MessagesOfRun, ThoseThatDoNotSayAndStandBesideThem) {
  const std::string entries = Said("zero") + Told("Starting", "a") + Said("one") + Told("Failed", "a") +
                              Told("Starting", "b") + Said("two") + Told("Failed", "b") + Said("late") +
                              Told("Starting", "c") + Said("three");
  EXPECT_EQ(MessagesOfRun(entries, "b"), "Starting\ntwo\nFailed\nlate");
  EXPECT_EQ(MessagesOfRun(entries, "a"), "zero\nStarting\none\nFailed");
  EXPECT_EQ(MessagesOfRun(entries, "c"), "late\nStarting\nthree") << "between two it may be of either";
  EXPECT_EQ(MessagesOfRun(Told("Stopped", "a") + Said("early") + Told("Started", "b"), "b"),
            "early\nStarted");
}

TEST(MessagesOfRun, TextAndBytesAndLists) {
  EXPECT_EQ(MessagesOfRun(R"({"MESSAGE":[104,105,255],"_SYSTEMD_INVOCATION_ID":["x","a"]})"
                          "\n"
                          R"({"MESSAGE":["first","second"],"_SYSTEMD_INVOCATION_ID":"a"})"
                          "\n"
                          R"({"MESSAGE":null})"
                          "\nno JSON\n",
                          "a"),
            "hi\xff\nsecond\n");
}

}  // namespace
}  // namespace kplan
