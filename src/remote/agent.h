#ifndef KPLAN_REMOTE_AGENT_H_
#define KPLAN_REMOTE_AGENT_H_

// The other end of a remote step: kplan on the host, started by ssh for one request.

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "src/remote/agent_protocol.h"

namespace kplan {

// Says that it is there, reads one request from the descriptor IN, does it and answers on OUT
// (agent_protocol.h). PROGRAM: where the agent itself is, in the folder that it works in (agent_home.h). An
// error is one of the conversation; that of a request is an answer. When IN ends before the answer, so does
// this process: nobody waits for it any more, and every write is whole or not there.
//
// While it is at work it says so every BUSY_EVERY. Changes the working folder of the process.
absl::Status ServeAgent(int in, int out, const std::string& program, absl::Duration busy_every = kBusyEvery);

}  // namespace kplan

#endif  // KPLAN_REMOTE_AGENT_H_
