#ifndef KPLAN_PKI_PASSPHRASE_H_
#define KPLAN_PKI_PASSPHRASE_H_

// The passphrase of a private key that is encrypted at rest. It is in no record: a record says where it is.

#include <string>

#include "absl/status/statusor.h"
#include "src/base/record.h"
#include "src/pki/openssl_util.h"

namespace kplan {

struct PassphraseSource {
  enum class Kind {
    kNone,         // the key is not encrypted
    kFile,         // the first line of the file NAME, without its line end
    kEnvironment,  // the value of the environment variable NAME
    kWithheld,     // there is one, and it is not asked for: whoever only looks leaves an encrypted key shut
  };

  Kind kind = Kind::kNone;
  std::string name;

  bool given() const { return kind != Kind::kNone; }
  // That there is one, for whoever only looks.
  PassphraseSource Withheld() const { return {given() ? Kind::kWithheld : Kind::kNone, ""}; }
  // "the passphrase in FILE", "the passphrase in $NAME": for messages.
  std::string Text() const;

  // From a record: KEY is ["file", PATH] or ["env", NAME], or is not there. InvalidArgument for anything
  // else.
  static absl::StatusOr<PassphraseSource> From(const Record& record, const char* key);
};

// The passphrase itself, 1 to 1024 bytes without NUL. Errors, which name the source and never quote it:
// NotFound when there is no such file or variable; FailedPrecondition when it is empty or too long, when the
// file is not a regular one (every step that needs it reads it again, which a pipe does not bear), or when
// others than owner and group can read or write it. InvalidArgument when there is none, or it is withheld.
absl::StatusOr<Secret> ReadPassphrase(const PassphraseSource& source);

}  // namespace kplan

#endif  // KPLAN_PKI_PASSPHRASE_H_
