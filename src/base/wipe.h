#ifndef KPLAN_BASE_WIPE_H_
#define KPLAN_BASE_WIPE_H_

// Buffers through which files pass, any of which may hold a private key. What is held for longer than that is
// a Secret (pki/openssl_util.h).

#include <string.h>

#include <string>

namespace kplan {

// Wipes BUFFER, which must outlive it and stay of one size, when it goes: zeros that no compiler leaves out.
class WipeAtEnd {
 public:
  explicit WipeAtEnd(std::string* buffer) : buffer_(buffer) {}
  WipeAtEnd(const WipeAtEnd&) = delete;
  WipeAtEnd& operator=(const WipeAtEnd&) = delete;
  ~WipeAtEnd() { explicit_bzero(&(*buffer_)[0], buffer_->size()); }

 private:
  std::string* const buffer_;
};

}  // namespace kplan

#endif  // KPLAN_BASE_WIPE_H_
