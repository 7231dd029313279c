#ifndef KPLAN_STEP_OUTLOOK_H_
#define KPLAN_STEP_OUTLOOK_H_

// What a step would find, and do, if it ran now: the looking half of every step, by the code that the step
// itself decides with, and nothing of the doing. `plan`, `status` and `gen` ask here, so that what explains
// and what decides cannot disagree.
//
// A look reads what the step reads and changes nothing: no lock, no time stamp, no process (but for the two
// that only tell: `systemctl show`, and getent for an account that is not in /etc/passwd). Private keys that
// need a passphrase stay shut.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/fields.h"
#include "src/base/reason.h"
#include "src/host/may_reach.h"
#include "src/pki/certificate.h"
#include "src/step/any_record.h"

namespace kplan {

// What a file will be that a step before this one is going to write.
struct ForeseenFile {
  // What exactly will be in it, where that is known: text that `gen` rendered, a public file that is copied.
  std::optional<std::string> content;
  // The digest (Sha256Hex) of what will be in it, where that is too large to hold: a program.
  std::optional<std::string> sha256;
  // What a certificate will say, apart from its serial number, its times below the minute and its signature.
  // Null for other files, and when the key will be another one.
  std::shared_ptr<const Certificate> certificate;
  // The public key (DER of the SubjectPublicKeyInfo) of a private key that is only written again, and of a
  // request. Empty for other files, and when the key will be another one.
  std::string spki = {};
  // Whether the PEM block of such a private key stays as it is, too, and only the text around it changes.
  bool same_block = false;
  // Of a file on a host (host/waiting_file.h).
  enum class Comes {
    kInPlace,
    kBeside,   // it will wait for its service
    kAlready,  // it is in place, and is not written: what waits beside it goes
  };
  Comes comes = Comes::kInPlace;
  // Of a folder on a host: who will get where in it.
  std::optional<PlaceRights> folder = {};
  // It is not here, and what is made again from what stays as it is will be what it was (look/notes.h).
  bool again = false;
};

// The files that will be written before this step runs, by their paths as the records of the readers have
// them ("pki/ca.pem"; on a host PathFromHere(root, path)). What is not here stays as it is on disk.
class Foreseen {
 public:
  void Add(std::string path, ForeseenFile file) { files_[std::move(path)] = std::move(file); }
  // Null: the file stays as it is.
  const ForeseenFile* Find(const std::string& path) const {
    auto found = files_.find(path);
    return found == files_.end() ? nullptr : &found->second;
  }
  bool empty() const { return files_.empty(); }

 private:
  std::map<std::string, ForeseenFile> files_;
};

// One difference between what is there and what will be, in the words of the field.
struct Change {
  // "SAN", "usage", "expiry", "CN", "key", "mode", "owner", "[Service] User", "flag --name"
  std::string what;
  std::string from, to;  // empty: there was none, there will be none. Of keys: "SHA256:..." of the public key
};

// What a step that is about the services of several hosts would do with one of them.
struct ServiceOutlook {
  std::string host, service;  // "etcd-2", "etcd"
  bool starts = false, restarts = false, reloads = false;
  std::vector<Reason> reasons;
  std::vector<Change> changes;  // of its command, where what it runs with is known
};

struct Outlook {
  // Why the step would do something; empty: the artifact is right, and the step would change nothing. The
  // names are for programs: "missing", "content", "mode", "owner", "names", "key", "issuer", "expires-soon".
  std::vector<Reason> reasons;
  std::vector<Change> changes;
  // Whether what depends on the artifact becomes stale with it: a mode that is put right changes no digest.
  // As far as the artifact itself can tell; where `digest` is known, whether it is the stamp's says more (a
  // request that was deleted comes back the same, a certificate that was put there by hand is right and new).
  bool changes_digest = false;
  // What the step would return as its digest, where that is known before; empty where it will be one that
  // never was, and where a passphrase would be needed to know.
  std::string digest = {};
  // The files that the step will write, with what is known of them; empty when it changes nothing.
  std::vector<std::pair<std::string, ForeseenFile>> files;
  bool starts = false, restarts = false;  // of a service
  bool reloads = false;                   // of one: it reads its files again, and runs on
  std::vector<ServiceOutlook> services;   // of a step about several: in its order, those that it would touch
  bool beside = false;  // after its step the artifact waits for its service (StepResult::waiting)
  bool waits = false;   // for somebody's hand: a certificate that is signed elsewhere
  std::string note;     // what else a person should know: "2.3 MB from https://..."
};

struct LookContext {
  std::string label;
  absl::Time now;
  const Foreseen& foreseen;
};

// Each beside its step, in the file of its name. An error is one with which the step would fail, too, and its
// message is the step's.
#define KPLAN_KIND(Name, ...) absl::StatusOr<Outlook> Name##Look(const LookContext&, const Name##Record&);
#include "src/step/kinds.def"

// Any of these, with the record as it is kept.
using LookFunction = absl::StatusOr<Outlook> (*)(const LookContext&, const Json& record);

template <typename R, absl::StatusOr<Outlook> (*look)(const LookContext&, const R&)>
absl::StatusOr<Outlook> LookAs(const LookContext& context, const Json& json) {
  absl::StatusOr<R> record = FromJson<R>(json);
  if (!record.ok()) return record.status();
  return look(context, *record);
}

}  // namespace kplan

#endif  // KPLAN_STEP_OUTLOOK_H_
