#include "src/base/piecewise_file.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "gtest/gtest.h"
#include "src/base/files.h"

namespace kplan {
namespace {

class PiecewiseFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/piecewise-XXXXXX";
    ASSERT_NE(mkdtemp(&folder_[0]), nullptr);
    path_ = folder_ + "/file";
  }

  // Writes TEXT a few bytes at a time.
  static auto InPieces(const std::string& text) {
    return [text](TextSink sink) {
      for (size_t i = 0; i < text.size(); i += 7) sink(absl::string_view(text).substr(i, 7));
    };
  }

  std::string folder_, path_;
};

TEST_F(PiecewiseFileTest, HoldsWhatWasWritten) {
  std::string text;
  for (int i = 0; i < 10000; ++i) text += "line " + std::to_string(i) + "\n";
  EXPECT_FALSE(FileHolds(path_, InPieces(text))) << "there is no file";
  ASSERT_TRUE(WritePiecewise(path_, InPieces(text), 0644).ok());
  EXPECT_EQ(*ReadFile(path_), text);
  EXPECT_TRUE(FileHolds(path_, InPieces(text)));
  EXPECT_FALSE(FileHolds(path_, InPieces(text + "x"))) << "the file is a beginning of the text";
  EXPECT_FALSE(FileHolds(path_, InPieces(text.substr(0, text.size() - 1))))
      << "the text is a beginning of the file";
  text[text.size() / 2] ^= 1;
  EXPECT_FALSE(FileHolds(path_, InPieces(text)));
}

TEST_F(PiecewiseFileTest, AnEmptyText) {
  ASSERT_TRUE(WritePiecewise(path_, InPieces(""), 0644).ok());
  EXPECT_TRUE(FileHolds(path_, InPieces("")));
  EXPECT_FALSE(FileHolds(path_, InPieces("x")));
}

TEST_F(PiecewiseFileTest, WhatIsNoFileHoldsNothing) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(FileHolds(path_, InPieces(""))) << "and does not wait for a writer";
  EXPECT_FALSE(FileHolds(folder_, InPieces("")));
}

TEST_F(PiecewiseFileTest, NoFolderIsAnErrorThatNamesIt) {
  absl::Status status = WritePiecewise(folder_ + "/no/file", InPieces("x"), 0644);
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_NE(status.message().find(folder_ + "/no:"), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace kplan
