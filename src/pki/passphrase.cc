#include "src/pki/passphrase.h"

#include <stdlib.h>
#include <string.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/pki/secret_file.h"

namespace kplan {
namespace {

constexpr size_t kMaxPassphrase = 1024;

absl::StatusOr<Secret> ReadLine(const std::string& path, absl::string_view name, size_t max) {
  const std::string what = absl::StrCat("the ", name, " file");
  // Room for a line end, and to see that there is more.
  absl::StatusOr<Secret> whole = ReadSecretFile(path, what, max + 2);
  if (!whole.ok()) return whole.status();
  const absl::string_view text = whole->view();
  size_t end = std::min(text.find('\n'), text.size());
  if (end > 0 && end < text.size() && text[end - 1] == '\r') --end;
  auto refuse = [&](absl::string_view why) {
    return absl::FailedPreconditionError(absl::StrCat(what, " ", path, " ", why));
  };
  if (end > max) return refuse(absl::StrCat("has a first line of more than ", max, " bytes"));
  if (end == 0) return refuse("has an empty first line");
  // `openssl` would take what stands before it for the whole; and UTF-16 is full of them.
  if (absl::StrContains(text.substr(0, end), '\0'))
    return refuse("has a NUL in its first line; is it UTF-16?");
  return Secret(std::string(text.substr(0, end)));
}

}  // namespace

absl::StatusOr<Secret> ReadSecretLine(const PassphraseSource& source, absl::string_view name, size_t max) {
  if (source.kind == PassphraseSource::Kind::kFile) return ReadLine(source.name, name, max);
  if (source.kind != PassphraseSource::Kind::kEnvironment) {
    return absl::InvalidArgumentError(absl::StrCat("there is no ", name, " to read"));
  }
  const char* value = getenv(source.name.c_str());
  if (value == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("the environment variable ", source.name, ", which holds a ", name, ", is not set"));
  }
  if (*value == '\0' || strlen(value) > max) {
    return absl::FailedPreconditionError(absl::StrCat("the ", name, " in the environment variable ",
                                                      source.name,
                                                      *value == '\0' ? " is empty" : " is too long"));
  }
  return Secret(value);
}

absl::StatusOr<Secret> ReadPassphrase(const PassphraseSource& source) {
  return ReadSecretLine(source, "passphrase", kMaxPassphrase);
}

}  // namespace kplan
