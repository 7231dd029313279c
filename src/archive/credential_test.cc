#include "src/archive/credential.h"

#include <stdlib.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;
using testing::Not;

class CredentialTest : public StepTest {
 protected:
  // The header's value, or the error, which never has what is secret.
  static std::string Shown(const absl::StatusOr<Credential>& credential) {
    if (credential.ok()) return absl::StrCat(credential->from, " | ", credential->authorization.view());
    EXPECT_THAT(std::string(credential.status().message()), Not(HasSubstr("s3cret")));
    return std::string(credential.status().message());
  }
  static std::string Netrc(absl::string_view host = "mirror") {
    return Shown(CredentialFromNetrc("netrc", host));
  }
  static std::string Token(PassphraseSource::Kind kind, const std::string& name) {
    return Shown(CredentialFromToken({kind, name}));
  }
};

TEST_F(CredentialTest, FromANetrcFile) {
  Write("netrc", "machine mirror login ops password s3cret\n", 0600);
  EXPECT_EQ(Netrc(), "the login for mirror in netrc | Basic b3BzOnMzY3JldA==");  // base64 of ops:s3cret
  EXPECT_EQ(Netrc("other"), "netrc, which has no entry for other | ");
  Write("netrc", "machine mirror login ops password s3cret\n", 0640);
  EXPECT_THAT(Netrc(), HasSubstr("Basic "));
}

TEST_F(CredentialTest, ANetrcFileThatIsRefused) {
  EXPECT_THAT(Netrc(), HasSubstr("cannot read the netrc file netrc: No such file"));
  Write("netrc", "machine mirror login ops password s3cret\n", 0644);
  EXPECT_THAT(Netrc(),
              HasSubstr("the netrc file netrc has mode 0644, so that everybody on this machine may use it"));
  Write("netrc", "machine mirror login ops s3cret\n", 0600);
  EXPECT_THAT(Netrc(), HasSubstr("the netrc file netrc: line 1 has"));
  Write("netrc", std::string((64 << 10) + 1, '\n'), 0600);
  EXPECT_THAT(Netrc(), HasSubstr("more than 64 KiB"));
  Write("netrc", std::string(64 << 10, '\n'), 0600);
  EXPECT_EQ(Netrc(), "netrc, which has no entry for mirror | ");
}

TEST_F(CredentialTest, AToken) {
  constexpr auto kFile = PassphraseSource::Kind::kFile;
  constexpr auto kEnvironment = PassphraseSource::Kind::kEnvironment;
  for (const char* text : {"s3cret", "s3cret\n", "s3cret\r\nmore\n"}) {
    Write("token", text, 0600);
    EXPECT_EQ(Token(kFile, "token"), "the token in token | Bearer s3cret");
  }
  setenv("KPLAN_TEST_TOKEN", "eyJ-._~+/s3cret==", 1);
  EXPECT_EQ(Token(kEnvironment, "KPLAN_TEST_TOKEN"),
            "the token in $KPLAN_TEST_TOKEN | Bearer eyJ-._~+/s3cret==");
  for (const char* text :
       {"Bearer s3cret", "\"s3cret\"", "s3cret\tx", "s=3cret", "=", "s3cret\x01", "s3cret\xC3\xBC"}) {
    setenv("KPLAN_TEST_TOKEN", text, 1);
    EXPECT_THAT(Token(kEnvironment, "KPLAN_TEST_TOKEN"),
                HasSubstr("has a character that no bearer token has"))
        << text;
  }
  unsetenv("KPLAN_TEST_TOKEN");
  EXPECT_THAT(Token(kEnvironment, "KPLAN_TEST_TOKEN"),
              HasSubstr("the environment variable KPLAN_TEST_TOKEN, which holds a token, is not set"));
  Write("token", "s3cret", 0604);
  EXPECT_THAT(Token(kFile, "token"), HasSubstr("the token file token has mode 0604"));
  Write("token", std::string((16 << 10) + 1, 'x'), 0600);
  EXPECT_THAT(Token(kFile, "token"), HasSubstr("more than 16384 bytes"));
}

}  // namespace
}  // namespace kplan
