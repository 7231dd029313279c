#include "src/remote/stream_frames.h"

#include <utility>

#include "src/base/text.h"

namespace kplan {
namespace {

constexpr size_t kHeader = 5;
constexpr size_t kMaxText = 1024;

void AppendNumber(size_t number, int bytes, std::string* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out->push_back(static_cast<char>(number >> shift));
}

uint32_t NumberAt(absl::string_view text, size_t at, size_t bytes) {
  uint32_t number = 0;
  for (size_t i = at; i < at + bytes; ++i) number = number << 8 | static_cast<unsigned char>(text[i]);
  return number;
}

}  // namespace

std::string FrameText(Frame::Kind kind, uint16_t stream, absl::string_view body) {
  std::string text;
  text.reserve(kHeader + body.size());
  AppendNumber(kind, 1, &text);
  AppendNumber(stream, 2, &text);
  AppendNumber(body.size(), 2, &text);
  text.append(body.data(), body.size());
  return text;
}

std::string OpenFrame(uint16_t stream, size_t target, uint32_t milliseconds) {
  std::string body;
  AppendNumber(target, 1, &body);
  AppendNumber(milliseconds, 4, &body);
  return FrameText(Frame::kOpen, stream, body);
}

std::string FailedFrame(uint16_t stream, const absl::Status& error) {
  std::string body;
  AppendNumber(static_cast<size_t>(error.code()), 1, &body);
  const absl::string_view message = error.message().substr(0, kMaxText);
  body.append(message.data(), message.size());
  return FrameText(Frame::kFailed, stream, body);
}

std::string TakenFrame(uint16_t stream, size_t bytes) {
  std::string body;
  AppendNumber(bytes, 4, &body);
  return FrameText(Frame::kTaken, stream, body);
}

absl::StatusOr<std::optional<Frame>> FrameReader::Next() {
  const absl::string_view left = absl::string_view(heard_).substr(used_);
  const uint32_t kind = left.size() < kHeader ? uint32_t{Frame::kData} : NumberAt(left, 0, 1);
  const size_t size = left.size() < kHeader ? 0 : NumberAt(left, 3, 2);
  if (kind < Frame::kOpen || kind > Frame::kTaken || size > kMaxFrame)
    return absl::DataLossError("what no kplan of this version says");
  if (left.size() < kHeader + size) {
    heard_.erase(0, used_);
    used_ = 0;
    return std::optional<Frame>();
  }
  Frame frame;
  frame.kind = static_cast<Frame::Kind>(kind);
  frame.stream = static_cast<uint16_t>(NumberAt(left, 1, 2));
  frame.body = std::string(left.substr(kHeader, size));
  used_ += kHeader + size;
  return std::optional<Frame>(std::move(frame));
}

std::optional<OpenOrder> ReadOpen(const Frame& frame) {
  if (frame.kind != Frame::kOpen || frame.body.size() != 5) return std::nullopt;
  return OpenOrder{NumberAt(frame.body, 0, 1), NumberAt(frame.body, 1, 4)};
}

std::optional<uint32_t> ReadTaken(const Frame& frame) {
  if (frame.kind != Frame::kTaken || frame.body.size() != 4) return std::nullopt;
  return NumberAt(frame.body, 0, 4);
}

absl::Status ReadFailed(const Frame& frame) {
  if (frame.body.empty()) return absl::UnknownError("it does not say why");
  const auto code = static_cast<absl::StatusCode>(NumberAt(frame.body, 0, 1));
  std::string text = Shown(absl::string_view(frame.body).substr(1, kMaxText));
  switch (code) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kNotFound:
      return absl::Status(code, std::move(text));
    default:
      return absl::UnknownError(std::move(text));
  }
}

}  // namespace kplan
