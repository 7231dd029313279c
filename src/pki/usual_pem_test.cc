#include "src/pki/usual_pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

// Label, headers and DER of each block, as OpenSSL reads them; "damaged" at the end where it gives up.
std::string ByOpenSsl(absl::string_view text) {
  BIO* bio = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  std::string out;
  char *label = nullptr, *headers = nullptr;
  unsigned char* der = nullptr;
  long size = 0;  // NOLINT(runtime/int): OpenSSL's type
  while (PEM_read_bio(bio, &label, &headers, &der, &size) == 1) {
    absl::StrAppend(&out, label, "|", headers, "|", absl::string_view(reinterpret_cast<char*>(der), size),
                    "\n");
    OPENSSL_free(label);
    OPENSSL_free(headers);
    OPENSSL_free(der);
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) out += "damaged";
  ERR_clear_error();
  BIO_free(bio);
  return out;
}

std::string Text(const std::vector<PemBlock>& blocks) {
  std::string out;
  for (const PemBlock& block : blocks)
    absl::StrAppend(&out, block.label, "|", block.headers, "|", block.der.view(), "\n");
  return out;
}

// Whether TEXT is of the usual form; then it has to be read as OpenSSL reads it.
bool IsUsual(const std::string& text) {
  std::optional<std::vector<PemBlock>> blocks = ReadUsualPem(text);
  if (!blocks.has_value()) return false;
  EXPECT_EQ(Text(*blocks), ByOpenSsl(text)) << testing::PrintToString(text);
  return true;
}

std::string Bytes(size_t size) {
  static std::mt19937 random(7);
  std::string bytes;
  while (bytes.size() < size) bytes.push_back(static_cast<char>(random()));
  return bytes;
}

TEST(UsualPem, IsWhatOpenSslWritesOfEverySize) {
  for (size_t size = 1; size < 300; ++size) {
    const std::string der = Bytes(size), pem = EncodePem("CERTIFICATE", der);
    ASSERT_TRUE(IsUsual(pem)) << size;
    ASSERT_EQ(ReadUsualPem(pem)->at(0).der.view(), der);
  }
  EXPECT_TRUE(IsUsual(EncodePem("EC PRIVATE KEY", Bytes(121)) + EncodePem("CERTIFICATE", Bytes(500)) +
                      EncodePem("X509 CRL", Bytes(48))));
}

TEST(UsualPem, WhateverBecomesOfAByteIsReadAsOpenSslDoes) {
  size_t usual = 0, others = 0;
  for (size_t size : {46, 47, 48, 49, 97}) {
    const std::string pem = EncodePem("A B", Bytes(size)) + EncodePem("C", "\x30\x01\x02");
    for (size_t at = 0; at < pem.size(); ++at) {
      std::vector<std::string> changed = {pem.substr(0, at), pem.substr(at), std::string(pem).erase(at, 1)};
      for (char c : {'A', '/', '=', '-', ' ', '\t', '\r', '\n', ':', 'a', '\0', '\x80'}) {
        changed.push_back(pem);
        changed.back()[at] = c;
        changed.push_back(pem);
        changed.back().insert(at, 1, c);
      }
      for (const std::string& text : changed) ++(IsUsual(text) ? usual : others);
    }
  }
  EXPECT_GT(usual, 100u);
  EXPECT_GT(others, 1000u);
}

TEST(UsualPem, OtherFormsAreForOpenSsl) {
  const std::string pem = EncodePem("CERTIFICATE", Bytes(100));
  EXPECT_FALSE(IsUsual(""));
  EXPECT_FALSE(IsUsual("text\n" + pem));
  EXPECT_FALSE(IsUsual(pem + "\n"));
  EXPECT_FALSE(IsUsual("-----BEGIN A-----\n-----END A-----\n"));
  EXPECT_FALSE(IsUsual("-----BEGIN A-----\nAAAA\n-----END B-----\n"));
  EXPECT_FALSE(IsUsual("-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END A-----\n"));
  EXPECT_FALSE(IsUsual("-----BEGIN A-----\nAA==\nAAAA\n-----END A-----\n"));
  EXPECT_FALSE(IsUsual("-----BEGIN A-----\nA===\n-----END A-----\n"));
  EXPECT_FALSE(IsUsual("-----BEGIN A-----\nAA=A\n-----END A-----\n"));
  EXPECT_FALSE(IsUsual("-----BEGIN A-----\n" + std::string(76, 'A') + "\n-----END A-----\n"));
}

}  // namespace
}  // namespace kplan
