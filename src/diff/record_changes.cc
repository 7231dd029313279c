#include "src/diff/record_changes.h"

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/record.h"
#include "src/pki/certificate.h"
#include "src/pki/issue.h"
#include "src/pki/private_key.h"
#include "src/step/certificate_changes.h"
#include "src/step/host_outlook.h"
#include "src/steps/pki/certificate_wish.h"

namespace kplan {
namespace {

// What a record wants of its certificate, of a key that is nobody's and signed by nobody. No value where it
// wants nothing that can be made, and for other records.
std::optional<Certificate> CertificateOf(const AnyRecord& record) {
  absl::StatusOr<CertificateSpec> spec = CertificateSpecOf(record);
  absl::StatusOr<std::string> key = AnyPublicKey();
  if (!spec.ok() || !key.ok() || spec->subject == nullptr || !spec->lifetime.expiry.has_value())
    return std::nullopt;
  const Validity validity = {0, *spec->lifetime.expiry};
  absl::StatusOr<Certificate> made = ForeseeCertificate(
      {spec->subject.get(), spec->extensions, /*serial=*/"", validity}, *key, /*issuer=*/nullptr);
  if (!made.ok()) return std::nullopt;
  return *std::move(made);
}

void Add(RecordChanges* out, absl::string_view name, std::string text, std::vector<Change> changes) {
  out->reasons.push_back({name, std::move(text)});
  for (Change& change : changes) out->changes.push_back(std::move(change));
}

// WHAT is a static text.
void CompareText(absl::string_view what, const std::string& from, const std::string& to, RecordChanges* out) {
  if (from == to) return;
  Add(out, what,
      absl::StrCat(what, " was ", from.empty() ? "not set" : from, ", is ", to.empty() ? "not set" : to),
      {{std::string(what), from, to}});
}

// In the words of CertificateChanges().
std::vector<Change> SanChanges(const StringPairs& from, const StringPairs& to) {
  std::vector<Change> changes;
  auto text = [](const auto& san) { return absl::StrCat(san.first, " ", san.second); };
  for (const auto& san : to) {
    if (std::find(from.begin(), from.end(), san) == from.end()) changes.push_back({"SAN", "", text(san)});
  }
  for (const auto& san : from) {
    if (std::find(to.begin(), to.end(), san) == to.end()) changes.push_back({"SAN", text(san), ""});
  }
  return changes;
}

// A value of a record that has no words of its own, for a person.
std::string ValueText(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

class Comparer {
 public:
  explicit Comparer(bool secret) : secret_(secret) {}

  RecordChanges Compare(const AnyRecord& before, const AnyRecord& after, const Json& from, const Json& to) {
    std::visit(
        [&](const auto& new_record) {
          using T = std::decay_t<decltype(new_record)>;
          const T* old_record = std::get_if<T>(&before);
          if (old_record == nullptr) {
            Add(&out_, "kind", "it is made in another way", {});
            out_.other = true;
            return;
          }
          CompareOf(*old_record, new_record, before, after, from, to);
        },
        after);
    return std::move(out_);
  }

 private:
  template <typename T>
  void CompareOf(const T& from, const T& to, const AnyRecord& before, const AnyRecord& after,
                 const Json& old_json, const Json& new_json) {
    if constexpr (std::is_same_v<T, KeyRecord>) {
      CompareKeys(from, to);
    } else if constexpr (std::is_same_v<T, CertRecord> || std::is_same_v<T, CaCertRecord>) {
      CompareCertificates(before, after);
    } else if constexpr (std::is_same_v<T, CsrRecord>) {
      if (from.subject != to.subject) Add(&out_, "subject", "subject differs", {});
      if (from.sans != to.sans) Add(&out_, "names", "names differ", SanChanges(from.sans, to.sans));
      out_.other = !out_.reasons.empty();
    } else if constexpr (std::is_same_v<T, RenderRecord>) {
      if (from.content == to.content) return;
      Add(&out_, "content", "content differs",
          secret_ ? SecretContentChange() : ContentChanges(from.content, to.content));
      out_.other = true;
    } else if constexpr (std::is_base_of_v<FileFields, T> || std::is_same_v<T, DirRecord>) {
      CompareText("mode", from.mode, to.mode, &out_);
      CompareText("owner", from.owner, to.owner, &out_);
      CompareText("root", from.root, to.root, &out_);
      out_.other = from.root != to.root || (std::is_same_v<T, DirRecord> && !out_.reasons.empty());
    } else if constexpr (std::is_same_v<T, PairRecord>) {
      CompareText("owner", from.owner, to.owner, &out_);
      CompareText("root", from.root, to.root, &out_);
      out_.other = from.root != to.root;
    } else if constexpr (std::is_same_v<T, ArchiveRecord>) {
      CompareText("url", from.url, to.url, &out_);
      CompareText("mirrors", absl::StrJoin(from.mirrors, ", "), absl::StrJoin(to.mirrors, ", "), &out_);
      CompareText("ca", from.ca, to.ca, &out_);
      CompareText("netrc", from.netrc, to.netrc, &out_);
      CompareText("token", from.token.Place(), to.token.Place(), &out_);
      if (from.sha256 != to.sha256) {
        Add(&out_, "content", "content differs",
            {{"content", DigestText(from.sha256), DigestText(to.sha256)}});
        out_.other = true;
      }
    } else if constexpr (std::is_same_v<T, SendRecord> || std::is_same_v<T, ServiceRecord> ||
                         std::is_same_v<T, RolloutRecord> || std::is_same_v<T, SourceRecord>) {
      // What is sent, and what is started again, is told by what changes.
    } else {
      CompareFields(old_json, new_json);
      // Whichever way it is reached, it is one machine.
      out_.other = !std::is_same_v<T, HostRecord> ||
                   std::any_of(out_.changes.begin(), out_.changes.end(),
                               [](const Change& change) { return change.what == "arch"; });
    }
  }

  void CompareKeys(const KeyRecord& from, const KeyRecord& to) {
    const std::string was = KindOfKey(from.algo, static_cast<int>(from.size)),
                      is = KindOfKey(to.algo, static_cast<int>(to.size));
    if (was != is)
      Add(&out_, "kind", absl::StrCat("key was ", was, ", is ", is),
          {{"key", was, absl::StrCat("a new ", is, " key")}});
    if (from.generation != to.generation)
      Add(&out_, "generation", absl::StrCat("key-generation was ", from.generation, ", is ", to.generation),
          {{"key-generation", absl::StrCat(from.generation), absl::StrCat(to.generation)}});
    out_.other = !out_.reasons.empty();
    CompareText("format", from.format, to.format, &out_);
    if (!(from.passphrase == to.passphrase)) Add(&out_, "encryption", "its passphrase is elsewhere", {});
  }

  void CompareCertificates(const AnyRecord& before, const AnyRecord& after) {
    const std::optional<Certificate> from = CertificateOf(before), to = CertificateOf(after);
    if (!from.has_value() || !to.has_value()) {
      Add(&out_, "content", "it says something else", {});
      out_.other = true;
      return;
    }
    std::vector<Change> changes = CertificateChanges(*from, *to);
    // These follow from who signs it, and when.
    changes.erase(std::remove_if(changes.begin(), changes.end(),
                                 [](const Change& change) {
                                   return change.what == "issuer" || change.what == "issuer key" ||
                                          change.what == "until" || change.what == "key";
                                 }),
                  changes.end());
    if (changes.empty()) return;
    Add(&out_, "content", "content differs", std::move(changes));
    out_.other = true;
  }

  // By the keys of the record.
  void CompareFields(const Json& from, const Json& to) {
    if (!from.is_object() || !to.is_object()) return;
    std::vector<std::string> names;
    for (const Json* json : {&from, &to}) {
      for (const auto& field : json->items()) {
        if (std::find(names.begin(), names.end(), field.key()) == names.end()) names.push_back(field.key());
      }
    }
    for (const std::string& name : names) {
      const Json was = from.value(name, Json()), is = to.value(name, Json());
      if (was == is) continue;
      const bool shown = !secret_ && !was.is_structured() && !is.is_structured();
      std::vector<Change> changes;
      if (shown)
        changes.push_back({name, was.is_null() ? "" : ValueText(was), is.is_null() ? "" : ValueText(is)});
      Add(&out_, "record", absl::StrCat(name, " differs"), std::move(changes));
    }
  }

  const bool secret_;
  RecordChanges out_;
};

}  // namespace

RecordChanges CompareRecords(absl::string_view before, absl::string_view after, bool secret) {
  const absl::StatusOr<Json> from = ParseRecord(before), to = ParseRecord(after);
  if (!from.ok() || !to.ok()) return {};  // of no graph
  return Comparer(secret).Compare(ReadAnyRecord(before), ReadAnyRecord(after), *from, *to);
}

}  // namespace kplan
