#ifndef KPLAN_MODEL_PKI_VALUES_H_
#define KPLAN_MODEL_PKI_VALUES_H_

#include <string>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/model/pki.h"
#include "src/spec/spec.h"

namespace kplan {

// What CAs, profiles and certificates are written with: keys, subjects, lives. Each function reports what is
// wrong where it stands and then gives a value that later checks can work with.
class PkiValues {
 public:
  // COMPLETE: what is not set nobody wrote (Spec::well_formed).
  explicit PkiValues(Diagnostics* diagnostics, bool complete = true)
      : diagnostics_(diagnostics), complete_(complete) {}

  // What is not set is FALLBACK's.
  Life ResolveLife(const Text& expiry, const Text& backdate, const Text& renew_before, const Life& fallback);
  IssuerUrls ResolveUrls(const UrlsSpec& spec, const IssuerUrls& fallback);

  KeyKind ResolveKey(const KeySpec& spec);
  // NAME is what the secret is called, and how the two keys begin: "passphrase", "token".
  PassphraseSource ResolveSecret(const PassphraseSpec& spec, absl::string_view name);
  PassphraseSource ResolvePassphrase(const PassphraseSpec& spec) { return ResolveSecret(spec, "passphrase"); }

  // cfssl's "names" as ("C", "US"), ...
  StringPairs ResolveNames(const std::vector<NameSpec>& names);
  void CheckField(absl::string_view field, absl::string_view value, Range range);

  // cfssl's max_path_len; kNoPathLength when it is not set.
  int ResolvePathLength(const Text& text);
  // "true" or "false"; FALLBACK when it is not set.
  bool ResolveBool(const Text& text, absl::string_view key, bool fallback);

  // The path of a file, relative to DIR; KEY is what it is given by.
  std::string ResolvePath(const Text& text, absl::string_view key);

 private:
  Diagnostics* diagnostics_;
  bool complete_;
};

// What `format` is written as for a key of the kind KEY.
absl::string_view FormatName(const KeyKind& key);

// Whether NAME can be part of file names and labels: letters, digits, . _ and -, no . or - in front, at most
// 64.
bool IsFileName(absl::string_view name);

}  // namespace kplan

#endif  // KPLAN_MODEL_PKI_VALUES_H_
