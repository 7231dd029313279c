#ifndef KPLAN_HOST_PAIR_SWAP_H_
#define KPLAN_HOST_PAIR_SWAP_H_

// A certificate and its private key, two files in one folder of a host, exchanged for another such pair so
// that whoever opens both names finds two files that belong together, and that a kill or a power cut at any
// point leaves two that do.
//
// At rest both are regular files. A swap of  x.pem x-key.pem  goes through a link that both names share:
//
//   .x.pem.kplan-pair.old/{x.pem,x-key.pem}   copies of the old pair
//   .x.pem.kplan-pair.new/{x.pem,x-key.pem}   copies of the new one
//   .x.pem.kplan-pair                         -> .x.pem.kplan-pair.old
//   x.pem      -> .x.pem.kplan-pair/x.pem     one name after the other: the same content, so no order matters
//   x-key.pem  -> .x.pem.kplan-pair/x-key.pem
//   .x.pem.kplan-pair                         -> .x.pem.kplan-pair.new    the flip: one rename
//   x.pem, x-key.pem                          regular files with the new content, again in any order
//
// The folders belong to whoever runs kplan and may be entered by all (0711): the service needs no right to
// them but that, and the files in them have the owners and modes of those that they stand for.
//
// What is left is a reader that has read the certificate before the flip and opens the key after it, some
// 20 us at a handshake. Servers read the certificate first (Go's tls.LoadX509KeyPair, etcd's
// pkg/tlsutil/tlsutil.go NewCert), so: nobody may open the old certificate for a while (hold_readers.h); in
// that time those who had it open already go on to the old key; the flip; and before the others are let go,
// the old certificate, by now without any name that leads to it, gets the new one's bytes: they read the new
// certificate, and then open the new key. Where there are no leases (NFS) those 20 us remain, for one
// handshake in some 150 flips at 200 a second; so they do for a reader that is held up between its two files
// for longer than PairSwapOptions::drain, and for one that waits when a kill falls between the flip and the
// new bytes. A service that reads the key first must not be held: it would read the old key, wait, and get
// the new certificate.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/clock.h"
#include "src/base/files.h"
#include "src/host/install_file.h"
#include "src/pki/openssl_util.h"

namespace kplan {

// The content of the two files; a file that is not there is empty.
struct PairContent {
  Secret certificate, key;
};

// A file that is larger holds neither certificates nor a key.
inline constexpr size_t kMaxPairFile = 1 << 20;

// For tests; a step takes the defaults, and its own clock.
struct PairSwapOptions {
  // How long a reader that has read the certificate may take to open the key; also how long one that is
  // inside a call of open(2) may take to get there before the folders go. A process that is held up for
  // longer than a period of the kernel's CPU quota (100 ms) has other troubles.
  absl::Duration drain = absl::Milliseconds(100);
  bool hold_readers = true;
  Clock* clock = Clock::Real();
};

class PairSwap {
 public:
  // Both targets have to be in the same folder.
  PairSwap(InstallTarget certificate, InstallTarget key, PairSwapOptions options = {});

  struct State {
    HostFileState certificate, key;                       // of the names themselves
    bool certificate_linked = false, key_linked = false;  // the name is one of our links
    bool left_over = false;  // there are folders, links or files of a swap, whether or not a name leads there
    bool locked = false;     // see Lock(); without a living owner, the next lock takes it over

    bool linked() const { return certificate_linked || key_linked; }
  };
  // FailedPrecondition for anything that is not a file and not ours: other links, also where the link and the
  // folders above go; and those when somebody else owns them.
  absl::StatusOr<State> Look() const;

  // What a reader of the two names would read now.
  absl::StatusOr<PairContent> Read(const State& state) const;

  // Keeps other processes from changing this pair; Aborted when one does. Makes the folder when missing.
  absl::StatusOr<PendingFile> Lock() const;

  // Ends a swap that was cut short: NOW, which is what Read() gave, in regular files, and nothing else. A
  // name whose content is missing keeps its link.
  absl::Status Settle(const State& state, const PairContent& now) const;

  // OLD_PAIR must be there, in regular files and belonging together; NEW_PAIR is afterwards. When it fails,
  // one of them is there.
  absl::Status Swap(const PairContent& old_pair, const PairContent& new_pair) const;

  // Replaces a single file, whole.
  absl::Status PutCertificate(const PairContent& pair) const { return Put(certificate_, pair.certificate); }
  absl::Status PutKey(const PairContent& pair) const { return Put(key_, pair.key); }

 private:
  // Our two folders, where this object made them: copies of keys are in them, and must go even where they
  // cannot be opened a second time.
  struct Stages {
    UniqueFd old_one, new_one;
  };
  enum class Progress { kPrepared, kLinked, kFlipped };  // where the two names lead

  absl::StatusOr<UniqueFd> OpenFolder(bool create) const;
  // One of our two folders; NotFound without it.
  absl::StatusOr<UniqueFd> OpenStage(int folder, const std::string& name) const;
  // The one that the link leads to.
  absl::StatusOr<UniqueFd> OpenLinkedStage(int folder) const;
  std::string LinkText(const InstallTarget& target) const;

  absl::StatusOr<PendingFile> Fill(int folder, const InstallTarget& target, const Secret& content) const;
  absl::Status Put(const InstallTarget& target, const Secret& content) const;
  absl::Status MakeStage(int folder, const std::string& name, const PairContent& pair, UniqueFd* stage) const;
  absl::Status MakeLink(int folder, const std::string& text, const std::string& name) const;
  absl::Status Flip(int folder, int old_stage, const PairContent& new_pair, Progress* progress) const;
  absl::Status TrySwap(int folder, const PairContent& old_pair, const PairContent& new_pair, Stages* stages,
                       Progress* progress) const;
  absl::Status RemoveStage(int folder, const std::string& name, const UniqueFd& known) const;
  absl::Status Clean(int folder, const Stages& known) const;

  const InstallTarget certificate_, key_;
  const PairSwapOptions options_;
  // Names in the folder. A link is made under its second name and renamed.
  const std::string lock_, link_, unfinished_link_, old_stage_, new_stage_;
};

}  // namespace kplan

#endif  // KPLAN_HOST_PAIR_SWAP_H_
