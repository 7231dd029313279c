#include "src/etcd/rollout_report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"

namespace kplan {
namespace {

const char* WordOf(RolloutReport::Deed deed) {
  switch (deed) {
    case RolloutReport::kStarted:
      return "started";
    case RolloutReport::kRestarted:
      return "restarted";
    case RolloutReport::kPutRight:
      return "put right";
  }
  return "";
}

}  // namespace

void RolloutReport::Add(Deed deed, const std::string& member, const std::vector<std::string>& reasons,
                        bool led) {
  // The host says them, and each is a part of one line.
  std::vector<std::string> shown;
  for (const std::string& reason : reasons) shown.push_back(Shown(reason));
  entries_.push_back({deed, member, std::move(shown), led});
  // What is put right is done already, and nobody waits for it.
  if (!tell_ || deed == kPutRight) return;
  const std::string why = absl::StrJoin(entries_.back().reasons, ", ");
  tell_(absl::StrCat(member, deed == kStarted ? ": starts" : ": restarts",
                     why.empty() ? "" : absl::StrCat(" (", why, ")"), led ? ", the leader, last" : ""));
}

void RolloutReport::AddServes(const std::string& member, absl::Duration took) {
  for (Entry& entry : entries_) {
    if (entry.member != member || entry.serves()) continue;
    entry.took = took;
    if (tell_) tell_(LineOf(entry));
  }
}

void RolloutReport::AddSnapshot(std::string text) {
  snapshot_ = std::move(text);
  if (tell_) tell_(absl::StrCat("snapshot ", snapshot_));
}

std::string RolloutReport::Names(Deed deed, const char* separator) const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    if (entry.deed == deed) names.push_back(entry.member);
  }
  return absl::StrJoin(names, separator);
}

std::string RolloutReport::Reason() const {
  std::string text;
  for (Deed deed : {kStarted, kRestarted, kPutRight}) {
    std::vector<std::string> reasons;
    for (const Entry& entry : entries_) {
      if (entry.deed != deed) continue;
      for (const std::string& reason : entry.reasons) {
        if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) reasons.push_back(reason);
      }
    }
    const std::string names = Names(deed, ", ");
    if (names.empty()) continue;
    absl::StrAppend(&text, text.empty() ? "" : "; ", WordOf(deed), " ", names);
    if (!reasons.empty()) absl::StrAppend(&text, ": ", absl::StrJoin(reasons, ", "));
  }
  return text;
}

std::string RolloutReport::LineOf(const Entry& entry) {
  std::string text = absl::StrCat(entry.member, ": ", WordOf(entry.deed));
  if (!entry.reasons.empty()) absl::StrAppend(&text, " (", absl::StrJoin(entry.reasons, ", "), ")");
  if (entry.led) absl::StrAppend(&text, ", the leader, last");
  if (entry.serves())
    absl::StrAppend(&text, absl::StrFormat(", serves after %.1f s", absl::ToDoubleSeconds(entry.took)));
  return text;
}

std::string RolloutReport::Lines() const {
  std::string text;
  if (!tell_ && !snapshot_.empty()) text = absl::StrCat("snapshot ", snapshot_, "\n");
  for (const Entry& entry : entries_) {
    if (!tell_ || !entry.serves()) absl::StrAppend(&text, LineOf(entry), "\n");
  }
  return text;
}

std::string RolloutReport::StopText(const std::string& why, const std::string& advice,
                                    const std::vector<MemberState>& members) const {
  std::vector<size_t> serving, left;
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i].running && members[i].health == MemberState::kServes) serving.push_back(i);
    if (members[i].running && !members[i].reasons.empty() && !members[i].touched) left.push_back(i);
  }
  std::string text(absl::StripSuffix(why, "\n"));
  absl::StrAppend(&text, "\n  serving:  ", serving.empty() ? "nobody" : MemberNames(members, serving), ", ",
                  serving.size(), " of ", members.size(), members.size() == 1 ? " member" : " members",
                  serving.size() >= QuorumOf(members.size()) ? ": a quorum" : ": no quorum");
  if (!snapshot_.empty()) absl::StrAppend(&text, "\n  snapshot: ", snapshot_);
  if (!entries_.empty()) {
    std::vector<std::string> done;
    for (Deed deed : {kStarted, kRestarted, kPutRight}) {
      const std::string names = Names(deed, ", ");
      if (!names.empty()) done.push_back(absl::StrCat(WordOf(deed), " ", names));
    }
    absl::StrAppend(&text, "\n  done:     ", absl::StrJoin(done, "; "));
  }
  if (!left.empty()) {
    absl::StrAppend(
        &text, "\n  left:     ", MemberNames(members, left),
        left.size() == 1 ? " needs a restart, and was not touched" : " need a restart, and were not touched");
  }
  absl::StrAppend(&text, "\n  next:     ", advice, "; then run ninja again: it goes on from here");
  return text;
}

}  // namespace kplan
