#include "src/pki/private_key.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/pki/der.h"

namespace kplan {
namespace {

std::string Pem(const PrivateKey& key) {
  absl::StatusOr<Secret> pem = key.ToPem();
  EXPECT_TRUE(pem.ok()) << pem.status();
  return pem.ok() ? std::string(pem->view()) : "";
}

TEST(PrivateKey, RoundTripOfEveryKindAndFormat) {
  struct Case {
    const char* algo;
    int size;
    const char* label;
  } cases[] = {{"rsa", 2048, "RSA PRIVATE KEY"}, {"rsa", 2056, "RSA PRIVATE KEY"},
               {"ecdsa", 256, "EC PRIVATE KEY"}, {"ecdsa", 384, "EC PRIVATE KEY"},
               {"ecdsa", 521, "EC PRIVATE KEY"}, {"ed25519", 0, "PRIVATE KEY"}};
  for (const Case& c : cases) {
    absl::StatusOr<PrivateKey> key = PrivateKey::Generate(c.algo, c.size);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(key->kind(), KindOfKey(c.algo, c.size));
    std::string pem = Pem(*key);
    EXPECT_EQ(pem.rfind(std::string("-----BEGIN ") + c.label + "-----\n", 0), 0u) << key->kind();
    absl::StatusOr<PrivateKey> again = PrivateKey::Parse(pem);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->kind(), key->kind());
    EXPECT_EQ(again->form(), c.size == 0 ? KeyForm::kPkcs8 : KeyForm::kTraditional);
    EXPECT_EQ(again->spki(), key->spki());
    EXPECT_EQ(Pem(*again), pem);
    EXPECT_EQ(ToDer(key->pkey(), i2d_PUBKEY), key->spki());

    {
      std::string path = testing::TempDir() + "/key.pem", other = path + "8";
      ASSERT_TRUE(WriteFile(path, pem, 0600).ok());
      absl::StatusOr<RunResult> run =
          kplan::Run({"openssl", "pkcs8", "-topk8", "-nocrypt", "-in", path, "-out", other});
      ASSERT_TRUE(run.ok() && run->ok()) << run.status();
      absl::StatusOr<PrivateKey> pkcs8 = PrivateKey::Read(other);
      ASSERT_TRUE(pkcs8.ok()) << pkcs8.status();
      EXPECT_EQ(pkcs8->kind(), key->kind());
      EXPECT_EQ(pkcs8->spki(), key->spki());
      EXPECT_EQ(pkcs8->form(), KeyForm::kPkcs8);
      absl::StatusOr<std::string> theirs = ReadFile(other);
      absl::StatusOr<Secret> ours = key->ToPem(KeyForm::kPkcs8);
      ASSERT_TRUE(theirs.ok() && ours.ok());
      EXPECT_EQ(ours->view(), *theirs);
      EXPECT_EQ(Pem(*pkcs8), pem);
      run = kplan::Run({"openssl", "pkey", "-in", path, "-check", "-noout"});
      ASSERT_TRUE(run.ok());
      EXPECT_TRUE(run->ok()) << run->err;
    }
  }
}

TEST(PrivateKey, KindsThatKplanDoesNotMake) {
  EXPECT_FALSE(PrivateKey::Generate("rsa", 1024).ok());
  EXPECT_FALSE(PrivateKey::Generate("rsa", 2050).ok());
  EXPECT_FALSE(PrivateKey::Generate("rsa", 16384).ok());
  EXPECT_FALSE(PrivateKey::Generate("ecdsa", 255).ok());
  EXPECT_FALSE(PrivateKey::Generate("ed25519", 256).ok());
  EXPECT_FALSE(PrivateKey::Generate("ecdsa", 0).ok());
  EXPECT_FALSE(PrivateKey::Generate("rsa", 0).ok());
  struct Case {
    std::vector<std::string> argv;
    const char* kind;
  } cases[] = {
      {{"openssl", "genpkey", "-algorithm", "ed448"}, "ed448"},
      {{"openssl", "genpkey", "-algorithm", "x25519"}, "x25519"},
      {{"openssl", "genrsa", "-traditional", "-3", "2048"}, "rsa 2048 with exponent 3"},
      {{"openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_pubexp:4294967297"},
       "rsa 2048 with a large exponent"},
      {{"openssl", "ecparam", "-name", "secp256k1", "-genkey"}, "ecdsa secp256k1"},
      {{"openssl", "genrsa", "-traditional", "-primes", "3", "2048"}, "rsa 2048 of 3 primes"},
      {{"openssl", "ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-genkey"},
       "ecdsa prime256v1"},
  };
  for (const Case& c : cases) {
    absl::StatusOr<RunResult> run = kplan::Run(c.argv);
    ASSERT_TRUE(run.ok() && run->ok()) << run.status() << c.kind;
    absl::StatusOr<PrivateKey> key = PrivateKey::Parse(run->out);
    ASSERT_TRUE(key.ok()) << c.kind << key.status();
    EXPECT_EQ(key->kind(), c.kind);
    EXPECT_FALSE(key->usable());
    EXPECT_FALSE(key->ToPem().ok());
  }
  // With its EC PARAMETERS block before it.
  absl::StatusOr<RunResult> run = kplan::Run({"openssl", "ecparam", "-name", "prime256v1", "-genkey"});
  ASSERT_TRUE(run.ok() && run->ok());
  absl::StatusOr<PrivateKey> key = PrivateKey::Parse(run->out);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_TRUE(key->usable());
  EXPECT_EQ(key->kind(), "ecdsa 256");
}

TEST(PrivateKey, Ed25519IsAsOpenSslWritesIt) {
  absl::StatusOr<RunResult> run = kplan::Run({"openssl", "genpkey", "-algorithm", "ed25519"});
  ASSERT_TRUE(run.ok() && run->ok()) << run.status();
  absl::StatusOr<PrivateKey> key = PrivateKey::Parse(run->out);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->kind(), "ed25519");
  EXPECT_EQ(Pem(*key), run->out);
  EXPECT_EQ(key->SigningHash(), nullptr);
  EXPECT_EQ(ToDer(key->pkey(), i2d_PUBKEY), key->spki());
  // Two are not the same.
  EXPECT_NE(PrivateKey::Generate("ed25519", 0)->spki(), PrivateKey::Generate("ed25519", 0)->spki());

  // RFC 8410 10.3: the same key without and with its public half.
  const std::string alone =
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
      "-----END PRIVATE KEY-----\n";
  const std::string with_public =
      "-----BEGIN PRIVATE KEY-----\n"
      "MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
      "oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n"
      "Z9w7lshQhqowtrbLDFw4rXAxZuE=\n"
      "-----END PRIVATE KEY-----\n";
  absl::StatusOr<PrivateKey> first = PrivateKey::Parse(alone), second = PrivateKey::Parse(with_public);
  ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
  EXPECT_EQ(first->spki(), second->spki());
  EXPECT_EQ(Pem(*second), alone);
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(with_public);
  ASSERT_TRUE(blocks.ok());
  std::string der(blocks->front().der.view());
  der.back() ^= 1;
  EXPECT_TRUE(absl::IsDataLoss(PrivateKey::Parse(EncodePem("PRIVATE KEY", der)).status()));
}

TEST(PrivateKey, CompressedPointIsTheSameKey) {
  absl::StatusOr<PrivateKey> key = PrivateKey::Generate("ecdsa", 256);
  ASSERT_TRUE(key.ok());
  std::string path = testing::TempDir() + "/key.pem";
  ASSERT_TRUE(WriteFile(path, Pem(*key), 0600).ok());
  absl::StatusOr<RunResult> run = kplan::Run({"openssl", "ec", "-in", path, "-conv_form", "compressed"});
  ASSERT_TRUE(run.ok() && run->ok());
  absl::StatusOr<PrivateKey> compressed = PrivateKey::Parse(run->out);
  ASSERT_TRUE(compressed.ok()) << compressed.status();
  EXPECT_NE(run->out, Pem(*key));
  EXPECT_EQ(compressed->spki(), key->spki());
}

TEST(PrivateKey, EncryptedIsNotDamaged) {
  const std::vector<std::string> rest = {"-aes128", "-passout", "pass:secret", "2048"};
  for (std::vector<std::string> argv : {std::vector<std::string>{"openssl", "genrsa"},
                                        std::vector<std::string>{"openssl", "genrsa", "-traditional"}}) {
    argv.insert(argv.end(), rest.begin(), rest.end());
    absl::StatusOr<RunResult> run = kplan::Run(argv);
    ASSERT_TRUE(run.ok() && run->ok());
    absl::StatusOr<PrivateKey> key = PrivateKey::Parse(run->out);
    EXPECT_TRUE(absl::IsFailedPrecondition(key.status())) << key.status();
  }
}

// Every single bit of a key's DER that is flipped is seen (or is in the private key's encoding of what stays
// the same key).
TEST(PrivateKey, FlippedBitsAreSeen) {
  for (const char* algo : {"rsa", "ecdsa"}) {
    absl::StatusOr<PrivateKey> key = PrivateKey::Generate(algo, algo[0] == 'r' ? 2048 : 256);
    ASSERT_TRUE(key.ok());
    absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(Pem(*key));
    ASSERT_TRUE(blocks.ok());
    const std::string der(blocks->front().der.view());
    const std::string label = blocks->front().label;
    for (size_t bit = 0; bit < der.size() * 8; bit += algo[0] == 'r' ? 13 : 1) {
      std::string flipped = der;
      flipped[bit / 8] ^= 1 << (bit % 8);
      absl::StatusOr<PrivateKey> again = PrivateKey::Parse(EncodePem(label.c_str(), flipped));
      if (!again.ok()) {
        EXPECT_TRUE(absl::IsDataLoss(again.status())) << again.status();
        continue;
      }
      // What is left: a version number nobody reads, or another (then unusable) curve.
      EXPECT_TRUE(!again->usable() || again->spki() == key->spki()) << algo << " bit " << bit;
    }
  }
}

TEST(PrivateKey, GarbageIsDamaged) {
  absl::StatusOr<PrivateKey> key = PrivateKey::Generate("rsa", 2048);
  ASSERT_TRUE(key.ok());
  std::string pem = Pem(*key);
  for (const std::string& text :
       {std::string(), std::string("garbage"), std::string(5000, '\0'), pem.substr(0, pem.size() / 2),
        pem.substr(0, pem.size() - 10), EncodePem("RSA PRIVATE KEY", ""),
        EncodePem("EC PRIVATE KEY", "\x30\x00"), EncodePem("PRIVATE KEY", "\x30\x84\xff\xff\xff\xff")}) {
    absl::StatusOr<PrivateKey> again = PrivateKey::Parse(text);
    EXPECT_TRUE(absl::IsDataLoss(again.status())) << again.status();
  }
}

TEST(PrivateKey, WhatHoldsNoKeyOrTwo) {
  for (const char* label : {"CERTIFICATE", "PUBLIC KEY", "CERTIFICATE REQUEST", "OPENSSH PRIVATE KEY"}) {
    absl::Status status = PrivateKey::Parse(EncodePem(label, "x")).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_NE(status.message().find(absl::StrCat("a PEM block \"", label, "\"")), std::string::npos)
        << status;
  }
  absl::StatusOr<PrivateKey> key = PrivateKey::Generate("ecdsa", 256);
  ASSERT_TRUE(key.ok());
  const std::string pem = Pem(*key);
  absl::Status status = PrivateKey::Parse(pem + pem).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  // A certificate beside it, on either side, is no second key.
  EXPECT_TRUE(PrivateKey::Parse(pem + EncodePem("CERTIFICATE", "x")).ok());
  EXPECT_TRUE(PrivateKey::Parse(EncodePem("CERTIFICATE", "x") + pem).ok());
}

TEST(RsaKeygen, NumbersAreAsFips186Wants) {
  std::vector<int> sizes = {2048, 2048, 2048, 2048, 3072};
  for (int bits : sizes) {
    absl::StatusOr<PrivateKey> key = PrivateKey::Generate("rsa", bits);
    ASSERT_TRUE(key.ok()) << key.status();
    EVP_PKEY* pkey = key->pkey();
    auto number = [pkey](const char* name) {
      BIGNUM* n = nullptr;
      EXPECT_EQ(EVP_PKEY_get_bn_param(pkey, name, &n), 1) << name;
      return BnPtr(n);
    };
    BnPtr n = number("n"), e = number("e"), d = number("d"), p = number("rsa-factor1"),
          q = number("rsa-factor2");
    EXPECT_EQ(BN_num_bits(n.get()), bits);
    EXPECT_TRUE(BN_is_word(e.get(), 65537));
    EXPECT_EQ(BN_num_bits(p.get()), bits / 2);
    EXPECT_EQ(BN_num_bits(q.get()), bits / 2);
    EXPECT_EQ(BN_cmp(p.get(), q.get()), 1);
    EXPECT_TRUE(BN_is_bit_set(p.get(), bits / 2 - 2));
    EXPECT_TRUE(BN_is_bit_set(q.get(), bits / 2 - 2));
    EXPECT_NE(BN_mod_word(p.get(), 65537), 1u);
    EXPECT_NE(BN_mod_word(q.get(), 65537), 1u);
    BnPtr gap(BN_new());
    BN_sub(gap.get(), p.get(), q.get());
    EXPECT_GT(BN_num_bits(gap.get()), bits / 2 - 100);
    EXPECT_GT(BN_num_bits(d.get()), bits / 2);
    EXPECT_LT(BN_cmp(d.get(), n.get()), 0);
    BnCtxPtr ctx(BN_CTX_new());
    EXPECT_EQ(BN_check_prime(p.get(), ctx.get(), nullptr), 1);
    EXPECT_EQ(BN_check_prime(q.get(), ctx.get(), nullptr), 1);
    // The library's own, full check: primality too.
    using PkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, OpenSslDelete<EVP_PKEY_CTX_free>>;
    PkeyCtxPtr check(EVP_PKEY_CTX_new(pkey, nullptr));
    EXPECT_EQ(EVP_PKEY_check(check.get()), 1);
    EXPECT_EQ(EVP_PKEY_pairwise_check(check.get()), 1);
  }
}

TEST(Secret, IsWipedWhenMovedFrom) {
  Secret a(std::string("short"));
  Secret b = std::move(a);
  EXPECT_EQ(a.view(), "");  // NOLINT(bugprone-use-after-move): what is tested
  EXPECT_EQ(b.view(), "short");
}

}  // namespace
}  // namespace kplan
