#include "src/remote/tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "src/remote/stream_mux.h"

namespace kplan {
namespace {

// For what is said to get there and back, beside what the target may take.
constexpr absl::Duration kWayThere = absl::Seconds(15);

class Tunnel : public Dialer {
 public:
  explicit Tunnel(std::vector<HostPort> targets) : targets_(std::move(targets)) {}

  ~Tunnel() override {
    if (mux_ != nullptr) mux_->Stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Open(BeginSession begin) {
    auto begun = std::make_shared<std::promise<absl::Status>>();
    std::future<absl::Status> answer = begun->get_future();
    thread_ = std::thread([this, begin = std::move(begin), begun] { Keep(begin, begun.get()); });
    return answer.get();
  }

  absl::StatusOr<Connection> Dial(const HostPort& target, absl::Duration timeout) override {
    const auto place = std::find_if(targets_.begin(), targets_.end(), [&](const HostPort& it) {
      return it.host == target.host && it.port == target.port;
    });
    if (place == targets_.end()) return absl::InternalError("no target of this session");
    auto dial = std::make_shared<OneDial>();
    std::future<absl::Status> answer = dial->promise.get_future();
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
      return ErrnoStatus(errno, "cannot make a pair of sockets");
    UniqueFd ours(ends[0]);
    dial->fd = UniqueFd(ends[1]);
    dial->note = std::make_shared<CutNote>();
    const size_t index = place - targets_.begin();
    const Asked asked(this, dial);
    Post([this, dial, index, timeout] { Begin(dial, index, timeout); });
    if (answer.wait_for(absl::ToChronoMilliseconds(timeout + kWayThere)) != std::future_status::ready) {
      Post([this, dial] { GiveUp(dial); });
      return absl::AbortedError("the agent there does not answer");
    }
    if (absl::Status status = answer.get(); !status.ok()) return status;
    return Connection{std::move(ours), [note = dial->note] { return note->Get(); }};
  }

 private:
  // A connection that is asked for.
  struct OneDial {
    std::promise<absl::Status> promise;
    std::atomic<bool> answered{false};
    UniqueFd fd;
    std::shared_ptr<CutNote> note;
    std::optional<uint16_t> stream;

    void Answer(absl::Status status) {
      if (!answered.exchange(true)) promise.set_value(std::move(status));
    }
  };

  // DIAL is among those that hear of the session's end, as long as this exists.
  class Asked {
   public:
    Asked(Tunnel* tunnel, std::shared_ptr<OneDial> dial) : tunnel_(tunnel), dial_(std::move(dial)) {
      std::lock_guard<std::mutex> lock(tunnel_->mutex_);
      if (tunnel_->ended_) dial_->Answer(Ended());
      tunnel_->asked_.insert(dial_.get());
    }
    ~Asked() {
      std::lock_guard<std::mutex> lock(tunnel_->mutex_);
      tunnel_->asked_.erase(dial_.get());
    }

   private:
    Tunnel* const tunnel_;
    const std::shared_ptr<OneDial> dial_;
  };

  static absl::Status Ended() { return absl::AbortedError("the session with the host ended"); }

  // Has the session's thread do WORK, unless it has ended.
  void Post(std::function<void()> work) { mux_->Post(std::move(work)); }

  // The session's thread.
  void Keep(const BeginSession& begin, std::promise<absl::Status>* begun) {
    absl::StatusOr<CarrierSession> session = begin();
    if (!session.ok()) return begun->set_value(session.status());
    absl::StatusOr<std::unique_ptr<StreamMux>> mux =
        StreamMux::Make(session->out, session->in, [this](const Frame& frame) { return Hear(frame); });
    if (!mux.ok()) return begun->set_value(mux.status());
    mux_ = *std::move(mux);
    begun->set_value(absl::OkStatus());
    // What went wrong, every connection and every dial that is not done is told.
    mux_->Run(session->heard).IgnoreError();
    session->end();
    std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    for (OneDial* dial : asked_) dial->Answer(Ended());
  }

  void Begin(const std::shared_ptr<OneDial>& dial, size_t index, absl::Duration timeout) {
    if (mux_->count() + dialling_.size() >= kMaxStreams)
      return dial->Answer(absl::AbortedError("too many connections at a time"));
    while (mux_->Has(next_) || dialling_.count(next_) != 0) ++next_;
    dial->stream = next_++;
    dialling_[*dial->stream] = dial;
    mux_->Say(OpenFrame(*dial->stream, index, static_cast<uint32_t>(absl::ToInt64Milliseconds(timeout))));
  }

  void GiveUp(const std::shared_ptr<OneDial>& dial) {
    if (!dial->stream.has_value() || dialling_.erase(*dial->stream) == 0) return;
    mux_->Say(FrameText(Frame::kClose, *dial->stream));
  }

  absl::Status Hear(const Frame& frame) {
    if (frame.kind == Frame::kOpen) return absl::DataLossError("an agent does not ask for connections");
    auto found = dialling_.find(frame.stream);
    // It was given up.
    if (frame.kind == Frame::kClose || found == dialling_.end()) return absl::OkStatus();
    const std::shared_ptr<OneDial> dial = found->second;
    dialling_.erase(found);
    if (frame.kind == Frame::kFailed) {
      dial->Answer(ReadFailed(frame));
      return absl::OkStatus();
    }
    mux_->Adopt(frame.stream, std::move(dial->fd), dial->note);
    dial->Answer(absl::OkStatus());
    return absl::OkStatus();
  }

  const std::vector<HostPort> targets_;
  std::thread thread_;
  std::unique_ptr<StreamMux> mux_;
  std::mutex mutex_;
  bool ended_ = false;
  std::set<OneDial*> asked_;
  // Of the session's thread alone:
  uint16_t next_ = 0;
  std::map<uint16_t, std::shared_ptr<OneDial>> dialling_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Dialer>> OpenTunnel(BeginSession begin, std::vector<HostPort> targets) {
  if (targets.size() > kMaxDialTargets)
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxDialTargets, " targets of one session"));
  auto tunnel = std::make_unique<Tunnel>(std::move(targets));
  if (absl::Status status = tunnel->Open(std::move(begin)); !status.ok()) return status;
  return std::unique_ptr<Dialer>(std::move(tunnel));
}

}  // namespace kplan
