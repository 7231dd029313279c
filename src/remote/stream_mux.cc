#include "src/remote/stream_mux.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace kplan {
namespace {

// While so much waits to be written to the carrier, no stream is read.
constexpr size_t kMostWaiting = 256 << 10;

bool IsForLater(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

void CutNote::Set(std::string why) {
  std::lock_guard<std::mutex> lock(mutex_);
  why_ = std::move(why);
}

std::string CutNote::Get() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return why_;
}

absl::StatusOr<std::unique_ptr<StreamMux>> StreamMux::Make(int in, int out, OnControl on_control) {
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.ok()) return ErrnoStatus(errno, "cannot make an event");
  return std::unique_ptr<StreamMux>(new StreamMux(in, out, std::move(wake), std::move(on_control)));
}

void StreamMux::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  eventfd_write(wake_.get(), 1);
}

void StreamMux::Post(std::function<void()> work) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    posted_.push_back(std::move(work));
  }
  eventfd_write(wake_.get(), 1);
}

// False: Stop() was said.
bool StreamMux::DoPosted() {
  eventfd_t count;
  eventfd_read(wake_.get(), &count);
  std::vector<std::function<void()>> posted;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) return false;
    posted.swap(posted_);
  }
  for (const std::function<void()>& work : posted) work();
  return true;
}

void StreamMux::Adopt(uint16_t stream, UniqueFd fd, std::shared_ptr<CutNote> note) {
  Stream& made = streams_[stream];
  made.fd = std::move(fd);
  made.note = std::move(note);
}

absl::Status StreamMux::Run(absl::string_view heard) {
  reader_.Add(heard);
  absl::Status status = HearFrames();
  while (status.ok() && Poll()) status = HearFrames();
  EndAll(status.ok() ? "the session that carried it ended" : std::string(status.message()));
  return status;
}

void StreamMux::EndAll(const std::string& why) {
  for (auto& [id, stream] : streams_) {
    if (stream.note != nullptr && !stream.heard_end) stream.note->Set(why);
  }
  streams_.clear();
}

// Waits until something can be done, and does that. False when the carrier has ended, or Stop() was said.
bool StreamMux::Poll() {
  std::vector<struct pollfd> fds = {{wake_.get(), POLLIN, 0}, {in_, POLLIN, 0}};
  if (!out_text_.empty()) fds.push_back({out_, POLLOUT, 0});
  const size_t first = fds.size();
  std::vector<uint16_t> ids;
  for (const auto& [id, stream] : streams_) {
    short events = 0;  // NOLINT(runtime/int): poll's type
    if (!stream.read_ended && stream.credit > 0 && out_text_.size() < kMostWaiting) events |= POLLIN;
    if (!stream.to_fd.empty()) events |= POLLOUT;
    // One that neither may be read nor written would only be told of again and again that it has ended.
    if (events == 0 && !stream.read_ended) continue;
    fds.push_back({stream.fd.get(), events, 0});
    ids.push_back(id);
  }
  if (poll(fds.data(), fds.size(), -1) < 0) return errno == EINTR;
  for (size_t i = 0; i < ids.size(); ++i) {
    auto found = streams_.find(ids[i]);
    const struct pollfd& fd = fds[first + i];
    if (fd.revents == 0) continue;
    const bool gone = (fd.revents & (POLLHUP | POLLERR)) != 0;
    bool goes_on = (fd.events & POLLOUT) == 0 || WriteStream(ids[i], &found->second);
    if (goes_on && ((fd.events & POLLIN) != 0 || found->second.read_ended))
      goes_on = ReadStream(ids[i], &found->second, gone);
    if (!goes_on) streams_.erase(found);
  }
  // Last, what may take streams away or bring new ones.
  if (fds[0].revents != 0 && !DoPosted()) return false;
  if (!out_text_.empty() && !WriteCarrier()) return false;
  return fds[1].revents == 0 || ReadCarrier();
}

// GONE: nobody has the other end of its socket any more, or it is broken.
bool StreamMux::ReadStream(uint16_t id, Stream* stream, bool gone) {
  if (stream->read_ended) {
    if (gone) Say(FrameText(Frame::kClose, id));
    return !gone;
  }
  char block[kMaxFrame];
  const ssize_t n = recv(stream->fd.get(), block, std::min(sizeof(block), stream->credit), MSG_DONTWAIT);
  if (n > 0) {
    stream->credit -= n;
    Say(FrameText(Frame::kData, id, absl::string_view(block, n)));
    return true;
  }
  if (n < 0 && IsForLater(errno)) return true;
  Say(FrameText(Frame::kEnd, id, n < 0 ? strerror(errno) : ""));
  stream->read_ended = true;
  if (n == 0 && !gone && !(stream->heard_end && stream->to_fd.empty())) return true;
  Say(FrameText(Frame::kClose, id));
  return false;
}

// Passes on what the other side said, its end included.
bool StreamMux::WriteStream(uint16_t id, Stream* stream) {
  while (!stream->to_fd.empty()) {
    const ssize_t n =
        send(stream->fd.get(), stream->to_fd.data(), stream->to_fd.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && IsForLater(errno)) return true;
    // Nobody reads there: what it still says is read.
    const size_t taken = n < 0 ? stream->to_fd.size() : static_cast<size_t>(n);
    stream->to_fd.erase(0, taken);
    Say(TakenFrame(id, taken));
  }
  if (stream->heard_close) return false;
  if (!stream->heard_end) return true;
  if (!stream->shut) shutdown(stream->fd.get(), SHUT_WR);
  stream->shut = true;
  if (!stream->read_ended) return true;
  Say(FrameText(Frame::kClose, id));
  return false;
}

bool StreamMux::ReadCarrier() {
  char block[64 << 10];
  const ssize_t n = read(in_, block, sizeof(block));
  if (n > 0) reader_.Add(absl::string_view(block, n));
  return n > 0 || (n < 0 && IsForLater(errno));
}

bool StreamMux::WriteCarrier() {
  const ssize_t n = write(out_, out_text_.data(), out_text_.size());
  if (n > 0) out_text_.erase(0, n);
  return n >= 0 || IsForLater(errno);
}

absl::Status StreamMux::HearFrames() {
  for (;;) {
    absl::StatusOr<std::optional<Frame>> frame = reader_.Next();
    if (!frame.ok()) return frame.status();
    if (!frame->has_value()) return absl::OkStatus();
    if (absl::Status status = Hear(**frame); !status.ok()) return status;
  }
}

absl::Status StreamMux::Hear(const Frame& frame) {
  if (frame.kind == Frame::kOpen || frame.kind == Frame::kOpened || frame.kind == Frame::kFailed)
    return on_control_(frame);
  auto found = streams_.find(frame.stream);
  // Said before the other side heard that it has ended.
  if (found == streams_.end()) return frame.kind == Frame::kClose ? on_control_(frame) : absl::OkStatus();
  Stream& stream = found->second;
  if (frame.kind == Frame::kTaken) {
    const std::optional<uint32_t> taken = ReadTaken(frame);
    if (!taken.has_value() || *taken > kWindow - stream.credit)
      return absl::DataLossError("more was taken than sent");
    stream.credit += *taken;
    return absl::OkStatus();
  }
  if (frame.kind == Frame::kData) {
    if (stream.heard_end || stream.to_fd.size() + frame.body.size() > kWindow)
      return absl::DataLossError("more is sent than may be");
    stream.to_fd += frame.body;
  } else {
    if (frame.kind == Frame::kEnd && !frame.body.empty() && stream.note != nullptr)
      stream.note->Set(frame.body);
    stream.heard_end = true;
    stream.heard_close = stream.heard_close || frame.kind == Frame::kClose;
  }
  if (!WriteStream(frame.stream, &stream)) streams_.erase(found);
  return absl::OkStatus();
}

}  // namespace kplan
