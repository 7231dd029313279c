#include "src/pki/der.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "src/pki/usual_pem.h"

namespace kplan {

bool DerReader::Peek(int* tag, int* cls, Element* element) const {
  if (!ok_ || rest_.empty()) return false;
  const unsigned char* start = reinterpret_cast<const unsigned char*>(rest_.data());
  const unsigned char* at = start;
  long size = 0;  // NOLINT(runtime/int): OpenSSL's type
  int flags = ASN1_get_object(&at, &size, tag, cls, static_cast<long>(rest_.size()));
  if ((flags & 0x80) != 0 || (flags & 1) != 0) {  // damaged or too long; indefinite length, which DER has not
    ERR_clear_error();
    return false;
  }
  // Only these two of the universal types hold others, and in DER they always do.
  const bool holds_others = *tag == V_ASN1_SEQUENCE || *tag == V_ASN1_SET;
  if (*cls == V_ASN1_UNIVERSAL && holds_others != ((flags & V_ASN1_CONSTRUCTED) != 0)) return false;
  element->whole = rest_.substr(0, (at - start) + size);
  element->content = rest_.substr(at - start, size);
  return true;
}

DerReader::Element DerReader::Read(int tag) {
  int found = 0, cls = 0;
  Element element;
  ok_ = Peek(&found, &cls, &element) && found == tag && cls == V_ASN1_UNIVERSAL;
  if (!ok_) return {};
  Skip(element);
  return element;
}

DerReader::Element DerReader::ReadOptional(int context_tag) {
  int found = 0, cls = 0;
  Element element;
  if (!Peek(&found, &cls, &element) || found != context_tag || cls != V_ASN1_CONTEXT_SPECIFIC) return {};
  Skip(element);
  return element;
}

DerReader::Element DerReader::ReadAny() {
  int found = 0, cls = 0;
  Element element;
  ok_ = Peek(&found, &cls, &element);
  if (!ok_) return {};
  Skip(element);
  return element;
}

absl::string_view BitStringOctets(const DerReader::Element& element) {
  if (element.content.empty() || element.content[0] != '\0') return {};
  return element.content.substr(1);
}

absl::StatusOr<std::vector<PemBlock>> ParsePem(absl::string_view text) {
  if (std::optional<std::vector<PemBlock>> usual = ReadUsualPem(text); usual.has_value())
    return *std::move(usual);
  BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (bio == nullptr) return OpenSslError("cannot read PEM");
  std::vector<PemBlock> blocks;
  for (;;) {
    char *label = nullptr, *headers = nullptr;
    unsigned char* der = nullptr;
    long size = 0;  // NOLINT(runtime/int): OpenSSL's type
    if (PEM_read_bio_ex(bio.get(), &label, &headers, &der, &size, PEM_FLAG_SECURE) != 1) {
      bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
      ERR_clear_error();
      if (end && !blocks.empty()) return blocks;
      return absl::DataLossError(end ? "there is no PEM block in it" : "its PEM block is damaged");
    }
    blocks.push_back({label, headers, Secret(std::string(reinterpret_cast<char*>(der), size))});
    OPENSSL_secure_free(label);
    OPENSSL_secure_free(headers);
    OPENSSL_secure_clear_free(der, size);
  }
}

std::string EncodePem(const char* label, absl::string_view der) {
  BioPtr bio(BIO_new(BIO_s_mem()));  // its buffer is wiped when it is freed
  if (bio == nullptr) return "";
  if (PEM_write_bio(bio.get(), label, "", reinterpret_cast<const unsigned char*>(der.data()),
                    static_cast<long>(der.size())) <= 0) {
    return "";
  }
  char* text = nullptr;
  long size = BIO_get_mem_data(bio.get(), &text);  // NOLINT(runtime/int): OpenSSL's type
  return std::string(text, size);
}

}  // namespace kplan
