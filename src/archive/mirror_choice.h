#ifndef KPLAN_ARCHIVE_MIRROR_CHOICE_H_
#define KPLAN_ARCHIVE_MIRROR_CHOICE_H_

// Which server is asked next for a file that several may have, and what becomes of what has come already:
// pure.

namespace kplan {

// What came of one try.
enum class Tried {
  kRight,         // the file is whole, and has the digest
  kOther,         // it is whole, and has another one
  kTooLarge,      // it is larger than any archive may be
  kCannotResume,  // the server does not go on from where the file ends
  kMissing,       // it does not have the file: 404, 410
  kNotAllowed,    // it wants to know who asks, or refuses whoever that is: 401, 403
  kRefused,       // anything else that it would say again: a redirect to http, another 4xx
  kUnavailable,   // it is silent, not there, cut off, out of order (5xx, 408, 429), or nobody vouches for it
  kHere,  // something that has to be mended on this machine: a full disk, a CA file that cannot be read
};

enum class Next {
  kDone,
  kSameFromStart,  // what was there is thrown away, and the same server is asked for all of it
  kNextMirror,     // what is there stays, and is continued from there
  kNextFromStart,  // what is there is thrown away first
  kGiveUp,
};

// RESUMED: the try continued what was there. IS_LAST: there is no further server. With kGiveUp what is there
// is thrown away after kOther and kTooLarge, and stays else.
Next AfterTry(Tried tried, bool resumed, bool is_last);

// What came of a curl(1) that ended with EXIT_CODE (128 + signal when one ended it) and a last answer of
// HTTP_STATUS (0: there was none). One that ended with 0 is kRight until somebody looks at the digest.
Tried WhatCurlDid(int exit_code, int http_status);

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_MIRROR_CHOICE_H_
