#ifndef KPLAN_REMOTE_STREAM_FRAMES_H_
#define KPLAN_REMOTE_STREAM_FRAMES_H_

// How many connections share one session with an agent: what kplan and its agent say to each other after the
// answer to a request "dial" (agent_protocol.h), in frames both ways, over which no more is known than bytes:
//
//   1 byte    kind
//   2 bytes   stream, a number that kplan chooses         (in network order, as all numbers are)
//   2 bytes   size of what follows, at most kMaxFrame
//
// A stream begins with kOpen, which names its target by the place in the request's list: no other can be
// named. Each side may send kWindow bytes of a stream before the other has said (kTaken) that it passed them
// on, so that one slow reader holds up nobody else, and keeps no more than that in memory.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

inline constexpr size_t kMaxFrame = 16 << 10;
inline constexpr size_t kWindow = 256 << 10;
inline constexpr size_t kMaxStreams = 64;       // at a time
inline constexpr size_t kMaxDialTargets = 256;  // of a session

struct Frame {
  enum Kind : uint8_t {
    kOpen = 1,    // kplan: place of the target (1 byte), how long it may take (4 bytes, milliseconds)
    kOpened = 2,  // agent: it is connected
    kFailed = 3,  // agent: it is not; a code (absl::StatusCode, 1 byte) and a text. The stream has ended
    kData = 4,    // bytes of the connection
    kEnd = 5,     // no more bytes come from this side; with a text: the connection broke, and why
    kClose = 6,   // nor is anything read any more. The stream has ended, for who says so and for who hears it
    kTaken = 7,   // so many bytes (4 bytes) of this side's stream have been passed on
  };
  Kind kind = kData;
  uint16_t stream = 0;
  std::string body;
};

std::string FrameText(Frame::Kind kind, uint16_t stream, absl::string_view body = "");
std::string OpenFrame(uint16_t stream, size_t target, uint32_t milliseconds);
std::string FailedFrame(uint16_t stream, const absl::Status& error);
std::string TakenFrame(uint16_t stream, size_t bytes);

// Takes frames out of bytes as they come.
class FrameReader {
 public:
  void Add(absl::string_view bytes) { heard_.append(bytes.data(), bytes.size()); }
  // The next whole one; nothing when more bytes are needed. DataLoss when these are no frames.
  absl::StatusOr<std::optional<Frame>> Next();

 private:
  std::string heard_;
  size_t used_ = 0;
};

// What the body of a frame says; nothing when it says none of that.
struct OpenOrder {
  size_t target = 0;
  uint32_t milliseconds = 0;
};
std::optional<OpenOrder> ReadOpen(const Frame& frame);
std::optional<uint32_t> ReadTaken(const Frame& frame);
// Never OK. Its text is harmless for a terminal.
absl::Status ReadFailed(const Frame& frame);

}  // namespace kplan

#endif  // KPLAN_REMOTE_STREAM_FRAMES_H_
