#ifndef KPLAN_PKI_KEY_TEXT_H_
#define KPLAN_PKI_KEY_TEXT_H_

// The text of a key file around its key. RFC 7468 5.2 allows explanatory text outside of the BEGIN and END
// lines, which OpenSSL, Go and GnuTLS skip; kplan keeps one fact there, because ninja's log may be lost and a
// state file could be: the generation of a leaf's key.

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

struct KeyText {
  bool byte_order_mark = false;  // in front of everything: Go, and so etcd, then finds no key
  absl::string_view before;      // the lines in front of the first block, without that mark
  absl::string_view after;       // what stands behind the last
  int64_t generation = 1;        // of the line "key-generation: N" in `before`; 1 when there is none
  std::string other;  // "CERTIFICATE": the label of the first block that is no part of the key; usually empty
};

// TEXT holds at least one whole block (PrivateKey::Parse has read it). The views are into TEXT.
KeyText TakeApart(absl::string_view text);

// The line that says so, with its line end; empty for generation 1.
std::string GenerationLine(int64_t generation);

// TEXT without a UTF-8 byte order mark in front.
absl::string_view WithoutByteOrderMark(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_PKI_KEY_TEXT_H_
