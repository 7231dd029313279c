#ifndef KPLAN_PKI_PASSPHRASE_SOURCE_H_
#define KPLAN_PKI_PASSPHRASE_SOURCE_H_

#include <string>

namespace kplan {

// Where the passphrase of a private key is that is encrypted at rest, or another secret of one line, such as
// a token. The secret itself is read by who needs it (passphrase.h), and stands nowhere else.
struct PassphraseSource {
  enum class Kind {
    kNone,         // the key is not encrypted
    kFile,         // the first line of the file NAME, relative to DIR, without its line end
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
  // "FILE", "$NAME"; empty when there is none.
  std::string Place() const { return kind == Kind::kEnvironment ? "$" + name : name; }

  friend bool operator==(const PassphraseSource& a, const PassphraseSource& b) {
    return a.kind == b.kind && a.name == b.name;
  }
};

}  // namespace kplan

#endif  // KPLAN_PKI_PASSPHRASE_SOURCE_H_
