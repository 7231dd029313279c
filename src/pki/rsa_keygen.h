#ifndef KPLAN_PKI_RSA_KEYGEN_H_
#define KPLAN_PKI_RSA_KEYGEN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "src/pki/openssl_util.h"

namespace kplan {

struct RsaDelete {
  void operator()(
      RSA* key) const;  // out of line: RSA_free is deprecated, which only rsa_keygen.cc has to know
};
using RsaPtr = std::unique_ptr<RSA, RsaDelete>;

// A new RSA key of exactly BITS bits (a multiple of 8, 2048 to 16384), exponent 65537, by FIPS 186-4 B.3.3
// from two primes of the library's BN_generate_prime_ex. InvalidArgument for another size, Internal when the
// library fails.
//
// Why not EVP_PKEY_Q_keygen: in OpenSSL 3.0 it builds each prime from two auxiliary primes (SP 800-56B
// appendix A), which takes three times as long (RSA-2048: 150 ms of processor time at the median against 47
// ms; RSA-4096: 970 against 420) and defends against p-1 factoring, which does not matter at these sizes
// (Rivest and Silverman, "Are strong primes needed for RSA?"). Two threads, one a prime, took 40% more
// processor time for 15% less waiting on two hyperthreads; ninja already runs a process a core, so there is
// one.
absl::StatusOr<RsaPtr> GenerateRsaKey(int bits);

// InvalidArgument for a size that it does not make.
absl::Status CheckRsaSize(int bits);

// True when the numbers of KEY belong together: n = p*q, the exponents are each other's inverse, the CRT
// values fit. What RSA_check_key looks at except that p and q are prime (tens of milliseconds); 0.1 ms. A
// flipped bit anywhere in a key file is seen.
bool IsConsistent(const RSA* key);

}  // namespace kplan

#endif  // KPLAN_PKI_RSA_KEYGEN_H_
