#include "src/remote/stream_frames.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

// The next frame of READER, which has one.
Frame Next(FrameReader* reader) {
  absl::StatusOr<std::optional<Frame>> frame = reader->Next();
  EXPECT_TRUE(frame.ok()) << frame.status();
  EXPECT_TRUE(frame.ok() && frame->has_value());
  return frame.ok() && frame->has_value() ? **std::move(frame) : Frame();
}

TEST(FrameReader, TakesFramesOutOfBytesAsTheyCome) {
  const std::string text = FrameText(Frame::kData, 0x1234, std::string(kMaxFrame, 'x')) +
                           FrameText(Frame::kEnd, 7) + OpenFrame(65535, 255, 4000000000) +
                           TakenFrame(1, 70000);
  for (size_t piece : {size_t{1}, size_t{3}, size_t{1000}, text.size()}) {
    FrameReader reader;
    std::vector<Frame> frames;
    for (size_t at = 0; at < text.size(); at += piece) {
      reader.Add(absl::string_view(text).substr(at, piece));
      for (;;) {
        absl::StatusOr<std::optional<Frame>> frame = reader.Next();
        ASSERT_TRUE(frame.ok());
        if (!frame->has_value()) break;
        frames.push_back(**std::move(frame));
      }
    }
    ASSERT_EQ(frames.size(), 4u) << piece;
    EXPECT_EQ(frames[0].stream, 0x1234);
    EXPECT_EQ(frames[0].body, std::string(kMaxFrame, 'x'));
    EXPECT_EQ(frames[1].kind, Frame::kEnd);
    EXPECT_EQ(frames[1].body, "");
    ASSERT_TRUE(ReadOpen(frames[2]).has_value());
    EXPECT_EQ(frames[2].stream, 65535);
    EXPECT_EQ(ReadOpen(frames[2])->target, 255u);
    EXPECT_EQ(ReadOpen(frames[2])->milliseconds, 4000000000u);
    EXPECT_EQ(ReadTaken(frames[3]), 70000u);
  }
}

TEST(FrameReader, RefusesWhatIsNone) {
  for (const std::string& text : {std::string("\0\0\0\0\0", 5), std::string("\x08\0\0\0\0", 5),
                                  std::string("\x04\0\0\xff\xff", 5), std::string("HTTP/1.1 400")}) {
    FrameReader reader;
    reader.Add(text);
    EXPECT_TRUE(absl::IsDataLoss(reader.Next().status()));
  }
}

TEST(Frames, BodiesThatSayNothing) {
  EXPECT_FALSE(ReadOpen({Frame::kOpen, 1, "1234"}).has_value());
  EXPECT_FALSE(ReadOpen({Frame::kData, 1, "12345"}).has_value());
  EXPECT_FALSE(ReadTaken({Frame::kTaken, 1, "123"}).has_value());
  EXPECT_FALSE(ReadFailed({Frame::kFailed, 1, ""}).ok());
}

TEST(Frames, AFailureKeepsItsCodeWhereThatSaysSomethingOfTheTarget) {
  const auto there_and_back = [](const absl::Status& status) {
    FrameReader reader;
    reader.Add(FailedFrame(3, status));
    return ReadFailed(Next(&reader));
  };
  for (const absl::Status& status : {absl::UnavailableError("cannot connect: Connection refused"),
                                     absl::DeadlineExceededError("no answer to a TCP connection"),
                                     absl::NotFoundError("this machine cannot resolve the name x")}) {
    EXPECT_EQ(there_and_back(status), status);
  }
  EXPECT_EQ(there_and_back(absl::AbortedError("x")), absl::UnknownError("x"));
  EXPECT_EQ(there_and_back(absl::UnavailableError("a\x1b[31m\nb")).message(), "a\\x1b[31m\\x0ab");
  EXPECT_LE(there_and_back(absl::UnknownError(std::string(1 << 20, 'x'))).message().size(), 1024u);
}

}  // namespace
}  // namespace kplan
