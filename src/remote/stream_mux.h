#ifndef KPLAN_REMOTE_STREAM_MUX_H_
#define KPLAN_REMOTE_STREAM_MUX_H_

// Either end of a session that carries connections (stream_frames.h): bytes go between the session, the
// carrier, and the socket of each stream. How a stream begins is for its two users: dial_server.h, tunnel.h.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/fd.h"
#include "src/remote/stream_frames.h"

namespace kplan {

// Why the stream of a socket ended, where that was not in order. Written here, read by whoever has the other
// end of the socket.
class CutNote {
 public:
  void Set(std::string why);
  std::string Get() const;

 private:
  mutable std::mutex mutex_;
  std::string why_;
};

class StreamMux {
 public:
  // What is not about the bytes of a stream: kOpen, kOpened, kFailed. Called by Run(). An error ends Run().
  using OnControl = std::function<absl::Status(const Frame&)>;

  // IN and OUT, the carrier, are non-blocking, and stay open for as long as Run() is at work.
  static absl::StatusOr<std::unique_ptr<StreamMux>> Make(int in, int out, OnControl on_control);

  // HEARD: what was read from the carrier before. OK when the carrier's input ended, or Stop() was said; an
  // error when the other side says what it may not. Every stream has ended then, and its note says so.
  absl::Status Run(absl::string_view heard = "");

  // From any thread: Run() returns; Run() does WORK. Nothing when it has returned already.
  void Stop();
  void Post(std::function<void()> work);

  // Of what Run() calls alone:

  // Carries the bytes of FD, a stream socket, as STREAM.
  void Adopt(uint16_t stream, UniqueFd fd, std::shared_ptr<CutNote> note);
  bool Has(uint16_t stream) const { return streams_.count(stream) != 0; }
  size_t count() const { return streams_.size(); }
  void Say(absl::string_view frame) { out_text_.append(frame.data(), frame.size()); }

 private:
  struct Stream {
    UniqueFd fd;
    std::shared_ptr<CutNote> note;
    std::string to_fd;         // from the other side, and not written yet
    size_t credit = kWindow;   // how many bytes of fd may be said
    bool read_ended = false;   // fd has no more, and that was said
    bool heard_end = false;    // the other side has no more
    bool heard_close = false;  // nor does it read any more
    bool shut = false;         // fd was told so
  };
  using Streams = std::map<uint16_t, Stream>;

  StreamMux(int in, int out, UniqueFd wake, OnControl on_control)
      : in_(in), out_(out), wake_(std::move(wake)), on_control_(std::move(on_control)) {}

  bool Poll();
  bool DoPosted();
  bool ReadCarrier();
  bool WriteCarrier();
  absl::Status Hear(const Frame& frame);
  absl::Status HearFrames();
  // These return whether the stream goes on.
  bool ReadStream(uint16_t id, Stream* stream, bool gone);
  bool WriteStream(uint16_t id, Stream* stream);
  void EndAll(const std::string& why);

  const int in_, out_;
  const UniqueFd wake_;
  const OnControl on_control_;
  FrameReader reader_;
  std::string out_text_;  // to be written to out_
  Streams streams_;

  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool stopped_ = false;
};

}  // namespace kplan

#endif  // KPLAN_REMOTE_STREAM_MUX_H_
