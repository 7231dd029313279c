#ifndef KPLAN_PKI_USUAL_PEM_H_
#define KPLAN_PKI_USUAL_PEM_H_

// PEM as everybody writes it (RFC 7468 3, ABNF "stricttextualmsg"): lines of 64 characters, "\n" behind each,
// nothing around the blocks. OpenSSL takes much more, and eight times as long for it, which is a quarter of a
// `gen` that looks at a thousand certificates.

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/pki/der.h"

namespace kplan {

// The blocks of TEXT, exactly those that OpenSSL gives. Nothing where TEXT is not of that form, which says
// nothing about it: ParsePem then asks OpenSSL.
std::optional<std::vector<PemBlock>> ReadUsualPem(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_PKI_USUAL_PEM_H_
