#include "src/pki/pem_public.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::HasSubstr;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);  // NOLINT(runtime/int)
  std::string text(data, size);
  BIO_free(bio);
  return text;
}

KeyPtr NewKey(const char* algorithm) {
  if (std::string(algorithm) == "RSA") return KeyPtr(EVP_RSA_gen(2048), &EVP_PKEY_free);
  if (std::string(algorithm) == "EC") return KeyPtr(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  return KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, algorithm), &EVP_PKEY_free);
}

std::string Pkcs8(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr), 1);
  return TextOf(bio);
}

std::string Traditional(EVP_PKEY* key, const char* password = nullptr) {
  BIO* bio = BIO_new(BIO_s_mem());
  EXPECT_EQ(PEM_write_bio_PrivateKey_traditional(
                bio, key, password != nullptr ? EVP_aes_128_cbc() : nullptr,
                reinterpret_cast<unsigned char*>(const_cast<char*>(password)),
                password != nullptr ? static_cast<int>(strlen(password)) : 0, nullptr, nullptr),
            1);
  return TextOf(bio);
}

std::string PublicDer(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  int size = i2d_PUBKEY(key, &der);
  std::string text(reinterpret_cast<char*>(der), size);
  OPENSSL_free(der);
  return text;
}

TEST(PublicPartOfPem, IsThePublicKeyInEveryForm) {
  for (const char* algorithm : {"RSA", "EC", "ED25519"}) {
    KeyPtr key = NewKey(algorithm);
    // Ed25519 has one form only.
    const std::string usual = algorithm == std::string("ED25519") ? Pkcs8(key.get()) : Traditional(key.get());
    std::string parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    for (const std::string& pem :
         {Pkcs8(key.get()), usual, parameters + usual, "# a comment in front\n" + usual,
          "key-generation: 2\n" + usual, absl::StrReplaceAll(usual, {{"\n", "\r\n"}})}) {
      absl::StatusOr<std::string> part = PublicPartOfPem(pem);
      ASSERT_TRUE(part.ok()) << part.status();
      EXPECT_EQ(*part, PublicDer(key.get())) << algorithm;
    }
  }
}

TEST(PublicPartOfPem, ACombinedFileIsItsKeyAndItsCertificates) {
  KeyPtr key = NewKey("EC");
  // The content of a CERTIFICATE block counts as it is; that it is a certificate is for others to check.
  std::string certificate = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
  EXPECT_EQ(*PublicPartOfPem(certificate + Traditional(key.get())), PublicDer(key.get()) + "\x01\x02\x03");
  EXPECT_EQ(*PublicPartOfPem(Traditional(key.get()) + certificate), PublicDer(key.get()) + "\x01\x02\x03");
}

TEST(PublicPartOfPem, WhatHoldsNoKeyIsRefused) {
  KeyPtr key = NewKey("EC"), other = NewKey("RSA");
  std::string good = Traditional(key.get());
  struct Case {
    std::string pem;
    const char* reason;
  } cases[] = {
      {"", "no private key"},
      {Pkcs8(NewKey("ED448").get()), "of the kind ed448, which kplan cannot use"},
      {"just text", "no private key"},
      {"-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n", "no private key"},
      {"-----BEGIN PUBLIC KEY-----\nAQID\n-----END PUBLIC KEY-----\n", "no private key"},
      {"-----BEGIN EC PRIVATE KEY-----\nAQID\n-----END EC PRIVATE KEY-----\n", "damaged private key"},
      {"-----BEGIN OTHER PRIVATE KEY-----\nAQID\n-----END OTHER PRIVATE KEY-----\n", "damaged private key"},
      {good.substr(0, good.size() / 2), "damaged"},
      {good + Traditional(other.get()), "more than one"},
      {Traditional(key.get(), "password"), "encrypted"},
      {absl::StrReplaceAll(Pkcs8(key.get()), {{"PRIVATE", "ENCRYPTED PRIVATE"}}), "encrypted"},
  };
  for (const Case& c : cases) {
    absl::StatusOr<std::string> part = PublicPartOfPem(c.pem);
    EXPECT_TRUE(absl::IsInvalidArgument(part.status())) << c.reason;
    EXPECT_THAT(std::string(part.status().message()), HasSubstr(c.reason));
    EXPECT_EQ(std::string(part.status().message()).find("AQID"), std::string::npos);
  }
}

}  // namespace
}  // namespace kplan
