#include "src/prune/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/paths.h"

namespace kplan {
namespace {

constexpr absl::string_view kShardSuffix = ".json";
constexpr char kLeft[] = "left";
constexpr char kRollout[] = "rollout-etcd";

// Where one line of a shard has its label and its record. False for the brackets, and for what is no such
// line.
bool SplitLine(absl::string_view line, std::string* label, absl::string_view* record) {
  line = absl::StripSuffix(line, ",");
  if (!absl::StartsWith(line, "\"")) return false;
  // Labels have no characters that JSON would escape.
  size_t end = line.find("\":{");
  if (end == absl::string_view::npos ||
      line.substr(1, end - 1).find_first_of("\"\\") != absl::string_view::npos) {
    return false;
  }
  *label = std::string(line.substr(1, end - 1));
  *record = line.substr(end + 2);
  return true;
}

std::string KeyWithPlace(const Leftover& leftover) {
  return absl::StrCat(leftover.label, "@", PlaceOf(leftover.record));
}

// What is on a host over ssh cannot be told.
bool IsThere(const Holding& holding) {
  if (holding.over_ssh()) return false;
  struct stat info;
  // A service cannot be asked cheaply; that its host's folder is there has to do.
  return lstat(holding.kind == Holding::Kind::kService ? holding.root.c_str() : holding.Shown().c_str(),
               &info) == 0;
}

// One line of the file, without its comma.
Leftover ParseLine(absl::string_view line, size_t number) {
  Leftover leftover;
  auto wrong = [&](absl::string_view what) {
    leftover = Leftover();
    leftover.key = absl::StrCat("line ", number);
    leftover.record = std::string(line);
    leftover.problem = std::string(what);
    return leftover;
  };
  Json json = Json::parse(absl::StrCat("{", line, "}"), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.size() != 1 || !json.begin()->is_object())
    return wrong("is no \"KEY\":{RECORD}");
  leftover.key = json.begin().key();
  Json record = *json.begin();
  if (record.contains(kLeft)) {
    Record left(record[kLeft].is_object() ? record[kLeft] : Json::object());
    leftover.digest = left.StringOr("digest", "");
    leftover.files = left.Pairs("files");
    if (!left.status().ok()) return wrong("has a \"left\" that kplan did not write");
    record.erase(kLeft);
  }
  leftover.record = record.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string place = absl::StrCat("@", PlaceOf(leftover.record));
  leftover.label = leftover.key;
  if (place.size() > 1 && absl::EndsWith(leftover.key, place)) {
    leftover.label.resize(leftover.key.size() - place.size());
  }
  leftover.host = ShardOfLabel(leftover.label);
  return leftover;
}

std::string LineOf(const Leftover& leftover) {
  if (!leftover.problem.empty()) return leftover.record;
  std::string line;
  AppendJsonString(leftover.key, &line);
  Json record = Json::parse(leftover.record, nullptr, /*allow_exceptions=*/false);
  Json files = Json::array();
  for (const auto& [path, signature] : leftover.files) files.push_back({path, signature});
  record[kLeft] = {{"digest", leftover.digest}, {"files", std::move(files)}};
  return absl::StrCat(line, ":", record.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string TextOf(const std::vector<Leftover>& leftovers) {
  if (leftovers.empty()) return "";
  std::string text = "{\n";
  for (size_t i = 0; i < leftovers.size(); ++i) {
    absl::StrAppend(&text, LineOf(leftovers[i]), i + 1 < leftovers.size() ? "," : "", "\n");
  }
  return text + "}\n";
}

std::vector<Leftover> Parse(absl::string_view text) {
  std::vector<Leftover> leftovers;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripSuffix(absl::StripAsciiWhitespace(line), ",");
    if (!line.empty() && line != "{" && line != "}") leftovers.push_back(ParseLine(line, number));
  }
  return leftovers;
}

void ReplaceAll(const Graph& graph, LeftoverUpdate* update) {
  absl::flat_hash_set<absl::string_view> wanted;
  for (const Shard& shard : graph.shards()) {
    wanted.insert(shard.name);
    absl::StatusOr<std::string> old = ReadFile(paths::Shard(shard.name));
    if (!old.ok() || *old != graph.ShardText(shard)) update->Replace(shard.name, old.ok() ? *old : "");
  }
  absl::StatusOr<std::vector<std::string>> names = ShardsOnDisk();
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (wanted.contains(name)) continue;
    absl::StatusOr<std::string> old = ReadFile(paths::Shard(name));
    update->Replace(name, old.ok() ? *old : "");
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ShardsOnDisk() {
  std::vector<std::string> names;
  DIR* folder = opendir(paths::kShards);
  if (folder == nullptr && errno == ENOENT) return names;
  if (folder == nullptr) return ErrnoStatus(errno, paths::kShards);
  while (struct dirent* entry = readdir(folder)) {
    absl::string_view name = entry->d_name;
    if (absl::ConsumeSuffix(&name, kShardSuffix)) names.emplace_back(name);
  }
  closedir(folder);
  return names;
}

std::string ShardOfLabel(absl::string_view label) {
  std::vector<absl::string_view> parts = absl::StrSplit(label, '/');
  constexpr absl::string_view kOnHosts[] = {"file", "dir", "render", "unit", "service", "user", "verify"};
  for (absl::string_view kind : kOnHosts) {
    if (parts[0] == kind && parts.size() > 2) return std::string(parts[1]);
  }
  constexpr absl::string_view kOfHosts[] = {"host", "send"};
  for (absl::string_view kind : kOfHosts) {
    if (parts[0] == kind && parts.size() == 2) return std::string(parts[1]);
  }
  // NAME of one that is made once, HOST/NAME of one that is made per host.
  constexpr absl::string_view kOfCertificates[] = {"key", "csr", "cert", "chain", "bundle", "pkcs12"};
  for (absl::string_view kind : kOfCertificates) {
    if (parts[0] == kind && parts.size() == 3) return std::string(parts[1]);
  }
  return paths::kSharedShard;
}

absl::StatusOr<std::vector<Leftover>> ReadLeftovers() {
  absl::StatusOr<std::string> text = ReadFile(paths::kLeftovers);
  if (absl::IsNotFound(text.status())) return std::vector<Leftover>();
  if (!text.ok()) return text.status();
  return Parse(*text);
}

absl::Status WriteLeftovers(const std::vector<Leftover>& leftovers) {
  if (!leftovers.empty()) return WriteFileIfChanged(paths::kLeftovers, TextOf(leftovers), 0644).status();
  if (unlink(paths::kLeftovers) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot remove ", paths::kLeftovers));
}

const Shard* LeftoverUpdate::ShardOf(const std::string& name) {
  if (shards_.empty()) {
    for (const Shard& shard : graph_.shards()) shards_.emplace(shard.name, &shard);
  }
  auto found = shards_.find(name);
  return found == shards_.end() ? nullptr : found->second;
}

void LeftoverUpdate::Replace(const std::string& name, absl::string_view text) {
  replaced_ = true;
  if (text.empty()) return;
  absl::flat_hash_map<absl::string_view, const Step*> now;
  if (const Shard* shard = ShardOf(name)) {
    for (StepId id : shard->steps) now.emplace(graph_.steps()[id].label, &graph_.steps()[id]);
  }
  std::string label;
  absl::string_view record;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!SplitLine(line, &label, &record)) continue;
    auto step = now.find(label);
    const Step* there = step == now.end() ? nullptr : step->second;
    if (there != nullptr && there->record == record) continue;
    if (FieldOf(record, "kind") == kRollout) {
      ConsiderServices(name, label, record, there);
    } else if (there == nullptr || PlaceOf(there->record) != PlaceOf(record)) {
      Consider({name, label, record, name, label, there != nullptr});
    }
  }
}

// A member that is gone is listed as the service that it is, which is how one that is alone is listed, too.
void LeftoverUpdate::ConsiderServices(const std::string& shard, const std::string& label,
                                      absl::string_view record, const Step* now) {
  absl::flat_hash_map<std::string, std::string> places;  // of the plan's services by label
  if (now != nullptr) {
    for (const ServiceRecord& service : ServicesOf(now->record))
      places[service.label] = PlaceOf(service.record);
  }
  // The journal's entry is of the record as a whole.
  const bool done_as_it_is = Sha256Hex(record) == RecordThatRan(shard, label);
  for (const ServiceRecord& service : ServicesOf(record)) {
    auto place = places.find(service.label);
    const bool elsewhere = place != places.end();
    if (elsewhere && (place->second == PlaceOf(service.record) || !done_as_it_is)) continue;
    Consider({service.host, service.label, service.record, shard, label, /*elsewhere=*/false});
  }
}

const JournalEntry* LeftoverUpdate::EntryOf(const std::string& shard, const std::string& label) {
  auto [journal, fresh] = journals_.try_emplace(shard);
  if (fresh) journal->second = Journal::Read(paths::Journal(shard));
  return journal->second.Find(label);
}

std::string LeftoverUpdate::RecordThatRan(const std::string& shard, const std::string& label) {
  const JournalEntry* entry = EntryOf(shard, label);
  return entry == nullptr ? "" : entry->record;
}

void LeftoverUpdate::Consider(const Gone& gone) {
  const absl::string_view record = gone.record;
  std::vector<Holding> holdings = HoldingsOf(record);
  if (holdings.empty()) return;
  const JournalEntry* entry = EntryOf(gone.shard, gone.step);
  absl::StatusOr<std::string> stamp = ReadFile(paths::Stamp(gone.step), 4096);
  // A step that failed may have done half of its work. One that never ran has done nothing.
  if (entry == nullptr && !stamp.ok()) return;
  if (gone.elsewhere && (entry == nullptr || entry->record != Sha256Hex(record))) {
    // The label may have been done at a third place, and never here.
    bool any = false;
    for (const Holding& holding : holdings) any = any || IsThere(holding);
    if (!any) return;
  }
  Leftover leftover;
  leftover.label = gone.label;
  leftover.host = gone.host;
  leftover.record = std::string(record);
  if (entry != nullptr) {
    leftover.digest = entry->digest;
    leftover.files = entry->files;
  }
  if (leftover.digest.empty() && stamp.ok())
    leftover.digest = std::string(absl::StripAsciiWhitespace(*stamp));
  vanished_.push_back(std::move(leftover));
}

// A host that got another name has the same files; what a leftover and a step of the plan are both about is
// the plan's.
void LeftoverUpdate::DropWhatThePlanHolds(std::vector<Leftover>* leftovers) {
  absl::flat_hash_set<std::string> paths;  // to ask for the root of few steps only
  for (const Leftover& leftover : *leftovers) {
    for (const Holding& holding : HoldingsOf(leftover.record)) paths.insert(holding.path);
  }
  HoldingNames names;
  absl::flat_hash_set<std::string> held;
  for (const Step& step : graph_.steps()) {
    for (const Holding& holding : HoldingsOf(step.record)) {
      if (paths.contains(holding.path)) held.insert(names.Of(holding));
    }
  }
  auto is_the_plans = [&](const Leftover& leftover) {
    if (!leftover.problem.empty()) return false;
    for (const Holding& holding : HoldingsOf(leftover.record)) {
      if (!held.contains(names.Of(holding))) return false;
    }
    return true;
  };
  leftovers->erase(std::remove_if(leftovers->begin(), leftovers->end(), is_the_plans), leftovers->end());
}

absl::StatusOr<std::vector<Leftover>> LeftoverUpdate::Result() {
  absl::StatusOr<std::vector<Leftover>> all = ReadLeftovers();
  if (!all.ok()) return all;
  all->insert(all->end(), vanished_.begin(), vanished_.end());
  if (all->empty()) return all;
  DropWhatThePlanHolds(&*all);

  absl::flat_hash_set<std::string> labels;
  if (!all->empty()) {
    for (const Step& step : graph_.steps()) {
      labels.insert(step.label);
      if (step.kind != StepKind::kRollout) continue;
      for (const ServiceRecord& service : ServicesOf(step.record)) labels.insert(service.label);
    }
  }
  // Later ones, which are younger, win.
  std::map<std::string, Leftover> by_key;
  for (Leftover& leftover : *all) {
    if (leftover.problem.empty()) {
      const bool has_place = !leftover.key.empty() && leftover.key != leftover.label;
      if (has_place || labels.contains(leftover.label)) {
        leftover.key = KeyWithPlace(leftover);
      } else {
        leftover.key = leftover.label;
        auto other = by_key.find(leftover.key);
        if (other != by_key.end() && PlaceOf(other->second.record) != PlaceOf(leftover.record)) {
          Leftover moved = std::move(other->second);
          moved.key = KeyWithPlace(moved);
          by_key[moved.key] = std::move(moved);
        }
        by_key.erase(KeyWithPlace(leftover));
      }
    }
    std::string key = leftover.key;
    by_key[std::move(key)] = std::move(leftover);
  }
  all->clear();
  for (auto& [unused, leftover] : by_key) all->push_back(std::move(leftover));
  return all;
}

absl::Status LeftoverUpdate::Write() {
  if (!replaced_) return absl::OkStatus();
  if (vanished_.empty() && access(paths::kLeftovers, F_OK) != 0 && errno == ENOENT) return absl::OkStatus();
  absl::StatusOr<std::vector<Leftover>> result = Result();
  return result.ok() ? WriteLeftovers(*result) : result.status();
}

absl::Status UpdateLeftovers(const Graph& graph) {
  LeftoverUpdate update(graph);
  ReplaceAll(graph, &update);
  return update.Write();
}

std::vector<Leftover> FindLeftovers(const Graph& graph, std::string* problem) {
  LeftoverUpdate update(graph);
  ReplaceAll(graph, &update);
  absl::StatusOr<std::vector<Leftover>> result = update.Result();
  if (result.ok()) return *std::move(result);
  if (problem != nullptr) *problem = std::string(result.status().message());
  return {};
}

}  // namespace kplan
