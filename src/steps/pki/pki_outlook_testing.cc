#include "src/steps/pki/pki_outlook_testing.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/pki/certificate_check.h"

namespace kplan {
namespace {

// Checks that a file that the look foresaw has become what it foresaw.
void ExpectForeseen(const std::string& path, const ForeseenFile& file, const std::string& text) {
  SCOPED_TRACE(path);
  if (file.content.has_value()) {
    EXPECT_EQ(text, *file.content);
  }
  if (file.certificate == nullptr || absl::EndsWith(path, "-chain.pem")) return;
  absl::StatusOr<Certificate> made = Certificate::Read(path);
  ASSERT_TRUE(made.ok()) << made.status();
  const Certificate& c = *file.certificate;
  EXPECT_EQ(made->subject_der, c.subject_der);
  EXPECT_EQ(made->issuer_der, c.issuer_der);
  EXPECT_EQ(made->spki, c.spki);
  EXPECT_EQ(made->not_before, c.not_before);
  EXPECT_EQ(made->not_after, c.not_after);
  EXPECT_EQ(made->sans, c.sans);
  EXPECT_EQ(made->key_usage, c.key_usage);
  EXPECT_EQ(made->extended_key_usages, c.extended_key_usages);
  EXPECT_EQ(made->is_ca, c.is_ca);
  EXPECT_EQ(made->path_length, c.path_length);
  EXPECT_EQ(made->subject_key_id, c.subject_key_id);
  EXPECT_EQ(made->authority_key_id, c.authority_key_id);
  EXPECT_EQ(made->permitted_names, c.permitted_names);
  EXPECT_EQ(made->excluded_names, c.excluded_names);
  EXPECT_EQ(made->crl_urls, c.crl_urls);
}

// The inode of every file by its path, from PkiTest::Everything().
std::map<std::string, std::string> InodesIn(const std::string& everything) {
  std::map<std::string, std::string> inodes;
  for (absl::string_view line : absl::StrSplit(everything, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    inodes[std::string(absl::StripPrefix(words[0], "./"))] = words[2];
  }
  return inodes;
}

// Whether the files that were written, and so have other inodes, are those that were foreseen.
void ExpectWritten(const std::string& before, const std::string& after,
                   const std::set<std::string>& foreseen) {
  const std::map<std::string, std::string> old = InodesIn(before), now = InodesIn(after);
  std::set<std::string> written;
  for (const auto& [path, inode] : now) {
    auto was = old.find(path);
    if (was != old.end() && was->second == inode) continue;
    const bool folder = path.find('.') == std::string::npos;
    if (!folder && !absl::StrContains(path, ".damaged")) written.insert(path);
  }
  for (const std::string& path : written) EXPECT_EQ(foreseen.count(path), 1u) << "not foreseen: " << path;
  for (const std::string& path : foreseen) {
    // The same may have been kept before.
    if (absl::StartsWith(path, "pki/superseded/")) continue;
    EXPECT_EQ(written.count(path), 1u) << "not written: " << path;
  }
}

bool HasReason(const Outlook& outlook, absl::string_view text) {
  return std::any_of(outlook.reasons.begin(), outlook.reasons.end(),
                     [text](const Reason& reason) { return reason.text == text; });
}

}  // namespace

std::string NamesOf(const Outlook& outlook) {
  std::string names;
  for (const Reason& reason : outlook.reasons) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", reason.name);
  }
  return names;
}

std::string ChangesOf(const Outlook& outlook) {
  std::string text;
  for (const Change& change : outlook.changes) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", change.what, ": \"", change.from, "\" -> \"", change.to,
                    "\"");
  }
  return text;
}

PkiOutlookTest::PkiOutlookTest() : first_({ca_key_, ca_cert_, key_, csr_, cert_}), start_(now_) {
  first_[4]["superseded"] = "pki/superseded/x";
}

void PkiOutlookTest::Fresh() {
  SetUp();
  now_ = start_;
  ca_key_ = first_[0];
  ca_cert_ = first_[1];
  key_ = first_[2];
  csr_ = first_[3];
  cert_ = first_[4];
  MakeAll();
}

void PkiOutlookTest::Try(const AnyStep& run, const AnyLook& look, Json* record,
                         const std::vector<Situation>& situations) {
  for (const Situation& situation : situations) {
    SCOPED_TRACE(situation.what);
    Fresh();
    situation.change();
    Outlook outlook = Agree(run, look, *record);
    EXPECT_EQ(NamesOf(outlook), situation.reasons) << Join(outlook.reasons) << outlook.note;
    if (situation.changes != "*") {
      EXPECT_EQ(ChangesOf(outlook), situation.changes);
    }
    EXPECT_EQ(outlook.changes_digest, situation.changes_digest);
    outlook = LookAt(look, *record);
    EXPECT_EQ(NamesOf(outlook), "");
    EXPECT_FALSE(outlook.changes_digest);
    EXPECT_TRUE(outlook.files.empty());
  }
}

std::string PkiOutlookTest::Refused(const AnyStep& run, const AnyLook& look, const Json& record) {
  const int failed = failed_;
  Outlook outlook = Agree(run, look, record);
  EXPECT_EQ(failed_, failed + 1) << record;
  return outlook.note;
}

void PkiOutlookTest::SetMode(const std::string& path, mode_t mode) {
  ASSERT_EQ(chmod(path.c_str(), mode), 0) << path;
}

void PkiOutlookTest::Remove(const std::string& path) { ASSERT_EQ(unlink(path.c_str()), 0) << path; }

void PkiOutlookTest::Flip(const std::string& path, size_t from_the_end) {
  std::string text = Read(path);
  char& c = text[text.size() - from_the_end];
  c = c == 'A' ? 'B' : 'A';
  Write(path, text, ModeOf(path));
}

Outlook PkiOutlookTest::LookAt(const AnyLook& look, const Json& record) const {
  const Foreseen nothing;
  const std::string before = Everything();
  absl::StatusOr<Outlook> outlook = look({"test", now_, nothing}, record);
  EXPECT_EQ(Everything(), before) << "the look changed something";
  EXPECT_TRUE(outlook.ok()) << outlook.status() << "\n" << record;
  return outlook.ok() ? *std::move(outlook) : Outlook();
}

void PkiOutlookTest::ExpectAgreement(const PkiStep& step, const absl::StatusOr<Outlook>& outlook,
                                     const absl::StatusOr<StepResult>& result, const std::string& stamp) {
  if (!result.ok() || !outlook.ok() || outlook->waits) {
    EXPECT_TRUE(!result.ok() && (!outlook.ok() || outlook->waits))
        << "the step: " << result.status() << "\nthe look: " << outlook.status();
    if (result.ok()) return;
    const bool anew = absl::StrContains(outlook.status().message(), "made anew");
    if (!anew) {
      EXPECT_EQ(outlook.ok() ? outlook->note : outlook.status().message(), result.status().message());
    }
    ++failed_;
    return;
  }
  ++(result->reason.empty() ? right_ : made_);
  for (const Reason& reason : outlook->reasons) seen_.emplace(reason.name);
  EXPECT_EQ(outlook->reasons.empty(), result->reason.empty())
      << "the look: " << Join(outlook->reasons) << "\nthe step: " << result->reason;
  if (!HasReason(*outlook, "its key is made anew")) {
    EXPECT_TRUE(absl::StartsWith(result->reason, Join(outlook->reasons)))
        << "the look: " << Join(outlook->reasons) << "\nthe step: " << result->reason;
  }
  if (!outlook->digest.empty()) {
    EXPECT_EQ(outlook->digest, result->digest);
  } else {
    EXPECT_TRUE(outlook->changes_digest);
    EXPECT_NE(result->digest, stamp);
  }
  if (touched_.count(step.label) == 0 && !stamp.empty()) {
    EXPECT_EQ(outlook->changes_digest, result->digest != stamp);
  }
  for (const auto& [path, file] : outlook->files) {
    // What the steps after it did to the superseded folder and to the same file is their affair.
    ExpectForeseen(path, file, Read(path));
  }
}

Outlook PkiOutlookTest::Agree(const AnyStep& run, const AnyLook& look, const Json& record) {
  const PkiStep step = {"test", run, look, record, {}};
  const Foreseen nothing;
  const std::string before = Everything();
  absl::StatusOr<Outlook> outlook = look({"test", now_, nothing}, record);
  EXPECT_EQ(Everything(), before) << "the look changed something";
  ExpectAgreement(step, outlook, RunNow(run, record), "");
  if (outlook.ok()) return *std::move(outlook);
  Outlook failed;
  failed.note = std::string(outlook.status().message());
  return failed;
}

bool PkiOutlookTest::AgreeAll(const std::vector<PkiStep>& steps) {
  Foreseen foreseen;
  std::set<std::string> paths;
  std::map<std::string, Looked> looks;
  const std::string before = Everything();
  for (const PkiStep& step : steps) {
    Looked& looked = looks[step.label];
    for (const std::string& input : step.inputs) {
      const Looked& it = looks[input];
      looked.skipped = looked.skipped || it.skipped || !it.outlook.ok() || it.outlook->waits;
    }
    if (looked.skipped) continue;
    looked.outlook = step.look({step.label, now_, foreseen}, step.record);
    if (!looked.outlook.ok()) continue;
    for (const auto& [path, file] : looked.outlook->files) {
      foreseen.Add(path, file);
      paths.insert(path);
    }
  }
  EXPECT_EQ(Everything(), before) << "a look changed something";

  std::set<std::string> undone;
  for (const PkiStep& step : steps) {
    SCOPED_TRACE(absl::StrCat(step.label, " ", step.record.dump()));
    const bool skipped = std::any_of(step.inputs.begin(), step.inputs.end(),
                                     [&](const std::string& input) { return undone.count(input) != 0; });
    const Looked& looked = looks[step.label];
    EXPECT_EQ(looked.skipped, skipped);
    if (skipped) {
      undone.insert(step.label);
      continue;
    }
    StepContext context;
    context.label = step.label;
    context.now = now_;
    absl::StatusOr<StepResult> result = step.run(context, step.record);
    if (!looked.skipped) ExpectAgreement(step, looked.outlook, result, stamps_[step.label]);
    if (!result.ok()) {
      undone.insert(step.label);
      continue;
    }
    stamps_[step.label] = result->digest;
    touched_.erase(step.label);
  }
  if (undone.empty()) ExpectWritten(before, Everything(), paths);
  return undone.empty();
}

}  // namespace kplan
