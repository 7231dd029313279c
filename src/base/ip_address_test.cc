#include "src/base/ip_address.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

using absl::string_view;

TEST(IpAddress, HasOneText) {
  constexpr struct {
    string_view text, canonical;
  } kGood[] = {{"10.0.0.1", "10.0.0.1"},        {"::1", "::1"},
               {"FD00:0:0::0001", "fd00::1"},   {"::", "::"},
               {"::ffff:10.0.0.1", "10.0.0.1"}, {"::FFFF:0a00:1", "10.0.0.1"},
               {"::10.0.0.1", "::10.0.0.1"},    {"::1:ffff:10.0.0.1", "::1:ffff:a00:1"}};
  for (const auto& [text, canonical] : kGood) {
    std::string found;
    EXPECT_TRUE(ParseIpAddress(text, &found)) << text;
    EXPECT_EQ(found, canonical) << text;
    EXPECT_TRUE(IsIpAddress(text)) << text;
    EXPECT_EQ(IpText(IpOctets(text)), canonical) << text;
  }
}

TEST(IpAddress, RefusesWhatInetPtonRefusesAndNuls) {
  for (string_view text :
       {string_view(""), string_view("10.0.0"), string_view("010.0.0.1"), string_view("10.0.0.1 "),
        string_view("[::1]"), string_view("fe80::1%eth0"), string_view("10.0.0.0/8"), string_view("host"),
        string_view("10.0.0.1\0", 9), string_view("::1\0x", 5), string_view("\0", 1)}) {
    std::string found = "as it was";
    EXPECT_FALSE(ParseIpAddress(text, &found)) << text;
    EXPECT_EQ(found, "as it was");
    EXPECT_FALSE(IsIpAddress(text)) << text;
    EXPECT_EQ(WrittenIpOctets(text), "") << text;
    EXPECT_EQ(IpOctets(text), "") << text;
  }
}

TEST(IpAddress, HasOctets) {
  const std::string v4("\x0A\0\0\x01", 4), mapped = std::string(10, '\0') + "\xFF\xFF" + v4;
  EXPECT_EQ(WrittenIpOctets("10.0.0.1"), v4);
  EXPECT_EQ(IpOctets("10.0.0.1"), v4);
  EXPECT_EQ(WrittenIpOctets("::ffff:10.0.0.1"), mapped);
  EXPECT_EQ(IpOctets("::ffff:10.0.0.1"), v4);
  EXPECT_EQ(UnmappedIpOctets(mapped), v4);
  EXPECT_EQ(IpOctets("::1"), std::string(15, '\0') + "\x01");
}

TEST(IpAddress, HasTheTextOfOctets) {
  EXPECT_EQ(IpText(std::string(4, '\0')), "0.0.0.0");
  EXPECT_EQ(IpText(std::string(16, '\0')), "::");
  EXPECT_EQ(IpText(WrittenIpOctets("::ffff:10.0.0.1")), "::ffff:10.0.0.1") << "the octets given, all of them";
  for (size_t size : {0, 3, 5, 8, 15, 17, 32}) EXPECT_EQ(IpText(std::string(size, '\1')), "") << size;
}

}  // namespace
}  // namespace kplan
