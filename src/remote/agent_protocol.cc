#include "src/remote/agent_protocol.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/digest.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/remote/stream_frames.h"

namespace kplan {
namespace {

constexpr size_t kMaxMessage = 64 << 10;
constexpr size_t kMaxReason = 4096;
constexpr size_t kMaxPath = 4096;
constexpr size_t kMaxName = 1024;

struct VerbName {
  Request::Verb verb;
  const char* name;
};
constexpr VerbName kVerbs[] = {{Request::Verb::kClaim, "claim"},
                               {Request::Verb::kSend, "send"},
                               {Request::Verb::kStep, "step"},
                               {Request::Verb::kAsk, "ask"},
                               {Request::Verb::kDial, "dial"}};

struct CodeName {
  absl::StatusCode code;
  const char* name;
};
// Those that an answer may have. Any other is told as "unknown".
constexpr CodeName kCodes[] = {{absl::StatusCode::kInvalidArgument, "invalid-argument"},
                               {absl::StatusCode::kDeadlineExceeded, "deadline-exceeded"},
                               {absl::StatusCode::kNotFound, "not-found"},
                               {absl::StatusCode::kAlreadyExists, "already-exists"},
                               {absl::StatusCode::kPermissionDenied, "permission-denied"},
                               {absl::StatusCode::kResourceExhausted, "resource-exhausted"},
                               {absl::StatusCode::kFailedPrecondition, "failed-precondition"},
                               {absl::StatusCode::kAborted, "aborted"},
                               {absl::StatusCode::kOutOfRange, "out-of-range"},
                               {absl::StatusCode::kUnimplemented, "unimplemented"},
                               {absl::StatusCode::kInternal, "internal"},
                               {absl::StatusCode::kUnavailable, "unavailable"},
                               {absl::StatusCode::kDataLoss, "data-loss"},
                               {absl::StatusCode::kUnauthenticated, "unauthenticated"},
                               {absl::StatusCode::kUnknown, "unknown"}};

// Text that is no UTF-8 would be an exception.
std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// What the agent says after a request: one of these.
struct Answer {
  struct Error {
    std::string code, message;

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("code", self.code);
      fields.Always("message", self.message);
    }
  };
  std::optional<Error> error;
  std::optional<std::vector<int64_t>> need;
  std::optional<Json> ok;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Optional("error", self.error);
    fields.Optional("need", self.need);
    fields.Optional("ok", self.ok);
  }
};

// What is told of a StepResult.
struct ResultTold {
  std::string digest, output, reason, waiting;
  bool runs_on = false;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("digest", self.digest);
    fields.Always("output", self.output);
    fields.Always("reason", self.reason);
    fields.Optional("runs-on", self.runs_on);
    fields.Optional("waiting", self.waiting);
  }
};

absl::StatusOr<Json> ParseObject(absl::string_view line) {
  if (line.size() > kMaxLine) return absl::InvalidArgumentError("a line that is too long");
  absl::StatusOr<Json> json = ParseJson(line);
  if (!json.ok()) return absl::InvalidArgumentError(json.status().message());
  if (!json->is_object()) return absl::InvalidArgumentError("no JSON object");
  return json;
}

absl::Status Strange(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("not what a kplan of this version asks: ", what));
}

// "a/b", without a component that leads out or is none.
bool IsInside(absl::string_view path) {
  if (path.empty() || path.size() > kMaxPath || absl::StrContains(path, '\0')) return false;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

// Whether TEXT can be put into a file and a message as it is.
bool IsCalm(const std::string& text) { return Shown(text) == text; }

bool IsAbsolute(absl::string_view path) {
  return absl::StartsWith(path, "/") && path.size() <= kMaxPath && !absl::StrContains(path, '\0');
}

absl::Status CheckSource(const SentFile& file) {
  if (file.size < 0 || file.size > kMaxSourceSize) return Strange("size");
  if (!IsInside(file.path)) return Strange("a source outside the working folder");
  if (!IsAbsolute(file.target) || !IsInside(file.target.substr(1))) return Strange("target");
  if (!IsSha256Hex(file.sha256)) return Strange("sha256");
  return absl::OkStatus();
}

absl::Status CheckRequest(const Request& request) {
  if (!IsAbsolute(request.root)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the root of a host with an agent has to be absolute, and ",
                     Quote(request.root.substr(0, kMaxPath)), " is not"));
  }
  for (const std::string* name : {&request.cluster, &request.host, &request.manager, &request.claim}) {
    if (name->size() > kMaxName) return Strange("a name that is too long");
    if (!IsCalm(*name)) return Strange("a name with control characters");
  }
  if (!IsCalm(request.label)) return Strange("a label with control characters");
  if (request.label.size() > kMaxPath) return Strange("a label that is too long");
  const bool has_record = request.verb == Request::Verb::kStep || request.verb == Request::Verb::kAsk;
  if (has_record && !request.record.is_object()) return Strange("record");
  if (request.targets.size() > kMaxDialTargets) return Strange("targets");
  for (const std::string& target : request.targets) {
    absl::StatusOr<HostPort> parsed = ParseHostPort(target);
    if (!parsed.ok() || !OnlyAlnumAnd(parsed->host, ".-_:"))
      return Strange("a target that is no address and port");
  }
  if (request.sources.size() > kMaxSources) return Strange("sources");
  for (const SentFile& file : request.sources) {
    if (absl::Status status = CheckSource(file); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

void AppendValue(Request::Verb verb, std::string* out) {
  for (const VerbName& known : kVerbs) {
    if (known.verb == verb) AppendValue(std::string(known.name), out);
  }
}

bool ReadValue(const Json& json, Request::Verb* verb) {
  for (const VerbName& known : kVerbs) {
    if (json != known.name) continue;
    *verb = known.verb;
    return true;
  }
  return false;
}

std::string Request::ToLine() const { return ToText(*this); }

absl::StatusOr<Request> ParseRequest(absl::string_view line) {
  absl::StatusOr<Json> json = ParseObject(line);
  if (!json.ok()) return Strange(json.status().message());
  Request request;
  request.protocol = 0;
  FieldReader reader(*json);
  Request::Visit(request, reader);
  if (request.protocol != kAgentProtocol) return Strange("protocol");
  if (!reader.wrong().empty()) return Strange(reader.wrong());
  if (absl::Status status = CheckRequest(request); !status.ok()) return status;
  return request;
}

Patience::Bounds BoundsOf(const Request& request) {
  constexpr int64_t kSlowestLink = 8 << 10;  // bytes a second
  Patience::Bounds bounds = {absl::Minutes(1), absl::Hours(1)};
  for (const SentFile& file : request.sources) bounds.total += absl::Seconds(file.size / kSlowestLink);
  int64_t timeout = 0;
  if (request.record.is_object() && request.record.contains("timeout") &&
      ReadValue(request.record["timeout"], &timeout) && timeout > 0) {
    bounds.total += absl::Seconds(timeout);
  }
  return bounds;
}

std::string NeedLine(const std::vector<size_t>& indices) {
  Answer answer;
  answer.need.emplace(indices.begin(), indices.end());
  return ToText(answer);
}

std::string OkLine(const Json& answer) { return Dump({{"ok", answer}}); }

std::string ErrorLine(const absl::Status& error) {
  const char* name = "unknown";
  for (const CodeName& known : kCodes) {
    if (known.code == error.code()) name = known.name;
  }
  Answer answer;
  answer.error = {name, ValidUtf8(std::string(error.message().substr(0, kMaxMessage)))};
  return ToText(answer);
}

namespace {

// WHY: what is wrong with LINE, when that is not the answer that it is.
absl::Status NoAnswer(absl::string_view line, absl::string_view why = "") {
  return absl::DataLossError(
      absl::StrCat("the agent there answers what no kplan says: ", Quote(line.substr(0, 200)),
                   why.empty() ? "" : absl::StrCat(" (", why, ")")));
}

// LINE, when it is an answer; the error that it is about.
absl::StatusOr<Answer> ReadAnswer(absl::string_view line) {
  absl::StatusOr<Json> json = ParseObject(line);
  if (!json.ok()) return NoAnswer(line, json.status().message());
  absl::StatusOr<Answer> answer = FromJson<Answer>(*json);
  if (!answer.ok()) return NoAnswer(line);
  if (!answer->error.has_value()) return answer;
  for (const CodeName& known : kCodes) {
    if (answer->error->code == known.name) return absl::Status(known.code, Harmless(answer->error->message));
  }
  return NoAnswer(line);
}

// JSON with the texts in it made harmless. Goes down as deep as JsonBounds allow.
Json HarmlessJson(const Json& json) {
  if (json.is_string()) return Harmless(json.get_ref<const std::string&>());
  Json harmless = json;
  if (json.is_array()) {
    for (Json& item : harmless) item = HarmlessJson(item);
  } else if (json.is_object()) {
    harmless = Json::object();
    for (const auto& [key, value] : json.items()) harmless[Shown(key)] = HarmlessJson(value);
  }
  return harmless;
}

}  // namespace

absl::StatusOr<Json> ParseAnswer(absl::string_view line) {
  absl::StatusOr<Answer> answer = ReadAnswer(line);
  if (!answer.ok()) return answer.status();
  if (!answer->ok.has_value() || !answer->ok->is_object()) return NoAnswer(line);
  return HarmlessJson(*answer->ok);
}

absl::StatusOr<std::vector<size_t>> ParseNeed(absl::string_view line, size_t count) {
  absl::StatusOr<Answer> answer = ReadAnswer(line);
  if (!answer.ok()) return answer.status();
  if (!answer->need.has_value() || answer->need->size() > count) return NoAnswer(line);
  std::vector<size_t> indices;
  for (const int64_t index : *answer->need) {
    if (index < 0 || static_cast<uint64_t>(index) >= count) return NoAnswer(line);
    const auto place = static_cast<size_t>(index);
    if (!indices.empty() && place <= indices.back()) return NoAnswer(line);
    indices.push_back(place);
  }
  return indices;
}

Json ResultJson(const StepResult& result) {
  return ToJson(ResultTold{result.digest, ValidUtf8(result.output), ValidUtf8(result.reason),
                           ValidUtf8(result.waiting), result.runs_on});
}

absl::StatusOr<StepResult> ParseResult(const Json& json, absl::string_view label) {
  absl::StatusOr<ResultTold> told = FromJson<ResultTold>(json);
  if (!told.ok() || !IsSha256Hex(told->digest)) return NoAnswer(Dump(json));
  StepResult result;
  result.digest = told->digest;
  const std::string own = absl::StrCat(label, ": ");
  for (absl::string_view line : absl::StrSplit(Harmless(told->output), '\n', absl::SkipEmpty())) {
    const bool told_apart = absl::StartsWith(line, own) || line[0] == ' ';
    absl::StrAppend(&result.output, told_apart ? "" : "  ", line, "\n");
  }
  result.reason = Shown(absl::string_view(told->reason).substr(0, kMaxReason));
  result.waiting = Shown(absl::string_view(told->waiting).substr(0, kMaxReason));
  result.runs_on = told->runs_on;
  return result;
}

std::string ValidUtf8(std::string text) {
  if (FindInvalidUtf8(text) == std::string::npos) return text;
  return Json::parse(Dump(Json(text))).get<std::string>();
}

std::string Harmless(absl::string_view text) { return ShownLines(text.substr(0, kMaxMessage)); }

}  // namespace kplan
