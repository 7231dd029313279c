#include "src/show/artifact_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/record.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// How wide the names on the left are.
constexpr size_t kNames = 12;

void AppendLine(absl::string_view name, absl::string_view text, std::string* out) {
  absl::StrAppend(out, "  ", name, std::string(name.size() < kNames ? kNames - name.size() : 0, ' '), "  ",
                  Shown(text), "\n");
}

// A failure has lines of its own.
void AppendLines(absl::string_view name, absl::string_view text, std::string* out) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    AppendLine(name, line, out);
    name = "";
  }
}

std::string Timestamp(int64_t milliseconds, const char* form) {
  return absl::FormatTime(form, absl::FromUnixMillis(milliseconds), absl::UTCTimeZone());
}
std::string ForPeople(int64_t milliseconds) { return Timestamp(milliseconds, "%Y-%m-%d %H:%M:%S UTC"); }
std::string ForPrograms(int64_t milliseconds) { return Timestamp(milliseconds, "%Y-%m-%dT%H:%M:%SZ"); }

std::string StateText(const ArtifactView& view) {
  absl::string_view next = "";
  switch (view.fate) {
    case Fate::kFresh:
      next = "";
      break;
    case Fate::kUnknown:
      next = ", for its host was not looked at";
      break;
    case Fate::kCheck:
      next = ", the next ninja checks it and changes nothing";
      break;
    case Fate::kChange:
      next = view.restarts  ? ", the next ninja restarts it"
             : view.reloads ? ", the next ninja has it read its files again"
             : view.starts  ? ", the next ninja starts it"
                            : ", the next ninja makes it";
      break;
    case Fate::kFail:
      next = ", the next ninja would fail here";
      break;
    case Fate::kWait:
      next = ", the next ninja does not come to it";
      break;
  }
  return absl::StrCat(StateName(view.state), next);
}

std::string ChangeText(const Change& change) {
  if (change.from.empty()) return absl::StrCat(change.what, " + ", change.to);
  if (change.to.empty()) return absl::StrCat(change.what, " - ", change.from);
  return absl::StrCat(change.what, " ", change.from, " -> ", change.to);
}

void AppendNeighbours(absl::string_view title, const std::vector<ArtifactNeighbour>& neighbours,
                      std::string* out) {
  if (neighbours.empty()) return;
  absl::StrAppend(out, "\n", title, "\n");
  size_t labels = 0, states = 0;
  for (const ArtifactNeighbour& it : neighbours) {
    labels = std::max(labels, it.label.size());
    states = std::max(states, std::string(StateName(it.state)).size());
  }
  for (const ArtifactNeighbour& it : neighbours) {
    const std::string state = StateName(it.state);
    absl::StrAppend(out, "  ", it.label, std::string(labels - it.label.size() + 2, ' '), state);
    if (!it.file.empty()) absl::StrAppend(out, std::string(states - state.size() + 2, ' '), Shown(it.file));
    out->push_back('\n');
  }
}

void AppendLastRun(const ArtifactView& view, std::string* out) {
  absl::StrAppend(out, "\nlast run\n");
  if (!view.ran) {
    AppendLine("", view.stamp.empty() ? "none" : "not known", out);
    return;
  }
  const JournalEntry& last = view.last;
  const std::string reason = last.reason.empty() ? "all was right already" : last.reason;
  AppendLines(ForPeople(last.at), absl::StrCat(last.failed ? "failed: " : "", reason), out);
  if (last.made_at != 0 && last.made_at != last.at) {
    AppendLines(ForPeople(last.made_at), absl::StrCat("made: ", last.made_reason), out);
  }
}

// The record with a line a member.
void AppendRecord(const ArtifactView& view, std::string* out) {
  absl::StrAppend(out, "\nrecord ", view.digest, "\n");
  const Json record = ParseRecord(view.record).value_or(Json::object());
  for (const auto& [key, value] : record.items()) {
    const std::string text = value.is_string() ? value.get<std::string>()
                                               : value.dump(-1, ' ', false, Json::error_handler_t::replace);
    AppendLines(key, text, out);
  }
}

Json ToJsonValue(const std::vector<ArtifactNeighbour>& neighbours) {
  Json list = Json::array();
  for (const ArtifactNeighbour& it : neighbours) {
    Json entry = {{"label", it.label}, {"state", StateName(it.state)}};
    if (!it.file.empty()) entry["file"] = it.file;
    list.push_back(std::move(entry));
  }
  return list;
}

std::string Dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string ArtifactText(const ArtifactView& view, const std::string& file) {
  std::string out = absl::StrCat(view.label, ": ", view.what, "\n");
  AppendLine("host", view.host, &out);
  AppendLine("verb", absl::StrCat(view.verb, " (", view.kind, ")"), &out);
  if (!view.service.empty()) AppendLine("service", view.service, &out);
  for (const ArtifactFile& it : view.files) {
    AppendLine("file",
               !it.host.empty()     ? it.path
               : it.problem.empty() ? absl::StrCat(it.path, "  ", it.mode, "  ", it.owner)
                                    : absl::StrCat(it.path, "  ", it.problem),
               &out);
  }
  if (!view.place.empty()) {
    AppendLine("from", absl::StrCat(file, ":", view.line, " (", view.place, ")"), &out);
  }
  AppendLine("state", StateText(view), &out);
  for (const std::string& reason : view.reasons) AppendLines("", reason, &out);
  for (const Change& change : view.changes) AppendLine("", ChangeText(change), &out);
  if (!view.note.empty()) AppendLine("", view.note, &out);
  for (const auto& [name, text] : view.details) AppendLine(name, text, &out);
  AppendNeighbours("made from", view.inputs, &out);
  AppendNeighbours("after, without being made from them", view.after, &out);
  AppendNeighbours(absl::StrCat("used by (", Count(view.dependents, "dependent"), " in all)"), view.users,
                   &out);
  AppendLastRun(view, &out);
  absl::StrAppend(&out, "\nstamp\n");
  AppendLine(view.stamp_file, view.stamp.empty() ? "none" : view.stamp, &out);
  AppendRecord(view, &out);
  return out;
}

std::string ArtifactJson(const ArtifactView& view, const std::string& file) {
  Json json = {{"label", view.label},
               {"kind", view.kind},
               {"verb", view.verb},
               {"host", view.host},
               {"what", view.what},
               {"state", StateName(view.state)},
               {"next", FateName(view.fate)},
               {"reasons", view.reasons},
               {"files", Json::array()},
               {"changes", Json::array()},
               {"details", Json::array()},
               {"inputs", ToJsonValue(view.inputs)},
               {"after", ToJsonValue(view.after)},
               {"used-by", ToJsonValue(view.users)},
               {"dependents", view.dependents},
               {"record", ParseRecord(view.record).value_or(Json())},
               {"record-digest", view.digest}};
  for (const ArtifactFile& it : view.files) {
    Json entry = {{"path", it.path}};
    if (!it.host.empty()) {
      entry["host"] = it.host;
    } else if (it.problem.empty()) {
      entry["mode"] = it.mode;
      entry["owner"] = it.owner;
    } else {
      entry["problem"] = it.problem;
    }
    json["files"].push_back(std::move(entry));
  }
  for (const Change& change : view.changes)
    json["changes"].push_back({{"what", change.what}, {"from", change.from}, {"to", change.to}});
  // A list: an artifact may have several of one name (members).
  for (const auto& [name, text] : view.details) json["details"].push_back({{"name", name}, {"text", text}});
  if (!view.service.empty()) json["service"] = view.service;
  if (view.starts) json["starts"] = true;
  if (view.restarts) json["restarts"] = true;
  if (view.reloads) json["reloads"] = true;
  if (!view.note.empty()) json["note"] = view.note;
  if (!view.place.empty()) json["from"] = {{"file", file}, {"line", view.line}, {"path", view.place}};
  if (!view.stamp.empty()) json["stamp"] = view.stamp;
  if (view.ran) {
    json["last-run"] = {
        {"at", ForPrograms(view.last.at)}, {"failed", view.last.failed}, {"reason", view.last.reason}};
    if (view.last.made_at != 0) {
      json["last-made"] = {{"at", ForPrograms(view.last.made_at)}, {"reason", view.last.made_reason}};
    }
  }
  return Dump(json);
}

std::string GroupText(const std::vector<ArtifactNeighbour>& members) {
  size_t labels = 0, states = 0;
  for (const ArtifactNeighbour& it : members) {
    labels = std::max(labels, it.label.size());
    states = std::max(states, std::string(StateName(it.state)).size());
  }
  std::string out;
  auto add = [&](absl::string_view label, absl::string_view state, absl::string_view file) {
    absl::StrAppend(&out, label, std::string(std::max(labels, size_t{5}) - label.size() + 2, ' '), state);
    if (!file.empty()) {
      absl::StrAppend(&out, std::string(std::max(states, size_t{5}) - state.size() + 2, ' '), Shown(file));
    }
    out.push_back('\n');
  };
  add("LABEL", "STATE", "FILE");
  for (const ArtifactNeighbour& it : members) add(it.label, StateName(it.state), it.file);
  return out;
}

std::string GroupJson(const std::string& name, const std::vector<ArtifactNeighbour>& members) {
  return Dump({{"group", name}, {"members", ToJsonValue(members)}});
}

}  // namespace kplan
