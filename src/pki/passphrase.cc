#include "src/pki/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/disk.h"
#include "src/base/files.h"

namespace kplan {
namespace {

constexpr size_t kMaxPassphrase = 1024;

absl::Status Refuse(const std::string& name, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("the passphrase file ", name, " ", why));
}

absl::StatusOr<Secret> ReadPassphraseFile(const std::string& name) {
  UniqueFd fd(disk::Open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not hang us
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot read the passphrase file ", name));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot look at ", name));
  if (!S_ISREG(info.st_mode)) return Refuse(name, "is not a regular file");
  if ((info.st_mode & 07) != 0) {
    return Refuse(name, absl::StrFormat("has mode %04o, so that everybody on this machine may use it; chmod "
                                        "600 it, and think about another passphrase",
                                        info.st_mode & 07777));
  }
  std::string text(kMaxPassphrase + 2, '\0');  // room for a line end, and to see that there is more
  size_t size = 0;
  while (size < text.size()) {
    ssize_t n = disk::Read(fd.get(), &text[size], text.size() - size);
    if (n < 0) {
      int error = errno;
      Secret wiped(std::move(text));
      return ErrnoStatus(error, absl::StrCat("cannot read the passphrase file ", name));
    }
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  size_t end = 0;
  while (end < size && text[end] != '\n') ++end;
  if (end > 0 && end < size && text[end - 1] == '\r') --end;
  Secret whole(std::move(text));
  if (end > kMaxPassphrase) return Refuse(name, "has a first line of more than 1024 bytes");
  if (end == 0) return Refuse(name, "has an empty first line");
  absl::string_view line = whole.view().substr(0, end);
  // `openssl` would take what stands before it for the whole; and UTF-16 is full of them.
  if (absl::StrContains(line, '\0')) return Refuse(name, "has a NUL in its first line; is it UTF-16?");
  return Secret(std::string(line));
}

}  // namespace

absl::StatusOr<Secret> ReadPassphrase(const PassphraseSource& source) {
  if (source.kind == PassphraseSource::Kind::kFile) return ReadPassphraseFile(source.name);
  if (source.kind != PassphraseSource::Kind::kEnvironment) {
    return absl::InvalidArgumentError("there is no passphrase to read");
  }
  const char* value = getenv(source.name.c_str());
  if (value == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("the environment variable ", source.name, ", which holds a passphrase, is not set"));
  }
  if (*value == '\0' || strlen(value) > kMaxPassphrase) {
    return absl::FailedPreconditionError(absl::StrCat("the passphrase in the environment variable ",
                                                      source.name,
                                                      *value == '\0' ? " is empty" : " is too long"));
  }
  return Secret(value);
}

}  // namespace kplan
