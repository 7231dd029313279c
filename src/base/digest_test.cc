#include "src/base/digest.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/files.h"

namespace kplan {
namespace {

// FIPS 180-4's own examples (csrc.nist.gov, "SHA-256 examples").
constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kEmpty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kTwoBlocks[] = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
constexpr char kMillionA[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, KnowsTheStandardsExamples) {
  EXPECT_EQ(Sha256Hex("abc"), kAbc);
  EXPECT_EQ(Sha256Hex(""), kEmpty);
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), kTwoBlocks);
}

TEST(Sha256, PiecesGiveWhatTheWholeGives) {
  Sha256Stream stream;
  for (int i = 0; i < 1000; ++i) stream.Update(std::string(1000, 'a'));
  stream.Update("");
  EXPECT_EQ(stream.FinishHex(), kMillionA);
}

TEST(Sha256, OfAFileLargerThanOneBlock) {
  std::string path = testing::TempDir() + "/digest-million-a";
  ASSERT_TRUE(WriteFile(path, std::string(1000000, 'a'), 0600).ok());
  absl::StatusOr<std::string> digest = Sha256HexOfFile(path);
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(*digest, kMillionA);
}

TEST(Sha256, OfAFileThatIsNotThere) {
  std::string path = testing::TempDir() + "/digest-nowhere";
  absl::StatusOr<std::string> digest = Sha256HexOfFile(path);
  EXPECT_TRUE(absl::IsNotFound(digest.status())) << digest.status();
  EXPECT_THAT(std::string(digest.status().message()), testing::HasSubstr(path));
}

TEST(Sha256, OfAFolderIsAnError) { EXPECT_FALSE(Sha256HexOfFile(testing::TempDir()).ok()); }

TEST(IsSha256Hex, TakesOnlyTheOneSpelling) {
  EXPECT_TRUE(IsSha256Hex(kAbc));
  std::string digest = kAbc;
  EXPECT_FALSE(IsSha256Hex(digest.substr(1)));
  EXPECT_FALSE(IsSha256Hex(digest + "0"));
  EXPECT_FALSE(IsSha256Hex(""));
  for (char wrong : {'A', 'g', '/', ':', '`', ' ', '\n'}) {
    std::string text = digest;
    text[63] = wrong;
    EXPECT_FALSE(IsSha256Hex(text)) << wrong;
  }
}

}  // namespace
}  // namespace kplan
