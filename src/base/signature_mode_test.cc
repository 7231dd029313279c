#include "src/base/signature_mode.h"

#include <sys/stat.h>

#include <string>

#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/base/journal.h"

namespace kplan {
namespace {

TEST(SignatureMode, IsWhatTheSignatureWasMadeOf) {
  const std::string path = testing::TempDir() + "/signature-mode";
  for (mode_t mode : {0600, 0644, 0755, 04755}) {
    ASSERT_TRUE(WriteScratchFile(path, "x", 0600).ok());
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_EQ(ModeInSignature(FileSignature(path)), S_IFREG | mode);
  }
  EXPECT_TRUE(S_ISDIR(ModeInSignature(FileSignature(testing::TempDir()))));
  EXPECT_EQ(ModeInSignature(FileSignature(path + "/none")), 0u);
  EXPECT_EQ(ModeInSignature(""), 0u);
}

}  // namespace
}  // namespace kplan
