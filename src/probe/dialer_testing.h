#ifndef KPLAN_PROBE_DIALER_TESTING_H_
#define KPLAN_PROBE_DIALER_TESTING_H_

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/base/dialer.h"

namespace kplan {

// Gives the other ends of its connections to the test.
class TestDialer : public Dialer {
 public:
  absl::StatusOr<Connection> Dial(const HostPort& target, absl::Duration) override {
    if (!failure_.ok()) return failure_;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) abort();
    const std::string hello = absl::StrCat("this is ", target.host, "\n");
    EXPECT_EQ(write(ends[1], hello.data(), hello.size()), static_cast<ssize_t>(hello.size()));
    shutdown(ends[1], SHUT_WR);
    others_.emplace_back(ends[1]);
    return Connection{UniqueFd(ends[0])};
  }
  bool IsFromHere(const HostPort& target) const override { return target.host == "10.0.0.9"; }

  absl::Status failure_;
  std::vector<UniqueFd> others_;
};

}  // namespace kplan

#endif  // KPLAN_PROBE_DIALER_TESTING_H_
