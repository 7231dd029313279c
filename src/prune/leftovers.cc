#include "src/prune/leftovers.h"

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
#include "src/base/natural_order.h"
#include "src/base/paths.h"
#include "src/look/holdings.h"
#include "src/step/kinds.h"

namespace kplan {
namespace {

constexpr absl::string_view kShardSuffix = ".json";
constexpr char kLeft[] = "left";

// What the line has besides the record.
struct Left {
  std::string digest;
  StringPairs files;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("digest", self.digest);
    fields.Always("files", self.files);
  }
};

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
  return absl::StrCat(leftover.label, "@", PlaceOf(leftover.made_by));
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
  const absl::StatusOr<Json> json = ParseRecord(absl::StrCat("{", line, "}"));
  if (!json.ok() || json->size() != 1 || !json->begin()->is_object()) return wrong("is no \"KEY\":{RECORD}");
  leftover.key = json->begin().key();
  Json record = *json->begin();
  if (auto found = record.find(kLeft); found != record.end()) {
    absl::StatusOr<Left> left = FromJson<Left>(*found);
    if (!left.ok()) return wrong("has a \"left\" that kplan did not write");
    leftover.digest = std::move(left->digest);
    leftover.files = std::move(left->files);
    record.erase(found);
  }
  leftover.record = record.dump(-1, ' ', false, Json::error_handler_t::replace);
  leftover.made_by = AnyRecordOf(record);
  if (KindOf(leftover.made_by) == nullptr && FindKind(WordOf(record)) != nullptr)
    return wrong("has a record that kplan did not write");
  const std::string place = absl::StrCat("@", PlaceOf(leftover.made_by));
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
  Json record = ParseRecord(leftover.record).value_or(Json::object());
  record[kLeft] = ToJson(Left{leftover.digest, leftover.files});
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
  absl::StatusOr<std::vector<std::string>> all = ListFolder(paths::kShards);
  if (absl::IsNotFound(all.status())) return names;
  if (!all.ok()) return all.status();
  for (absl::string_view name : *all) {
    if (absl::ConsumeSuffix(&name, kShardSuffix)) names.emplace_back(name);
  }
  return names;
}

std::string ShardOfLabel(absl::string_view label) {
  const std::vector<absl::string_view> parts = absl::StrSplit(label, '/');
  for (const Kind& kind : AllKinds()) {
    if (!kind.label_has_host()) continue;
    // "file/HOST/PATH", "host/HOST"
    const std::vector<absl::string_view> form = absl::StrSplit(kind.label, '/');
    const bool same = form.size() == 2 ? parts.size() == 2 : parts.size() > 2;
    if (form[0] == parts[0] && same) return std::string(parts[1]);
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
    AnyRecord made_by = ReadAnyRecord(record);
    if (const auto* rollout = std::get_if<RolloutRecord>(&made_by)) {
      ConsiderServices(name, label, record, *rollout, there);
    } else if (there == nullptr || PlaceOf(ReadAnyRecord(there->record)) != PlaceOf(made_by)) {
      Consider({name, label, std::string(record), std::move(made_by), name, label, there != nullptr});
    }
  }
}

// A member that is gone is listed as the service that it is, which is how one that is alone is listed, too.
void LeftoverUpdate::ConsiderServices(const std::string& shard, const std::string& label,
                                      absl::string_view record, const RolloutRecord& rollout,
                                      const Step* now) {
  absl::flat_hash_map<std::string, std::string> places;  // of the plan's services by label
  if (now != nullptr) {
    for (const ServicePart& service : ServicesOf(graph_, *now))
      places[service.label] = PlaceOf(service.record);
  }
  // The journal's entry is of the record as a whole.
  const bool done_as_it_is = Sha256Hex(record) == RecordThatRan(shard, label);
  for (const ServicePart& service : ServicesOf(rollout)) {
    auto place = places.find(service.label);
    const bool elsewhere = place != places.end();
    if (elsewhere && (place->second == PlaceOf(service.record) || !done_as_it_is)) continue;
    Consider({service.host, service.label, ToText(service.record), service.record, shard, label,
              /*elsewhere=*/false});
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

void LeftoverUpdate::Consider(Gone gone) {
  const std::vector<Holding> holdings = HoldingsOf(gone.made_by);
  if (holdings.empty()) return;
  const JournalEntry* entry = EntryOf(gone.shard, gone.step);
  absl::StatusOr<std::string> stamp = ReadFile(paths::Stamp(gone.step), 4096);
  // A step that failed may have done half of its work. One that never ran has done nothing.
  if (entry == nullptr && !stamp.ok()) return;
  if (gone.elsewhere && (entry == nullptr || entry->record != Sha256Hex(gone.record))) {
    // The label may have been done at a third place, and never here.
    bool any = false;
    for (const Holding& holding : holdings) any = any || IsThere(holding);
    if (!any) return;
  }
  Leftover leftover;
  leftover.label = std::move(gone.label);
  leftover.host = std::move(gone.host);
  leftover.record = std::move(gone.record);
  leftover.made_by = std::move(gone.made_by);
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
  bool below_dir = false, on_hosts = false;
  for (const Leftover& leftover : *leftovers) {
    for (const Holding& holding : HoldingsOf(leftover.made_by)) {
      paths.insert(holding.path);
      (holding.on_host() ? on_hosts : below_dir) = true;
    }
  }
  HoldingNames names(&graph_);
  absl::flat_hash_set<std::string> held;
  for (const Step& step : graph_.steps()) {
    const Where where = KindOf(step.kind).where;
    if ((where == Where::kHere && !below_dir) || (where == Where::kOnHost && !on_hosts)) continue;
    for (const Holding& holding : HoldingsOf(ReadAnyRecord(step.record))) {
      if (paths.contains(holding.path)) held.insert(names.Of(holding));
    }
  }
  auto is_the_plans = [&](const Leftover& leftover) {
    if (!leftover.problem.empty()) return false;
    for (const Holding& holding : HoldingsOf(leftover.made_by)) {
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
      for (const ServicePart& service : ServicesOf(graph_, step)) labels.insert(service.label);
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
        if (other != by_key.end() && PlaceOf(other->second.made_by) != PlaceOf(leftover.made_by)) {
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
  if (result.ok()) {
    std::sort(result->begin(), result->end(),
              [](const Leftover& a, const Leftover& b) { return NaturalLess(a.key, b.key); });
    return *std::move(result);
  }
  if (problem != nullptr) *problem = std::string(result.status().message());
  return {};
}

}  // namespace kplan
