#include "src/remote/dial_server.h"

#include <errno.h>
#include <fcntl.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "src/base/dialer.h"
#include "src/probe/listening.h"
#include "src/remote/stream_mux.h"

namespace kplan {
namespace {

constexpr absl::Duration kLongestDial = absl::Seconds(30);

// FD without waits, as long as this exists.
class NonBlocking {
 public:
  explicit NonBlocking(int fd) : fd_(fd), flags_(fcntl(fd, F_GETFL)) {
    if (flags_ >= 0) fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK);
  }
  ~NonBlocking() {
    if (flags_ >= 0) fcntl(fd_, F_SETFL, flags_);
  }

 private:
  const int fd_, flags_;
};

class Server {
 public:
  explicit Server(const std::vector<HostPort>& targets) : targets_(targets) {}
  ~Server() {
    for (auto& [number, thread] : threads_) thread.join();
  }

  absl::Status Serve(int in, int out) {
    absl::StatusOr<std::unique_ptr<StreamMux>> mux =
        StreamMux::Make(in, out, [this](const Frame& frame) { return Hear(frame); });
    if (!mux.ok()) return mux.status();
    mux_ = *std::move(mux);
    return mux_->Run();
  }

 private:
  absl::Status Hear(const Frame& frame) {
    if (frame.kind == Frame::kClose) {
      dialling_.erase(frame.stream);
      return absl::OkStatus();
    }
    const std::optional<OpenOrder> order = ReadOpen(frame);
    if (!order.has_value() || order->target >= targets_.size() || mux_->Has(frame.stream) ||
        dialling_.count(frame.stream) != 0)
      return absl::DataLossError("a connection that may not be asked for");
    if (mux_->count() + threads_.size() >= kMaxStreams) {
      mux_->Say(FailedFrame(frame.stream, absl::UnknownError("too many connections at a time")));
      return absl::OkStatus();
    }
    Begin(frame.stream, targets_[order->target], absl::Milliseconds(order->milliseconds));
    return absl::OkStatus();
  }

  // In a thread of its own: a name may have to be looked up, and the other side may say nothing.
  void Begin(uint16_t stream, const HostPort& target, absl::Duration timeout) {
    const int number = ++dials_;
    dialling_[stream] = number;
    threads_[number] = std::thread([this, stream, number, target, timeout] {
      auto made = std::make_shared<absl::StatusOr<Connection>>(
          DialFromHere(target, absl::Now() + std::min(timeout, kLongestDial)));
      mux_->Post([this, stream, number, made] { End(stream, number, made.get()); });
    });
  }

  void End(uint16_t stream, int number, absl::StatusOr<Connection>* made) {
    threads_[number].join();
    threads_.erase(number);
    auto dialling = dialling_.find(stream);
    // Nobody waits for it any more.
    if (dialling == dialling_.end() || dialling->second != number) return;
    dialling_.erase(dialling);
    if (!made->ok()) return mux_->Say(FailedFrame(stream, made->status()));
    mux_->Say(FrameText(Frame::kOpened, stream));
    mux_->Adopt(stream, std::move((*made)->fd), nullptr);
  }

  const std::vector<HostPort>& targets_;
  std::unique_ptr<StreamMux> mux_;
  int dials_ = 0;
  std::map<uint16_t, int> dialling_;    // the number of the dial of a stream that is wanted
  std::map<int, std::thread> threads_;  // by that number
};

}  // namespace

absl::Status ServeDials(int in, int out, const std::vector<HostPort>& targets) {
  const NonBlocking quick_in(in), quick_out(out);
  return Server(targets).Serve(in, out);
}

}  // namespace kplan
