#ifndef KPLAN_PKI_DER_H_
#define KPLAN_PKI_DER_H_

// Walking DER (X.690) element by element, and PEM (RFC 7468) around it.
//
// Why not d2i_X509 and PEM_read_bio_PrivateKey: in OpenSSL 3.0 both go through the provider decoders, whose
// first use costs 1.4 ms in a static binary, more than everything else that a step with nothing to do does.
// The outer structure of a certificate is a handful of SEQUENCEs; what is inside (names, extensions, numbers)
// is still read by OpenSSL.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/pki/openssl_util.h"

namespace kplan {

// Reads the elements that stand one after another in a string. After anything that is not DER, or another tag
// than the one asked for, ok() is false and every further result is empty: read everything, then look once.
class DerReader {
 public:
  explicit DerReader(absl::string_view bytes) : rest_(bytes) {}

  struct Element {
    absl::string_view whole;    // with its header
    absl::string_view content;  // without
  };
  // TAG is V_ASN1_..., universal class.
  Element Read(int tag);
  // An element [TAG] of context class, when it is next; otherwise empty, and nothing is read.
  Element ReadOptional(int context_tag);
  Element ReadAny();
  // A reader of the inside of the SEQUENCE that is next.
  DerReader Enter() { return DerReader(Read(V_ASN1_SEQUENCE).content, ok_); }

  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }

 private:
  DerReader(absl::string_view bytes, bool ok) : rest_(bytes), ok_(ok) {}
  // Header of the next element; false at the end or when it is damaged.
  bool Peek(int* tag, int* cls, Element* element) const;
  void Skip(const Element& element) { rest_.remove_prefix(element.whole.size()); }

  absl::string_view rest_;
  bool ok_ = true;
};

// The content of a BIT STRING's whole number of octets (ELEMENT: as Read(V_ASN1_BIT_STRING) gave it). Empty
// when it has unused bits.
absl::string_view BitStringOctets(const DerReader::Element& element);

struct PemBlock {
  std::string label;    // "CERTIFICATE"
  std::string headers;  // RFC 1421 headers, "Proc-Type: 4,ENCRYPTED..."; usually empty
  Secret der;
};

// Every PEM block of TEXT, text around them skipped. DataLoss when a block is damaged or there is none.
absl::StatusOr<std::vector<PemBlock>> ParsePem(absl::string_view text);

// One block, lines of 64 characters, as OpenSSL and Go write it.
std::string EncodePem(const char* label, absl::string_view der);

}  // namespace kplan

#endif  // KPLAN_PKI_DER_H_
