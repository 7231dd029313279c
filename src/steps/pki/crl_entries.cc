#include "src/steps/pki/crl_entries.h"

#include <dirent.h>
#include <errno.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/files.h"
#include "src/base/text.h"

namespace kplan {
namespace {

constexpr size_t kMaxSerialDigits = 40;  // 20 octets: RFC 5280 4.1.2.2
constexpr size_t kShownEntries = 20;     // in a list of changes
constexpr size_t kNamedSerials = 5;      // in a message; there may be thousands

absl::Status BadRecord(absl::string_view key, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("the record's \"", key, "\" is wrong: ", why));
}

absl::StatusOr<int> ParseReason(absl::string_view key, const std::string& name) {
  int code = ReasonCode(name);
  if (code < 0) return BadRecord(key, absl::StrCat("there is no reason ", Quote(name)));
  return code;
}

absl::StatusOr<int64_t> ParseDate(absl::string_view key, const std::string& text) {
  int64_t date = 0;
  if (!absl::SimpleAtoi(text, &date) || date < 0) {
    return BadRecord(key, absl::StrCat(Quote(text), " is no time in Unix seconds"));
  }
  return date;
}

absl::StatusOr<std::string> ParseSerial(absl::string_view key, const std::string& hex) {
  if (hex.empty() || hex.size() > kMaxSerialDigits ||
      hex.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return BadRecord(key, absl::StrCat(Quote(hex), " is no serial number in at most 40 hexadecimal digits"));
  }
  std::string octets = absl::HexStringToBytes(hex.size() % 2 == 0 ? hex : absl::StrCat("0", hex));
  return octets.substr(std::min(octets.find_first_not_of('\0'), octets.size()));
}

// The .pem files in FOLDER, sorted; none when there is no such folder.
absl::StatusOr<std::vector<std::string>> PemFiles(const std::string& folder) {
  std::vector<std::string> paths;
  absl::StatusOr<std::vector<std::string>> names = ListFolder(folder);
  if (absl::IsNotFound(names.status())) return paths;
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (absl::EndsWith(name, ".pem")) paths.push_back(absl::StrCat(folder, "/", name));
  }
  return paths;
}

// The revoked certificates of one entry of "certs".
absl::Status AddCertificates(const std::array<std::string, 4>& row, const Certificate& issuer,
                             const Foreseen& foreseen, std::vector<WantedEntry>* wanted) {
  absl::StatusOr<int> reason = ParseReason("certs", row[2]);
  absl::StatusOr<int64_t> date = ParseDate("certs", row[3]);
  if (!reason.ok()) return reason.status();
  if (!date.ok()) return date.status();
  absl::StatusOr<std::vector<std::string>> paths = PemFiles(row[1]);
  if (!paths.ok()) return paths.status();
  paths->push_back(row[0]);
  for (const std::string& path : *paths) {
    absl::StatusOr<Certificate> certificate = Certificate::Read(path);
    if (absl::IsNotFound(certificate.status()) && path == row[0]) continue;  // never made, or to be made
    if (absl::IsDataLoss(certificate.status()) && foreseen.Find(path) != nullptr) continue;  // made again
    if (!certificate.ok()) {
      return absl::Status(
          certificate.status().code(),
          absl::StrCat(certificate.status().message(), "; it may be one of the certificates to revoke: ",
                       "restore it from a backup, or move it away and revoke its serial number"));
    }
    if (certificate->not_before >= *date || !certificate->NamesAsIssuer(issuer) ||
        !certificate->IsSignedBy(issuer)) {
      continue;
    }
    wanted->push_back({certificate->serial, *reason, *date});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<WantedEntry>> WantedEntries(const CrlRecord& record, const Certificate& issuer,
                                                       const Foreseen& foreseen) {
  std::vector<WantedEntry> wanted;
  for (const auto& row : record.serials) {
    absl::StatusOr<std::string> serial = ParseSerial("serials", row[0]);
    if (!serial.ok()) return serial.status();
    absl::StatusOr<int> reason = ParseReason("serials", row[1]);
    if (!reason.ok()) return reason.status();
    WantedEntry entry = {*std::move(serial), *reason, std::nullopt};
    if (!row[2].empty()) {
      absl::StatusOr<int64_t> date = ParseDate("serials", row[2]);
      if (!date.ok()) return date.status();
      entry.date = *date;
    }
    wanted.push_back(std::move(entry));
  }
  for (const auto& row : record.certs) {
    if (absl::Status status = AddCertificates(row, issuer, foreseen, &wanted); !status.ok()) return status;
  }
  return wanted;
}

std::vector<RevokedEntry> ResolveEntries(const std::vector<WantedEntry>& wanted,
                                         const std::vector<RevokedEntry>& previous, int64_t now) {
  std::map<absl::string_view, int64_t> dates;
  for (const RevokedEntry& entry : previous) dates.emplace(entry.serial, entry.date);
  // The one that declares its date is taken of two with the same date, so that a date that an entry has only
  // from the previous CRL never decides. Otherwise the first is.
  struct Candidate {
    RevokedEntry entry;
    bool declared;
  };
  std::vector<Candidate> candidates;
  candidates.reserve(wanted.size());
  for (const WantedEntry& want : wanted) {
    int64_t date = now;
    if (want.date.has_value()) {
      date = *want.date;
    } else if (auto found = dates.find(want.serial); found != dates.end()) {
      date = found->second;
    }
    candidates.push_back({{want.serial, date, want.reason}, want.date.has_value()});
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    if (a.entry.serial != b.entry.serial) return SerialLess(a.entry.serial, b.entry.serial);
    if (a.entry.date != b.entry.date) return a.entry.date < b.entry.date;
    return a.declared && !b.declared;
  });
  std::vector<RevokedEntry> entries;
  for (Candidate& candidate : candidates) {
    if (!entries.empty() && entries.back().serial == candidate.entry.serial) continue;
    entries.push_back(std::move(candidate.entry));
  }
  return entries;
}

std::vector<std::string> SerialsMissing(const std::vector<RevokedEntry>& from,
                                        const std::vector<RevokedEntry>& to) {
  std::vector<std::string> missing;
  size_t at = 0;
  for (const RevokedEntry& entry : from) {
    while (at < to.size() && SerialLess(to[at].serial, entry.serial)) ++at;
    if (at == to.size() || to[at].serial != entry.serial) missing.push_back(entry.serial);
  }
  return missing;
}

std::string SerialsText(const std::vector<std::string>& serials) {
  std::vector<std::string> words;
  for (size_t i = 0; i < serials.size() && i < kNamedSerials; ++i) words.push_back(SerialText(serials[i]));
  std::string text = absl::StrJoin(words, ", ");
  if (serials.size() > kNamedSerials)
    absl::StrAppend(&text, " and ", serials.size() - kNamedSerials, " more");
  return text;
}

std::vector<Change> EntryChanges(const std::vector<RevokedEntry>& from, const std::vector<RevokedEntry>& to) {
  auto text = [](const RevokedEntry& entry) {
    return absl::StrCat(SerialText(entry.serial),
                        entry.reason == 0 ? "" : absl::StrCat(" (", ReasonName(entry.reason), ")"));
  };
  std::vector<Change> added, removed, changed;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    if (j == to.size() || (i < from.size() && SerialLess(from[i].serial, to[j].serial))) {
      removed.push_back({"revoked", text(from[i++]), ""});
    } else if (i == from.size() || SerialLess(to[j].serial, from[i].serial)) {
      added.push_back({"revoked", "", text(to[j++])});
    } else {
      const RevokedEntry &was = from[i++], &is = to[j++];
      if (was.reason == is.reason && was.date == is.date) continue;
      changed.push_back({"revoked", absl::StrCat(text(was), " on ", TimeText(was.date)),
                         absl::StrCat(text(is), " on ", TimeText(is.date))});
    }
  }
  std::vector<Change> changes;
  for (std::vector<Change>* list : {&added, &removed, &changed}) {
    const size_t shown = std::min(list->size(), kShownEntries);
    for (size_t n = 0; n < shown; ++n) changes.push_back(std::move((*list)[n]));
    if (list->size() == shown) continue;
    const std::string more = absl::StrCat(list->size() - shown, " more");
    changes.push_back({"revoked", list == &added ? "" : more, list == &removed ? "" : more});
  }
  return changes;
}

std::string EntriesDifference(const std::vector<RevokedEntry>& spec, const std::vector<RevokedEntry>& crl) {
  std::vector<std::string> parts;
  if (std::vector<std::string> added = SerialsMissing(spec, crl); !added.empty()) {
    parts.push_back(absl::StrCat("added ", SerialsText(added)));
  }
  if (std::vector<std::string> removed = SerialsMissing(crl, spec); !removed.empty()) {
    parts.push_back(absl::StrCat("removed ", SerialsText(removed)));
  }
  std::vector<std::string> changed;
  std::string example;
  size_t at = 0;
  for (const RevokedEntry& entry : spec) {
    while (at < crl.size() && SerialLess(crl[at].serial, entry.serial)) ++at;
    if (at == crl.size() || crl[at].serial != entry.serial) continue;
    const RevokedEntry& was = crl[at];
    if (was.reason == entry.reason && was.date == entry.date) continue;
    if (example.empty()) {
      example = was.reason != entry.reason
                    ? absl::StrCat(ReasonName(entry.reason), ", was ", ReasonName(was.reason))
                    : absl::StrCat(TimeText(entry.date), ", was ", TimeText(was.date));
    }
    changed.push_back(entry.serial);
  }
  if (!changed.empty()) parts.push_back(absl::StrCat("changed ", SerialsText(changed), " (", example, ")"));
  return absl::StrJoin(parts, ", ");
}

}  // namespace kplan
