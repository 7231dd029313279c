#include "src/remote/agent_protocol.h"

#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/digest.h"
#include "src/base/text.h"

namespace kplan {
namespace {

constexpr size_t kMaxMessage = 64 << 10;
constexpr size_t kMaxPath = 4096;
constexpr size_t kMaxName = 1024;

struct VerbName {
  Request::Verb verb;
  const char* name;
};
constexpr VerbName kVerbs[] = {{Request::Verb::kClaim, "claim"},
                               {Request::Verb::kSend, "send"},
                               {Request::Verb::kStep, "step"},
                               {Request::Verb::kAsk, "ask"}};

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

absl::StatusOr<Json> ParseObject(absl::string_view line) {
  if (line.size() > kMaxLine) return absl::InvalidArgumentError("a line that is too long");
  Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InvalidArgumentError("no JSON object");
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

bool IsAbsolute(absl::string_view path) {
  return absl::StartsWith(path, "/") && path.size() <= kMaxPath && !absl::StrContains(path, '\0');
}

// A text in JSON at KEY; Strange when there is none that short.
absl::Status ReadText(const Json& json, const char* key, size_t max, std::string* text) {
  auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return Strange(key);
  *text = found->get<std::string>();
  return text->size() <= max ? absl::OkStatus() : Strange(key);
}

absl::StatusOr<SentFile> ReadSource(const Json& json) {
  if (!json.is_object()) return Strange("sources");
  SentFile file;
  for (const auto& [key, text] : {std::pair("path", &file.path), std::pair("target", &file.target),
                                  std::pair("sha256", &file.sha256)}) {
    if (absl::Status status = ReadText(json, key, kMaxPath, text); !status.ok()) return status;
  }
  auto size = json.find("size");
  if (size == json.end() || !size->is_number_integer()) return Strange("size");
  file.size = size->is_number_unsigned() && size->get<uint64_t>() > uint64_t{kMaxSourceSize}
                  ? -1
                  : size->get<int64_t>();
  if (file.size < 0 || file.size > kMaxSourceSize) return Strange("size");
  if (!IsInside(file.path)) return Strange("a source outside the working folder");
  if (!IsAbsolute(file.target) || !IsInside(file.target.substr(1))) return Strange("target");
  if (!IsSha256Hex(file.sha256)) return Strange("sha256");
  return file;
}

absl::Status ReadVerb(const Json& json, Request::Verb* verb) {
  std::string name;
  if (absl::Status status = ReadText(json, "verb", kMaxName, &name); !status.ok()) return status;
  for (const VerbName& known : kVerbs) {
    if (name != known.name) continue;
    *verb = known.verb;
    return absl::OkStatus();
  }
  return Strange("verb");
}

absl::Status ReadRecord(const Json& json, Request* request) {
  auto record = json.find("record");
  if (record == json.end() || !record->is_object()) return Strange("record");
  request->record = *record;
  return absl::OkStatus();
}

absl::Status ReadSources(const Json& json, Request* request) {
  auto sources = json.find("sources");
  if (sources == json.end() || !sources->is_array() || sources->size() > kMaxSources)
    return Strange("sources");
  for (const Json& each : *sources) {
    absl::StatusOr<SentFile> file = ReadSource(each);
    if (!file.ok()) return file.status();
    request->sources.push_back(*std::move(file));
  }
  return absl::OkStatus();
}

}  // namespace

std::string Request::ToLine() const {
  Json json = {{"protocol", kAgentProtocol}, {"root", root}};
  for (const VerbName& known : kVerbs) {
    if (known.verb == verb) json["verb"] = known.name;
  }
  if (verb == Verb::kClaim) {
    json["cluster"] = cluster;
    json["host"] = host;
    json["manager"] = manager;
  } else {
    json["claim"] = claim;
  }
  if (verb == Verb::kStep) json["label"] = label;
  if (verb == Verb::kStep || verb == Verb::kAsk) json["record"] = record;
  if (verb == Verb::kStep || verb == Verb::kSend) {
    Json& list = json["sources"] = Json::array();
    for (const SentFile& file : sources) {
      list.push_back(
          {{"path", file.path}, {"sha256", file.sha256}, {"size", file.size}, {"target", file.target}});
    }
  }
  return Dump(json);
}

absl::StatusOr<Request> ParseRequest(absl::string_view line) {
  absl::StatusOr<Json> json = ParseObject(line);
  if (!json.ok()) return Strange(json.status().message());
  auto protocol = json->find("protocol");
  if (protocol == json->end() || *protocol != kAgentProtocol) return Strange("protocol");
  Request request;
  absl::Status status = ReadVerb(*json, &request.verb);
  if (status.ok()) status = ReadText(*json, "root", kMaxPath, &request.root);
  if (status.ok() && !IsAbsolute(request.root)) {
    status = absl::InvalidArgumentError(
        absl::StrCat("the root of a host with ssh has to be absolute, and ", Quote(request.root), " is not"));
  }
  if (request.verb == Request::Verb::kClaim) {
    if (status.ok()) status = ReadText(*json, "cluster", kMaxName, &request.cluster);
    if (status.ok()) status = ReadText(*json, "host", kMaxName, &request.host);
    if (status.ok()) status = ReadText(*json, "manager", kMaxName, &request.manager);
    if (!status.ok()) return status;
    return request;
  }
  if (status.ok()) status = ReadText(*json, "claim", kMaxName, &request.claim);
  if (status.ok() && request.verb == Request::Verb::kStep)
    status = ReadText(*json, "label", kMaxPath, &request.label);
  if (status.ok() && request.verb != Request::Verb::kSend) status = ReadRecord(*json, &request);
  if (status.ok() && request.verb != Request::Verb::kAsk) status = ReadSources(*json, &request);
  if (!status.ok()) return status;
  return request;
}

std::string NeedLine(const std::vector<size_t>& indices) {
  return absl::StrCat("{\"need\":[", absl::StrJoin(indices, ","), "]}");
}

std::string OkLine(const Json& answer) { return Dump({{"ok", answer}}); }

std::string ErrorLine(const absl::Status& error) {
  const char* name = "unknown";
  for (const CodeName& known : kCodes) {
    if (known.code == error.code()) name = known.name;
  }
  const std::string message(error.message().substr(0, kMaxMessage));
  return Dump({{"error", {{"code", name}, {"message", message}}}});
}

namespace {

absl::Status NoAnswer(absl::string_view line) {
  return absl::DataLossError(
      absl::StrCat("the agent there answers what no kplan says: ", Quote(line.substr(0, 200))));
}

// The error that JSON, an answer, is about; OK when it is none.
absl::Status ErrorOf(const Json& json, absl::string_view line) {
  auto error = json.find("error");
  if (error == json.end()) return absl::OkStatus();
  if (!error->is_object() || !error->contains("code") || !error->contains("message")) return NoAnswer(line);
  const Json &code = error->at("code"), &message = error->at("message");
  if (!code.is_string() || !message.is_string()) return NoAnswer(line);
  for (const CodeName& known : kCodes) {
    if (code == known.name) return absl::Status(known.code, Harmless(message.get<std::string>()));
  }
  return NoAnswer(line);
}

}  // namespace

absl::StatusOr<Json> ParseAnswer(absl::string_view line) {
  absl::StatusOr<Json> json = ParseObject(line);
  if (!json.ok()) return NoAnswer(line);
  if (absl::Status error = ErrorOf(*json, line); !error.ok()) return error;
  auto ok = json->find("ok");
  if (ok == json->end() || !ok->is_object()) return NoAnswer(line);
  return *ok;
}

absl::StatusOr<std::vector<size_t>> ParseNeed(absl::string_view line, size_t count) {
  absl::StatusOr<Json> json = ParseObject(line);
  if (!json.ok()) return NoAnswer(line);
  if (absl::Status error = ErrorOf(*json, line); !error.ok()) return error;
  auto need = json->find("need");
  if (need == json->end() || !need->is_array() || need->size() > count) return NoAnswer(line);
  std::vector<size_t> indices;
  for (const Json& each : *need) {
    if (!each.is_number_unsigned()) return NoAnswer(line);
    const uint64_t index = each.get<uint64_t>();
    if (index >= count || (!indices.empty() && index <= indices.back())) return NoAnswer(line);
    indices.push_back(index);
  }
  return indices;
}

Json ResultJson(const StepResult& result) {
  return {{"digest", result.digest}, {"output", result.output}, {"reason", result.reason}};
}

absl::StatusOr<StepResult> ParseResult(const Json& json) {
  StepResult result;
  for (const auto& [key, text] : {std::pair("digest", &result.digest), std::pair("output", &result.output),
                                  std::pair("reason", &result.reason)}) {
    auto found = json.find(key);
    if (found == json.end() || !found->is_string()) return NoAnswer(Dump(json));
    *text = Harmless(found->get<std::string>());
  }
  if (!IsSha256Hex(result.digest)) return NoAnswer(Dump(json));
  return result;
}

std::string Harmless(absl::string_view text) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(text.substr(0, kMaxMessage), '\n'))
    lines.push_back(Shown(line));
  return absl::StrJoin(lines, "\n");
}

}  // namespace kplan
