#include "src/cli/terminal.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(TerminalText, WithoutColoursHasNothingThatATerminalActsOn) {
  EXPECT_EQ(TerminalText("\x1b[1;31merror\x1b[0m\r\n\tb\xc3\xbc"
                         "cher\x9b",
                         false),
            "\\x1b[1;31merror\\x1b[0m\\x0d\n\tb\xc3\xbc"
            "cher\\x9b");
  EXPECT_EQ(TerminalText("", false), "");
}

TEST(TerminalText, OfWhatIsStyledTheColoursStay) {
  for (const char* own : {"\x1b[1m", "\x1b[0m", "\x1b[2m", "\x1b[32m", "\x1b[1;31m", "\x1b[m"}) {
    const std::string text = std::string("a") + own + "b" + own;
    EXPECT_EQ(TerminalText(text, true), text);
  }
  for (const char* other :
       {"[2J", "[H", "]0;title\x07", "[1;31", "[1;31;12345678m", "[?25l", "c", "[38;5;1m", "[1\x1b"}) {
    const std::string shown = TerminalText(std::string("\x1b[1ma\x1b") + other + "b\x1b[0m", true);
    EXPECT_EQ(shown.substr(0, 9), "\x1b[1ma\\x1b") << other;
    EXPECT_EQ(shown.find('\x1b', 4), shown.size() - 4) << other;
  }
  EXPECT_EQ(TerminalText("\x1b", true), "\\x1b");
  EXPECT_EQ(TerminalText("\x1b\x1b[1m", true), "\\x1b\x1b[1m");
}

}  // namespace
}  // namespace kplan
