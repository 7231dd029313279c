// RSA_set0_key and the like are deprecated in favour of OSSL_PARAM, which needs the providers: see der.h.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "src/pki/rsa_keygen.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

constexpr int kExponent = 65537;

BnPtr NewSecret() {
  BnPtr number(BN_secure_new());
  if (number != nullptr) BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  return number;
}

// P: a prime of BITS bits with its two top bits set (which makes p*q have exactly twice as many) and
// gcd(p-1, 65537) = 1.
bool GeneratePrime(int bits, BIGNUM* p) {
  do {
    if (BN_generate_prime_ex(p, bits, /*safe=*/0, nullptr, nullptr, nullptr) != 1) return false;
    // 65537 is prime, so it divides p-1 or has no divisor in common with it.
  } while (BN_mod_word(p, kExponent) == 1);
  return true;
}

// FIPS 186-4 B.3.3 step 5.4: |p - q| > 2^(bits/2 - 100).
bool FarApart(const BIGNUM* p, const BIGNUM* q, int prime_bits) {
  BnPtr difference = NewSecret();
  return difference != nullptr && BN_sub(difference.get(), p, q) == 1 &&
         BN_num_bits(difference.get()) > prime_bits - 100;
}

}  // namespace

void RsaDelete::operator()(RSA* key) const { RSA_free(key); }

absl::Status CheckRsaSize(int bits) {
  if (bits >= 2048 && bits <= OPENSSL_RSA_MAX_MODULUS_BITS && bits % 8 == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("an RSA key of ", bits, " bits is not possible; take 2048, 3072 or 4096"));
}

absl::StatusOr<RsaPtr> GenerateRsaKey(int bits) {
  if (absl::Status status = CheckRsaSize(bits); !status.ok()) return status;
  const int prime_bits = bits / 2;
  BnPtr n(BN_new()), e(BN_new());
  BnPtr d = NewSecret(), p = NewSecret(), q = NewSecret(), dp = NewSecret(), dq = NewSecret(),
        qi = NewSecret();
  BnPtr p1 = NewSecret(), q1 = NewSecret(), gcd = NewSecret(), lcm = NewSecret();
  BnCtxPtr context(BN_CTX_secure_new());
  RsaPtr key(RSA_new());
  for (const BnPtr* number : {&n, &e, &d, &p, &q, &dp, &dq, &qi, &p1, &q1, &gcd, &lcm}) {
    if (*number == nullptr) return OpenSslError("cannot make an RSA key");
  }
  if (context == nullptr || key == nullptr || BN_set_word(e.get(), kExponent) != 1) {
    return OpenSslError("cannot make an RSA key");
  }
  for (;;) {
    if (!GeneratePrime(prime_bits, p.get()) || !GeneratePrime(prime_bits, q.get())) {
      return OpenSslError("cannot make an RSA prime");
    }
    if (!FarApart(p.get(), q.get(), prime_bits)) continue;
    if (BN_cmp(p.get(), q.get()) < 0) p.swap(q);  // p > q, as everyone writes it
    // d is the inverse modulo lcm(p-1, q-1), as FIPS 186-4 B.3.1 demands and OpenSSL does. Go takes
    // (p-1)(q-1), which gives an equivalent but larger d that strict checkers (SP 800-56B 6.4.1.2) refuse.
    if (BN_sub(p1.get(), p.get(), BN_value_one()) != 1 || BN_sub(q1.get(), q.get(), BN_value_one()) != 1 ||
        BN_gcd(gcd.get(), p1.get(), q1.get(), context.get()) != 1 ||
        BN_div(lcm.get(), nullptr, p1.get(), gcd.get(), context.get()) != 1 ||
        BN_mul(lcm.get(), lcm.get(), q1.get(), context.get()) != 1 ||
        BN_mod_inverse(d.get(), e.get(), lcm.get(), context.get()) == nullptr ||
        BN_mul(n.get(), p.get(), q.get(), context.get()) != 1 ||
        BN_mod(dp.get(), d.get(), p1.get(), context.get()) != 1 ||
        BN_mod(dq.get(), d.get(), q1.get(), context.get()) != 1 ||
        BN_mod_inverse(qi.get(), q.get(), p.get(), context.get()) == nullptr) {
      return OpenSslError("cannot make an RSA key");
    }
    // B.3.1 step 3a: d > 2^(bits/2). It misses about once in 2^1000 tries.
    if (BN_num_bits(n.get()) == bits && BN_num_bits(d.get()) > prime_bits) break;
  }
  // Each call that succeeds takes its numbers over.
  if (RSA_set0_key(key.get(), n.get(), e.get(), d.get()) != 1) return OpenSslError("cannot make an RSA key");
  n.release(), e.release(), d.release();
  if (RSA_set0_factors(key.get(), p.get(), q.get()) != 1) return OpenSslError("cannot make an RSA key");
  p.release(), q.release();
  if (RSA_set0_crt_params(key.get(), dp.get(), dq.get(), qi.get()) != 1) {
    return OpenSslError("cannot make an RSA key");
  }
  dp.release(), dq.release(), qi.release();
  if (!IsConsistent(key.get())) return absl::InternalError("the RSA key that was made fails its own check");
  return key;
}

bool IsConsistent(const RSA* key) {
  const BIGNUM *n, *e, *d, *p, *q, *dp, *dq, *qi;
  RSA_get0_key(key, &n, &e, &d);
  RSA_get0_factors(key, &p, &q);
  RSA_get0_crt_params(key, &dp, &dq, &qi);
  for (const BIGNUM* number : {n, e, d, p, q, dp, dq, qi}) {
    if (number == nullptr || BN_is_negative(number) || BN_is_zero(number)) return false;
  }
  if (!BN_is_odd(p) || !BN_is_odd(q) || BN_is_one(p) || BN_is_one(q) || !BN_is_odd(e) || BN_is_one(e))
    return false;
  BnPtr p1 = NewSecret(), q1 = NewSecret(), value = NewSecret();
  BnCtxPtr context(BN_CTX_secure_new());
  if (p1 == nullptr || q1 == nullptr || value == nullptr || context == nullptr) return false;
  BN_CTX* ctx = context.get();
  BIGNUM* v = value.get();
  return BN_sub(p1.get(), p, BN_value_one()) == 1 && BN_sub(q1.get(), q, BN_value_one()) == 1 &&
         BN_mul(v, p, q, ctx) == 1 && BN_cmp(v, n) == 0 &&           //
         BN_mod_mul(v, d, e, p1.get(), ctx) == 1 && BN_is_one(v) &&  //
         BN_mod_mul(v, d, e, q1.get(), ctx) == 1 && BN_is_one(v) &&  //
         BN_mod(v, d, p1.get(), ctx) == 1 && BN_cmp(v, dp) == 0 &&   //
         BN_mod(v, d, q1.get(), ctx) == 1 && BN_cmp(v, dq) == 0 &&   //
         BN_mod_mul(v, qi, q, p, ctx) == 1 && BN_is_one(v) && BN_cmp(qi, p) < 0;
}

}  // namespace kplan
