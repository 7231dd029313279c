#ifndef KPLAN_REMOTE_AGENT_PROTOCOL_H_
#define KPLAN_REMOTE_AGENT_PROTOCOL_H_

// What kplan and its agent on another machine say to each other, over one ssh session each time:
//
//   agent:  kplan-agent ready 1\n                        the number of the protocol
//   kplan:  {"protocol":1,"verb":"step",...}\n           one Request
//   agent:  {"need":[0,2]}\n                             which of its sources are not there yet
//   kplan:  the bytes of those, one after another; their sizes are in the request
//   agent:  {"ok":{...}}\n or {"error":{"code":"not-found","message":"..."}}\n
//
// An error may come at any time instead of what is expected. "need" is only said for a request that has
// sources. After {"ok":{}} to a "dial" the session goes on with frames (stream_frames.h). A line is canonical
// JSON in UTF-8 of at most kMaxLine bytes. As long as it is at work the agent says kBusyLine every
// kBusyEvery, so that a step may take its time, and a dead machine may not.
//
// Neither side believes the other: everything that is read is checked here, whole, before anybody looks at
// it.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/fields.h"
#include "src/base/patience.h"
#include "src/step/step.h"

namespace kplan {

inline constexpr int kAgentProtocol = 1;
inline constexpr size_t kMaxLine = 4 << 20;
inline constexpr size_t kMaxSources = 4096;
inline constexpr int64_t kMaxSourceSize = int64_t{16} << 30;  // a snapshot of etcd may have 8
// How a line begins that says whether there is an agent. What is before the first such line was printed by
// the login shell's start-up files, and is nobody's business.
inline constexpr char kAgentWord[] = "kplan-agent ";
inline constexpr char kBusyLine[] = "kplan-agent busy";
inline constexpr absl::Duration kBusyEvery = absl::Seconds(10);
// How long kplan waits for an agent to be there.
inline constexpr Patience::Bounds kGreetingBounds = {absl::Minutes(1), absl::Minutes(2)};

// A file of the working folder that a step of a host needs there.
struct SentFile {
  std::string path;    // relative to DIR: "pki/ca.pem"
  std::string target;  // where it goes, inside the host's root: "/etc/etcd/ca.pem"
  int64_t size = 0;
  std::string sha256;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("path", self.path);
    fields.Always("sha256", self.sha256);
    fields.Always("size", self.size);
    fields.Always("target", self.target);
  }

  friend bool operator==(const SentFile& a, const SentFile& b) {
    return a.path == b.path && a.target == b.target && a.size == b.size && a.sha256 == b.sha256;
  }
};

struct Request {
  enum class Verb {
    kClaim,  // what machine is this, and may this host of this cluster be on it
    kSend,   // have the sources in the spool, and nothing else
    kStep,   // do the step of `record`
    kAsk,    // answer the question in `record` (step/questions.h)
    kDial,   // carry connections to `targets`, and to nobody else
  };
  int protocol = kAgentProtocol;
  Verb verb = Verb::kAsk;
  std::string root;           // of the host: what is claimed; "/" or an absolute path
  std::string cluster, host;  // of a claim; of a question without `claim`, whose it has to be
  std::string manager;        // of a claim: the record's "manager"
  std::string claim;          // the id of the claim that must be there; not of a claim, nor of all questions
  std::string label;          // of a step
  Json record;                // of a step or a question: an object; else null
  std::vector<SentFile> sources;     // of a step or send
  std::vector<std::string> targets;  // of a dial: "10.0.0.11:2379" (base/url.h, ParseHostPort)

  std::string ToLine() const;  // without the line end

  // Which fields there are depends on the verb.
  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("protocol", self.protocol);
    fields.Always("verb", self.verb);
    fields.Always("root", self.root);
    if (self.verb == Verb::kClaim) {
      fields.Always("cluster", self.cluster);
      fields.Always("host", self.host);
      fields.Always("manager", self.manager);
      return;
    }
    fields.Always("claim", self.claim);
    if (self.verb == Verb::kDial) return fields.Always("targets", self.targets);
    if (self.verb == Verb::kAsk) {
      fields.Optional("cluster", self.cluster);
      fields.Optional("host", self.host);
    }
    if (self.verb == Verb::kStep) fields.Always("label", self.label);
    if (self.verb != Verb::kSend) fields.Always("record", self.record);
    if (self.verb != Verb::kAsk) fields.Always("sources", self.sources);
  }
};

// A verb stands in a request as a word: "step".
void AppendValue(Request::Verb verb, std::string* out);
bool ReadValue(const Json& json, Request::Verb* verb);

// How long kplan waits for the answer to REQUEST: for a sign of life a minute, and for all of it an hour,
// with what the record gives it (its "timeout") and what its sources take at 8 KiB/s on top.
Patience::Bounds BoundsOf(const Request& request);

// InvalidArgument when LINE is no request: another protocol, a missing or strange value, a source whose path
// leaves the folder, a root that is not absolute, a name that a terminal could act on.
absl::StatusOr<Request> ParseRequest(absl::string_view line);

std::string NeedLine(const std::vector<size_t>& indices);
std::string OkLine(const Json& answer);
std::string ErrorLine(const absl::Status& error);

// What the agent answers: the object behind "ok". The Status that it sent when it sent one; DataLoss when
// LINE is no answer. Everything in the texts of either that a terminal could act on is made harmless.
absl::StatusOr<Json> ParseAnswer(absl::string_view line);

// The indices behind "need": ascending and below COUNT. Errors as ParseAnswer.
absl::StatusOr<std::vector<size_t>> ParseNeed(absl::string_view line, size_t count);

// A StepResult without its files, which are the other machine's.
Json ResultJson(const StepResult& result);
// That of the step LABEL, from an answer. Its reason is one line; the lines of its output are told from those
// of others: each begins with LABEL or with blanks.
absl::StatusOr<StepResult> ParseResult(const Json& json, absl::string_view label);

// TEXT, which may be any bytes, as UTF-8, without which nothing can be said: U+FFFD stands for what is none.
std::string ValidUtf8(std::string text);

// TEXT for a person, at most 64 KiB of it, as ShownLines() has it.
std::string Harmless(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_REMOTE_AGENT_PROTOCOL_H_
