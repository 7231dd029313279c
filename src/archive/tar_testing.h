#ifndef KPLAN_ARCHIVE_TAR_TESTING_H_
#define KPLAN_ARCHIVE_TAR_TESTING_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// A tar (POSIX ustar) put together block by block, so that it can hold what no tar program writes.
class TarBuilder {
 public:
  struct Entry {
    std::string name;
    std::string content;
    char type = '0';  // '0' file, '1' hard link, '2' symbolic link, '3' '4' devices, '5' folder, '6' FIFO
    uint32_t mode = 0755;
    std::string link;
    int64_t claimed_size = -1;  // what the header says; -1: the truth
    bool bad_checksum = false;
  };

  TarBuilder& Add(const Entry& entry);
  TarBuilder& File(absl::string_view name, absl::string_view content, uint32_t mode = 0755);
  TarBuilder& Folder(absl::string_view name);
  TarBuilder& Link(absl::string_view name, absl::string_view target, char type = '2');
  TarBuilder& Pax(absl::string_view key, absl::string_view value);  // for the next entry

  const std::string& WithoutEnd() const { return bytes_; }
  std::string Finish() const { return bytes_ + std::string(1024, '\0'); }

 private:
  std::string bytes_;
};

// BYTES as one gzip member.
std::string Gzip(absl::string_view bytes);

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_TAR_TESTING_H_
