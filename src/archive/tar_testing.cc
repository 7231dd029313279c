#include "src/archive/tar_testing.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kplan {

TarBuilder& TarBuilder::Add(const Entry& entry) {
  std::string header(512, '\0');
  auto put = [&](size_t at, size_t size, absl::string_view text) {
    memcpy(&header[at], text.data(), std::min(size, text.size()));
  };
  int64_t size = entry.claimed_size >= 0 ? entry.claimed_size : static_cast<int64_t>(entry.content.size());
  put(0, 100, entry.name);
  put(100, 8, absl::StrFormat("%07o", entry.mode));
  put(108, 8, "0000000");
  put(116, 8, "0000000");
  put(124, 12, absl::StrFormat("%011o", size));
  put(136, 12, "00000000000");
  put(148, 8, "        ");
  header[156] = entry.type;
  put(157, 100, entry.link);
  put(257, 8, absl::string_view("ustar\00000", 8));
  unsigned sum = entry.bad_checksum ? 1 : 0;
  for (unsigned char c : header) sum += c;
  put(148, 8, absl::StrFormat("%06o", sum) + std::string("\0 ", 2));
  bytes_ += header;
  bytes_ += entry.content;
  bytes_.append((512 - entry.content.size() % 512) % 512, '\0');
  return *this;
}

TarBuilder& TarBuilder::File(absl::string_view name, absl::string_view content, uint32_t mode) {
  Entry entry;
  entry.name = std::string(name);
  entry.content = std::string(content);
  entry.mode = mode;
  return Add(entry);
}

TarBuilder& TarBuilder::Folder(absl::string_view name) {
  Entry entry;
  entry.name = std::string(name);
  entry.type = '5';
  return Add(entry);
}

TarBuilder& TarBuilder::Link(absl::string_view name, absl::string_view target, char type) {
  Entry entry;
  entry.name = std::string(name);
  entry.type = type;
  entry.link = std::string(target);
  return Add(entry);
}

TarBuilder& TarBuilder::Pax(absl::string_view key, absl::string_view value) {
  // "LENGTH KEY=VALUE\n", where the length counts its own digits.
  size_t rest = key.size() + value.size() + 3, length = rest;
  while (rest + absl::StrCat(length).size() != length) length = rest + absl::StrCat(length).size();
  Entry entry;
  entry.name = "pax";
  entry.type = 'x';
  entry.content = absl::StrCat(length, " ", key, "=", value, "\n");
  return Add(entry);
}

std::string Gzip(absl::string_view bytes) {
  z_stream zlib = {};
  if (deflateInit2(&zlib, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
  std::string out(deflateBound(&zlib, bytes.size()) + 64, '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  zlib.avail_in = static_cast<uInt>(bytes.size());
  zlib.next_out = reinterpret_cast<Bytef*>(&out[0]);
  zlib.avail_out = static_cast<uInt>(out.size());
  if (deflate(&zlib, Z_FINISH) != Z_STREAM_END) abort();
  out.resize(zlib.total_out);
  deflateEnd(&zlib);
  return out;
}

}  // namespace kplan
