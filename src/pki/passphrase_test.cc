#include "src/pki/passphrase.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "src/base/files.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

const PassphraseSource kFile{PassphraseSource::Kind::kFile, "pass"};

class PassphraseTest : public StepTest {
 protected:
  static std::string Value(const PassphraseSource& source) {
    absl::StatusOr<Secret> passphrase = ReadPassphrase(source);
    return passphrase.ok() ? std::string(passphrase->view()) : passphrase.status().ToString();
  }
};

TEST_F(PassphraseTest, IsTheFirstLineOfAFile) {
  struct Case {
    std::string text, passphrase;
  } cases[] = {{"secret", "secret"},
               {"secret\n", "secret"},
               {"secret\r\n", "secret"},
               {"secret\nmore\n", "secret"},
               {" with spaces \n", " with spaces "},
               {"g\xC3\xBCnstig\n", "g\xC3\xBCnstig"},
               {"\r", "\r"},  // no line end follows
               {std::string(1024, 'x') + "\r\n", std::string(1024, 'x')}};
  for (const Case& c : cases) {
    Write("pass", c.text, 0600);
    EXPECT_EQ(Value(kFile), c.passphrase);
  }
}

TEST_F(PassphraseTest, LaxOrEmptyFilesAreRefused) {
  struct Case {
    std::string text;
    mode_t mode;
    const char* why;
  } cases[] = {{"secret", 0604, "has mode 0604"},
               {"secret", 0602, "has mode 0602"},
               {"", 0600, "has an empty first line"},
               {"\nsecret\n", 0600, "has an empty first line"},
               {"\r\n", 0600, "has an empty first line"},
               {std::string(1025, 'x'), 0600, "more than 1024 bytes"},
               {std::string("s\0e\0c", 5), 0600, "has a NUL"}};
  for (const Case& c : cases) {
    Write("pass", c.text, c.mode);
    absl::Status status = ReadPassphrase(kFile).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.why)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "the passphrase file pass")) << status;
    EXPECT_FALSE(absl::StrContains(status.message(), "secret")) << status;
  }
  Write("pass", "secret", 0640);
  EXPECT_EQ(Value(kFile), "secret");
  ASSERT_EQ(unlink("pass"), 0);
  EXPECT_TRUE(absl::IsNotFound(ReadPassphrase(kFile).status()));
  ASSERT_EQ(mkfifo("pass", 0600), 0);  // nobody writes to it: this must not hang
  EXPECT_TRUE(absl::StrContains(Value(kFile), "is not a regular file"));
  ASSERT_EQ(unlink("pass"), 0);
  ASSERT_EQ(mkdir("pass", 0700), 0);
  EXPECT_TRUE(absl::StrContains(Value(kFile), "is not a regular file"));
}

TEST_F(PassphraseTest, FromTheEnvironment) {
  const PassphraseSource source{PassphraseSource::Kind::kEnvironment, "KPLAN_TEST_PASSPHRASE"};
  ASSERT_EQ(unsetenv("KPLAN_TEST_PASSPHRASE"), 0);
  EXPECT_TRUE(absl::IsNotFound(ReadPassphrase(source).status()));
  ASSERT_EQ(setenv("KPLAN_TEST_PASSPHRASE", "", 1), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadPassphrase(source).status()));
  ASSERT_EQ(setenv("KPLAN_TEST_PASSPHRASE", std::string(1025, 'x').c_str(), 1), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadPassphrase(source).status()));
  ASSERT_EQ(setenv("KPLAN_TEST_PASSPHRASE", "secret", 1), 0);
  EXPECT_EQ(Value(source), "secret");
  EXPECT_EQ(source.Text(), "the passphrase in $KPLAN_TEST_PASSPHRASE");
  EXPECT_FALSE(ReadPassphrase({}).ok());
}

// The constructor and the move leave no copy where the short string was.
TEST(Secret, WipesWhatItTakesOver) {
  alignas(Secret) unsigned char place[sizeof(Secret)];
  Secret* secret = new (place) Secret(std::string("0123456789"));
  ASSERT_EQ(secret->view(), "0123456789");
  Secret other = std::move(*secret);
  EXPECT_EQ(absl::string_view(reinterpret_cast<char*>(place), sizeof(place)).find("1234"),
            absl::string_view::npos);
  EXPECT_EQ(other.view(), "0123456789");
  secret->~Secret();
}

}  // namespace
}  // namespace kplan
