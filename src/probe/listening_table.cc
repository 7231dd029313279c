#include "src/probe/listening_table.h"

#include <errno.h>
#include <fcntl.h>

#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/disk.h"
#include "src/base/files.h"

namespace kplan {
namespace {

// The state TCP_LISTEN of the kernel, as the tables write it.
constexpr absl::string_view kListen = "0A";

// "0100007F" as the octets of 127.0.0.1: each 32-bit word is a number of this machine. Empty: no address.
std::string OctetsOf(absl::string_view text) {
  if (text.size() != 8 && text.size() != 32) return "";
  std::string octets;
  for (size_t i = 0; i < text.size(); i += 8) {
    uint32_t word;
    if (!absl::SimpleHexAtoi(text.substr(i, 8), &word)) return "";
    octets.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  return octets;
}

// Lines of a file, read in pieces that are no longer than one of /proc/net/tcp.
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}

  // False at the end.
  bool Next(std::string* line) {
    size_t end;
    while ((end = pending_.find('\n')) == std::string::npos) {
      char block[150];
      ssize_t size = disk::Read(fd_, block, sizeof(block));
      if (size <= 0) return false;
      pending_.append(block, size);
    }
    *line = pending_.substr(0, end);
    pending_.erase(0, end + 1);
    return true;
  }

 private:
  int fd_;
  std::string pending_;
};

// The fields of a line: sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ...
std::vector<absl::string_view> FieldsOf(absl::string_view line) {
  return absl::StrSplit(line, ' ', absl::SkipEmpty());
}

bool Listens(const std::vector<absl::string_view>& fields) {
  return fields.size() >= 10 && fields[3] == kListen;
}

}  // namespace

std::vector<ListeningSocket> ParseListening(absl::string_view table) {
  std::vector<ListeningSocket> sockets;
  for (absl::string_view line : absl::StrSplit(table, '\n')) {
    const std::vector<absl::string_view> fields = FieldsOf(line);
    if (!Listens(fields)) continue;
    const std::pair<absl::string_view, absl::string_view> local =
        absl::StrSplit(fields[1], absl::MaxSplits(':', 1));
    ListeningSocket socket;
    socket.octets = OctetsOf(local.first);
    socket.inode = std::string(fields[9]);
    uint32_t user, port;
    if (socket.octets.empty() || !absl::SimpleHexAtoi(local.second, &port) || port > 65535 ||
        !absl::SimpleAtoi(fields[7], &user))
      continue;
    socket.port = static_cast<int>(port);
    socket.user = user;
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

absl::StatusOr<std::vector<ListeningSocket>> AllListening(const std::string& net) {
  std::vector<ListeningSocket> all;
  for (const char* table : {"tcp", "tcp6"}) {
    const std::string path = absl::StrCat(net, "/", table);
    UniqueFd fd(disk::Open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.ok() && errno == ENOENT && absl::EndsWith(table, "6")) continue;  // a kernel without IPv6
    if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
    // Read a line at a time: those that listen come first, and the kernel walks its whole table of
    // connections, milliseconds, for as much as it is asked for.
    LineReader lines(fd.get());
    std::string line;
    lines.Next(&line);  // the headings
    while (lines.Next(&line) && Listens(FieldsOf(line))) {
      for (ListeningSocket& socket : ParseListening(line)) all.push_back(std::move(socket));
    }
  }
  return all;
}

}  // namespace kplan
