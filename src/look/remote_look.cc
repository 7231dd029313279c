#include "src/look/remote_look.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/base/paths.h"
#include "src/base/secret_content.h"
#include "src/base/text.h"
#include "src/look/step_record.h"
#include "src/step/certificate_changes.h"
#include "src/step/host_outlook.h"

namespace kplan {
namespace {

// What of the record of a file or folder its host sees, besides the content.
struct Attributes {
  std::string mode, owner;
};

Attributes AttributesOf(const AnyRecord& record) {
  return std::visit(
      [](const auto& it) -> Attributes {
        using T = std::decay_t<decltype(it)>;
        if constexpr (std::is_base_of_v<FileFields, T> || std::is_same_v<T, DirRecord>) {
          return {it.mode, it.owner};
        } else if constexpr (std::is_same_v<T, PairRecord>) {
          return {"", it.owner};
        } else {
          return {};
        }
      },
      record);
}

// Adds that WHAT, a static text, is another one now.
void Compare(absl::string_view what, const std::string& from, const std::string& to, Outlook* outlook) {
  if (from == to) return;
  auto shown = [](const std::string& value) { return value.empty() ? "not set" : value; };
  outlook->reasons.push_back({what, absl::StrCat(what, " was ", shown(from), ", is ", shown(to))});
  outlook->changes.push_back({std::string(what), from, to});
}

void CompareHosts(const HostRecord& from, const HostRecord& to, Outlook* outlook) {
  Compare("ssh-host", from.ssh_host, to.ssh_host, outlook);
  Compare("ssh-port", absl::StrCat(from.ssh_port), absl::StrCat(to.ssh_port), outlook);
  Compare("ssh-user", from.ssh_user, to.ssh_user, outlook);
  Compare("become", from.become, to.become, outlook);
  Compare("arch", from.arch, to.arch, outlook);
  Compare("manager", from.manager, to.manager, outlook);
  Compare("root", from.root, to.root, outlook);
  Compare("cluster", from.cluster, to.cluster, outlook);
}

// Whether all of DELIVERY will be what it was.
bool IsAgain(const Delivery& delivery) {
  return !delivery.files.empty() && std::all_of(delivery.files.begin(), delivery.files.end(),
                                                [](const DeliveredFile& file) { return file.file.again; });
}

// The digest of what no step ever put there: other than all that one will.
constexpr char kForeign[] = "foreign";

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

RemoteLooker::RemoteLooker(const Graph& graph, absl::Time now, const Foreseen& foreseen, OldRecords* old,
                           const Foreseen* assumed, const HostSights* sights)
    : graph_(graph), now_(now), foreseen_(foreseen), old_(old), assumed_(assumed), sights_(sights) {}

const FoundThere* RemoteLooker::FoundAt(StepId id) const {
  return assumed_ == nullptr || sights_ == nullptr ? nullptr : sights_->StandingOf(id);
}

bool RemoteLooker::StaysAsItIs(StepId id, const LastDone& last, const Delivery& delivery) const {
  const FoundThere* found = FoundAt(id);
  const bool missing = found != nullptr && found->missing;
  return !missing && (last.digest.empty() || delivery.digest.empty()) && IsAgain(delivery);
}

LastDone RemoteLooker::LastOf(StepId id, const AnyRecord& record, const JournalEntry* entry) {
  const Step& step = graph_.steps()[id];
  LastDone last = LastDone::Of(step.label, entry);
  if (assumed_ == nullptr || !last.digest.empty()) return last;
  last.record = std::string(step.digest());
  if (const FoundThere* found = FoundAt(id); found != nullptr) {
    last.digest = found->missing ? "" : found->digest.empty() ? kForeign : found->digest;
    return last;
  }
  // What is not here now, as a text that is rendered again, is taken for what it will be.
  absl::StatusOr<Delivery> before = DeliveryOf({step.label, now_, *assumed_}, record);
  if (before.ok()) last.digest = before->digest;
  if (!last.digest.empty()) return last;
  absl::StatusOr<const Delivery*> now = DeliveryOfStep(id, record);
  if (now.ok()) last.digest = (*now)->digest;
  return last;
}

absl::StatusOr<Outlook> RemoteLooker::Look(StepId id, const JournalEntry* entry, const Journal& journal) {
  const Step& step = graph_.steps()[id];
  if (step.kind == StepKind::kUser) return LookAtUser(step, entry);
  if (step.kind == StepKind::kHost) {
    absl::StatusOr<HostRecord> record = FromText<HostRecord>(step.record);
    return record.ok() ? LookAtHost(step, *record, entry) : record.status();
  }
  if (step.kind == StepKind::kSend) {
    absl::StatusOr<SendRecord> record = FromText<SendRecord>(step.record);
    return record.ok() ? LookAtSend(step, *record, journal) : record.status();
  }
  return LookAtDelivery(id, ReadAnyRecord(step.record), entry);
}

std::optional<AnyRecord> RemoteLooker::RecordBefore(const Step& step, const LastDone& last,
                                                    Outlook* outlook) {
  if (last.record == step.digest() || last.record.empty()) return std::nullopt;
  const std::optional<std::string> text =
      old_->Find(graph_.shards()[step.shard].name, step.label, last.record);
  if (text.has_value()) {
    AnyRecord before = ReadAnyRecord(*text);
    if (KindOf(before) != nullptr) return before;
  }
  outlook->reasons.push_back({"record", "its record is another one than it was made by"});
  return std::nullopt;
}

void RemoteLooker::CompareContent(const AnyRecord& record, const LastDone& last, const Delivery& delivery,
                                  Outlook* outlook) {
  // What a step before is going to write again is still here as it is there, if it was delivered.
  absl::StatusOr<Delivery> before =
      DeliveryOf({"", now_, assumed_ == nullptr ? Foreseen() : *assumed_}, record);
  if (!before.ok() || before->digest != last.digest) return;
  const std::string mode = AttributesOf(record).mode;  // none of a pair, whose certificate is public
  const bool secret = !mode.empty() && IsSecretMode(absl::string_view(mode));
  for (size_t i = 0; i < before->files.size() && i < delivery.files.size(); ++i) {
    const ForeseenFile &from = before->files[i].file, &to = delivery.files[i].file;
    if (before->files[i].secret) {
      if (from.spki.empty() || to.spki.empty() || from.spki == to.spki) continue;
      outlook->changes.push_back({"key", KeyFingerprint(from.spki), KeyFingerprint(to.spki)});
      continue;
    }
    const std::optional<std::string> old_digest = DigestOf(from), new_digest = DigestOf(to);
    if (old_digest.has_value() && old_digest == new_digest) continue;
    std::vector<Change> changes;
    if (secret) {
      changes = SecretContentChange();
    } else if (from.content.has_value() && to.content.has_value()) {
      changes = ContentChanges(*from.content, *to.content);
    } else if (from.content.has_value() && to.certificate != nullptr) {
      changes = ContentChanges(*from.content, *to.certificate);
    } else if (old_digest.has_value() && new_digest.has_value()) {
      changes = {{"content", DigestText(*old_digest), DigestText(*new_digest)}};
    }
    outlook->changes.insert(outlook->changes.end(), changes.begin(), changes.end());
  }
}

absl::StatusOr<const Delivery*> RemoteLooker::DeliveryOfStep(StepId id, const AnyRecord& record) {
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

absl::StatusOr<Outlook> RemoteLooker::LookAtDelivery(StepId id, const AnyRecord& record,
                                                     const JournalEntry* entry) {
  const Step& step = graph_.steps()[id];
  absl::StatusOr<const Delivery*> delivery = DeliveryOfStep(id, record);
  if (!delivery.ok()) return delivery.status();
  const LastDone last = LastOf(id, record, entry);
  Outlook outlook;
  outlook.digest = (*delivery)->digest;
  if (StaysAsItIs(id, last, **delivery)) return outlook;
  const bool first = last.digest.empty(), other = outlook.digest != last.digest || outlook.digest.empty();
  if (first) {
    outlook.reasons.push_back({"missing", "missing"});
  } else {
    const bool folder = (*delivery)->files.empty();
    if (other && !folder) {
      outlook.reasons.push_back({"content", "content differs"});
      CompareContent(record, last, **delivery, &outlook);
    }
    if (const std::optional<AnyRecord> old = RecordBefore(step, last, &outlook); old.has_value()) {
      const Attributes from = AttributesOf(*old), to = AttributesOf(record);
      Compare("mode", from.mode, to.mode, &outlook);
      Compare("owner", from.owner, to.owner, &outlook);
    }
    if (other && outlook.reasons.empty())
      outlook.reasons.push_back({"record", "it is asked for in another way"});
  }
  outlook.changes_digest = first || other;
  if (first || other) {
    const std::string host = SshHostOf(graph_, step);
    const std::vector<Holding> holdings = HoldingsOf(record);
    const std::string root = holdings.empty() ? "/" : holdings[0].root;
    for (const DeliveredFile& file : (*delivery)->files)
      outlook.files.emplace_back(OnHost(host, root, file.path), file.file);
  }
  return outlook;
}

absl::StatusOr<Outlook> RemoteLooker::LookAtHost(const Step& step, const HostRecord& record,
                                                 const JournalEntry* entry) {
  const LastDone last = LastDone::Of(step.label, entry);
  if (assumed_ != nullptr && last.digest.empty()) return Outlook();
  bool facts = false;
  StatOf(paths::HostFacts(record.name), &facts);
  Outlook outlook;
  if (last.digest.empty() || !facts) {
    outlook.reasons.push_back(
        {"missing", last.digest.empty() ? "missing" : "what it said of itself is gone (.kplan/hosts)"});
    outlook.changes_digest = last.digest.empty();
    outlook.digest = last.digest;
    return outlook;
  }
  if (const std::optional<AnyRecord> before = RecordBefore(step, last, &outlook); before.has_value()) {
    const auto* host = std::get_if<HostRecord>(&*before);
    CompareHosts(host != nullptr ? *host : HostRecord(), record, &outlook);
  }
  const bool arch = std::any_of(outlook.changes.begin(), outlook.changes.end(),
                                [](const Change& change) { return change.what == "arch"; });
  // By whatever way it is reached, it is one machine: its claim says so, and that alone is its digest.
  outlook.changes_digest = arch;
  if (!arch) outlook.digest = last.digest;
  if (!outlook.reasons.empty()) outlook.note = "everything on it runs if it is another machine";
  return outlook;
}

absl::StatusOr<Outlook> RemoteLooker::LookAtSend(const Step& step, const SendRecord& record,
                                                 const Journal& journal) {
  struct Travelling {
    std::string name;
    bool first = false;
  };
  std::vector<Travelling> travelling;
  uint64_t bytes = 0;
  bool all_sizes = true;
  struct Maker {
    StepId step = 0;
    AnyRecord record;
  };
  std::vector<Maker> makers;
  absl::flat_hash_map<std::string, size_t> by_path;  // on the host
  for (StepId id : graph_.shards()[step.shard].steps) {
    const Step& other = graph_.steps()[id];
    if (KindOf(other.kind).stage != Stage::kFiles) continue;
    AnyRecord of_other = ReadAnyRecord(other.record);
    for (const Holding& holding : HoldingsOf(of_other)) {
      if (holding.kind == Holding::Kind::kHostFile) by_path.emplace(holding.path, makers.size());
    }
    makers.push_back({id, std::move(of_other)});
  }
  for (const SendRecord::File& sent : record.files) {
    const std::string& from = sent.from;
    auto found = by_path.find(sent.path);
    if (found == by_path.end()) continue;
    const Maker& maker = makers[found->second];
    const Step& other = graph_.steps()[maker.step];
    absl::StatusOr<const Delivery*> delivery = DeliveryOfStep(maker.step, maker.record);
    if (!delivery.ok()) return delivery.status();
    const JournalEntry* entry = journal.Find(other.label);
    const LastDone last = LastOf(maker.step, maker.record, entry);
    if (StaysAsItIs(maker.step, last, **delivery)) continue;
    if (!last.digest.empty() && (*delivery)->digest == last.digest) continue;
    bool there = false;
    const struct stat info = StatOf(from, &there);
    const ForeseenFile* foreseen = foreseen_.Find(from);
    // One of the two files, a certificate and its key, may be there already.
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

absl::StatusOr<Outlook> RemoteLooker::LookAtUser(const Step& step, const JournalEntry* entry) {
  const LastDone last = LastDone::Of(step.label, entry);
  Outlook outlook;
  if (last.digest.empty()) {
    if (assumed_ != nullptr) return outlook;
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
