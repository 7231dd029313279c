#include "src/look/remote_look.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/look/record_field.h"
#include "src/step/certificate_changes.h"
#include "src/step/host_outlook.h"

namespace kplan {
namespace {

// What of the record of a file or folder its host sees, besides the content.
constexpr absl::string_view kOfArtifacts[] = {"mode", "owner"};
constexpr absl::string_view kOfHosts[] = {"ssh-host", "ssh-port", "ssh-user", "become",
                                          "arch",     "manager",  "root",     "cluster"};

// A member of a record as text; "" where there is none.
std::string MemberText(const Json& json, absl::string_view key) {
  auto found = json.find(std::string(key));
  if (found == json.end()) return "";
  return found->is_string() ? found->get<std::string>()
                            : found->dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct stat StatOf(const std::string& path, bool* there) {
  struct stat info = {};
  *there = stat(path.c_str(), &info) == 0;
  return info;
}

// 2300000 as "2.3 MB".
std::string SizeText(uint64_t bytes) {
  if (bytes < 1000) return absl::StrCat(bytes, " bytes");
  const char* units[] = {"kB", "MB", "GB"};
  double size = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  for (; size >= 1000 && unit + 1 < std::size(units); ++unit) size /= 1000;
  return absl::StrFormat(size < 10 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

}  // namespace

RemoteLooker::RemoteLooker(const Graph& graph, absl::Time now, const Foreseen& foreseen, OldRecords* old)
    : graph_(graph), now_(now), foreseen_(foreseen), old_(old) {}

absl::StatusOr<Outlook> RemoteLooker::Look(StepId id, const JournalEntry* entry, const Journal& journal) {
  const Step& step = graph_.steps()[id];
  absl::StatusOr<Record> record = Record::Parse(step.record);
  if (!record.ok()) return record.status();
  const std::string kind = record->StringOr("kind", "");
  if (kind == "host") return LookAtHost(step, *record, entry);
  if (kind == "send") return LookAtSend(step, *record, journal);
  if (kind == "install" || kind == "install-pair" || kind == "unit" || kind == "dir")
    return LookAtDelivery(id, *record, entry);
  return LookAtOther(step, entry);
}

void RemoteLooker::CompareRecords(const Step& step, const Record& record, const LastDone& last,
                                  absl::Span<const absl::string_view> keys, Outlook* outlook) {
  if (last.record == step.digest() || last.record.empty()) return;
  const absl::optional<std::string> text =
      old_->Find(graph_.shards()[step.shard].name, step.label, last.record);
  absl::StatusOr<Record> before = Record::Parse(text.value_or(""));
  if (!before.ok()) {
    outlook->reasons.push_back({"record", "its record is another one than it was made by"});
    return;
  }
  for (absl::string_view key : keys) {
    const std::string from = MemberText(before->json(), key), to = MemberText(record.json(), key);
    if (from == to) continue;
    auto shown = [](const std::string& value) { return value.empty() ? "not set" : value; };
    outlook->reasons.push_back({key, absl::StrCat(key, " was ", shown(from), ", is ", shown(to))});
    outlook->changes.push_back({std::string(key), from, to});
  }
}

void RemoteLooker::CompareContent(const Record& record, const LastDone& last, const Delivery& delivery,
                                  Outlook* outlook) {
  // What a step before is going to write again is still here as it is there, if it was delivered.
  absl::StatusOr<Delivery> before = DeliveryOf({"", now_, Foreseen()}, record);
  if (!before.ok() || before->digest != last.digest) return;
  for (size_t i = 0; i < before->files.size() && i < delivery.files.size(); ++i) {
    const ForeseenFile &from = before->files[i].file, &to = delivery.files[i].file;
    if (before->files[i].secret) {
      if (from.spki.empty() || to.spki.empty() || from.spki == to.spki) continue;
      outlook->changes.push_back({"key", KeyFingerprint(from.spki), KeyFingerprint(to.spki)});
      continue;
    }
    const absl::optional<std::string> old_digest = DigestOf(from), new_digest = DigestOf(to);
    if (old_digest.has_value() && old_digest == new_digest) continue;
    std::vector<Change> changes;
    if (from.content.has_value() && to.content.has_value()) {
      changes = ContentChanges(*from.content, *to.content);
    } else if (from.content.has_value() && to.certificate != nullptr) {
      changes = ContentChanges(*from.content, *to.certificate);
    } else if (old_digest.has_value() && new_digest.has_value()) {
      changes = {{"content", DigestText(*old_digest), DigestText(*new_digest)}};
    }
    outlook->changes.insert(outlook->changes.end(), changes.begin(), changes.end());
  }
}

absl::StatusOr<const Delivery*> RemoteLooker::DeliveryOfStep(StepId id, const Record& record) {
  auto [found, fresh] = deliveries_.try_emplace(id);
  if (fresh) {
    // What is foreseen of its sources is complete before anything of a host is looked at.
    absl::StatusOr<Delivery> delivery = DeliveryOf({graph_.steps()[id].label, now_, foreseen_}, record);
    if (!delivery.ok()) {
      deliveries_.erase(found);
      return delivery.status();
    }
    found->second = std::make_unique<Delivery>(*std::move(delivery));
  }
  return found->second.get();
}

absl::StatusOr<Outlook> RemoteLooker::LookAtDelivery(StepId id, const Record& record,
                                                     const JournalEntry* entry) {
  const Step& step = graph_.steps()[id];
  absl::StatusOr<const Delivery*> delivery = DeliveryOfStep(id, record);
  if (!delivery.ok()) return delivery.status();
  const LastDone last = LastDone::Of(step.label, entry);
  Outlook outlook;
  outlook.digest = (*delivery)->digest;
  const bool first = last.digest.empty(), other = outlook.digest != last.digest || outlook.digest.empty();
  if (first) {
    outlook.reasons.push_back({"missing", "missing"});
  } else {
    const bool folder = (*delivery)->files.empty();
    if (other && !folder) {
      outlook.reasons.push_back({"content", "content differs"});
      CompareContent(record, last, **delivery, &outlook);
    }
    CompareRecords(step, record, last, kOfArtifacts, &outlook);
    if (other && outlook.reasons.empty())
      outlook.reasons.push_back({"record", "it is asked for in another way"});
  }
  outlook.changes_digest = first || other;
  if (first || other) {
    const std::string root = record.StringOr("root", "/"), host(SshHostOf(step.record));
    for (const DeliveredFile& file : (*delivery)->files)
      outlook.files.emplace_back(OnHost(host, root, file.path), file.file);
  }
  return outlook;
}

absl::StatusOr<Outlook> RemoteLooker::LookAtHost(const Step& step, const Record& record,
                                                 const JournalEntry* entry) {
  const LastDone last = LastDone::Of(step.label, entry);
  bool facts = false;
  StatOf(paths::HostFacts(record.StringOr("name", "")), &facts);
  Outlook outlook;
  if (last.digest.empty() || !facts) {
    outlook.reasons.push_back(
        {"missing", last.digest.empty() ? "missing" : "what it said of itself is gone (.kplan/hosts)"});
    outlook.changes_digest = last.digest.empty();
    outlook.digest = last.digest;
    return outlook;
  }
  CompareRecords(step, record, last, kOfHosts, &outlook);
  const bool arch = std::any_of(outlook.changes.begin(), outlook.changes.end(),
                                [](const Change& change) { return change.what == "arch"; });
  // By whatever way it is reached, it is one machine: its claim says so, and that alone is its digest.
  outlook.changes_digest = arch;
  if (!arch) outlook.digest = last.digest;
  if (!outlook.reasons.empty()) outlook.note = "everything on it runs if it is another machine";
  return outlook;
}

absl::StatusOr<Outlook> RemoteLooker::LookAtSend(const Step& step, const Record& record,
                                                 const Journal& journal) {
  struct Travelling {
    std::string name;
    bool first = false;
  };
  std::vector<Travelling> travelling;
  uint64_t bytes = 0;
  bool all_sizes = true;
  absl::flat_hash_map<std::string, StepId> makers;  // by path on the host
  for (StepId id : graph_.shards()[step.shard].steps) {
    const Step& other = graph_.steps()[id];
    if (other.kind != StepKind::kInstall && other.kind != StepKind::kUnit) continue;
    for (absl::string_view key : {"path", "cert-path", "key-path"}) {
      absl::string_view path = FieldOf(other.record, key);
      if (!path.empty()) makers.emplace(path, id);
    }
  }
  const Json files = record.json().value("files", Json::array());
  for (const Json& it : files) {
    const Record file(it);
    const std::string path = file.StringOr("path", ""), from = file.StringOr("from", "");
    auto maker = makers.find(path);
    if (maker == makers.end()) continue;
    const Step& other = graph_.steps()[maker->second];
    absl::StatusOr<Record> of_other = Record::Parse(other.record);
    if (!of_other.ok()) return of_other.status();
    absl::StatusOr<const Delivery*> delivery = DeliveryOfStep(maker->second, *of_other);
    if (!delivery.ok()) return delivery.status();
    const JournalEntry* entry = journal.Find(other.label);
    const LastDone last = LastDone::Of(other.label, entry);
    if (!last.digest.empty() && (*delivery)->digest == last.digest) continue;
    bool there = false;
    const struct stat info = StatOf(from, &there);
    const ForeseenFile* foreseen = foreseen_.Find(from);
    // Of a certificate and its key one may be there already.
    const int64_t written = int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1000000;
    const bool pair = (*delivery)->files.size() > 1;
    if (pair && !last.digest.empty() && foreseen == nullptr && entry != nullptr && there &&
        written < entry->at)
      continue;
    travelling.push_back({from.substr(from.rfind('/') + 1), last.digest.empty()});
    if (foreseen == nullptr && there) {
      bytes += static_cast<uint64_t>(info.st_size);
    } else if (foreseen != nullptr && foreseen->content.has_value()) {
      bytes += foreseen->content->size();
    } else if (there) {
      bytes += static_cast<uint64_t>(info.st_size);  // about as much as now
    } else {
      all_sizes = false;
    }
  }
  Outlook outlook;
  if (travelling.empty()) return outlook;
  const bool first =
      std::all_of(travelling.begin(), travelling.end(), [](const Travelling& file) { return file.first; });
  std::string names = absl::StrJoin(travelling, ", ",
                                    [](std::string* out, const Travelling& file) { out->append(file.name); });
  outlook.reasons.push_back({first ? "missing" : "content", std::move(names)});
  outlook.note = Count(travelling.size(), "file");
  if (bytes > 0) absl::StrAppend(&outlook.note, all_sizes ? ", " : ", more than ", SizeText(bytes));
  outlook.changes_digest = true;
  return outlook;
}

absl::StatusOr<Outlook> RemoteLooker::LookAtOther(const Step& step, const JournalEntry* entry) {
  const LastDone last = LastDone::Of(step.label, entry);
  Outlook outlook;
  // A service that nobody starts: its step looks at files, and changes nothing.
  if (FieldOf(step.record, "manager") == "none") return outlook;
  if (last.digest.empty()) {
    outlook.reasons.push_back({"missing", "missing"});
    outlook.changes_digest = true;
    return outlook;
  }
  if (last.record != step.digest()) outlook.reasons.push_back({"record", "its record is another one"});
  outlook.changes_digest = !outlook.reasons.empty();
  if (!outlook.changes_digest) outlook.digest = last.digest;
  return outlook;
}

}  // namespace kplan
