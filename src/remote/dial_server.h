#ifndef KPLAN_REMOTE_DIAL_SERVER_H_
#define KPLAN_REMOTE_DIAL_SERVER_H_

// The agent's end of connections by way of its host.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "src/base/url.h"

namespace kplan {

// Connects to those of TARGETS that kplan, at the other end of the descriptors IN and OUT, asks for, and to
// nobody else, and carries the bytes (stream_frames.h), until IN ends. An error: kplan says what it may not.
absl::Status ServeDials(int in, int out, const std::vector<HostPort>& targets);

}  // namespace kplan

#endif  // KPLAN_REMOTE_DIAL_SERVER_H_
