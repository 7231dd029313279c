#include "src/archive/mirror_choice.h"

#include <signal.h>

namespace kplan {

Next AfterTry(Tried tried, bool resumed, bool is_last) {
  switch (tried) {
    case Tried::kRight:
      return Next::kDone;
    case Tried::kHere:
      return Next::kGiveUp;
    case Tried::kOther:
    case Tried::kTooLarge:
    case Tried::kCannotResume:
      // What was there may belong to something else, or come from another server.
      if (resumed) return Next::kSameFromStart;
      return is_last ? Next::kGiveUp : Next::kNextFromStart;
    case Tried::kMissing:
    case Tried::kNotAllowed:
    case Tried::kRefused:
    case Tried::kUnavailable:
      break;
  }
  return is_last ? Next::kGiveUp : Next::kNextMirror;
}

Tried WhatCurlDid(int exit_code, int http_status) {
  switch (exit_code) {
    case 0:
      return Tried::kRight;
    case 22:  // --fail
      if (http_status == 416) return Tried::kCannotResume;
      if (http_status == 404 || http_status == 410) return Tried::kMissing;
      if (http_status == 401 || http_status == 403) return Tried::kNotAllowed;
      if (http_status >= 500 || http_status == 408 || http_status == 429) return Tried::kUnavailable;
      return Tried::kRefused;
    case 1:   // a redirect to something other than https
    case 47:  // too many of them
      return Tried::kRefused;
    case 33:  // no ranges
    case 36:  // not from there
      return Tried::kCannotResume;
    case 63:
    case 128 + SIGXFSZ:
      return Tried::kTooLarge;
    case 2:   // curl itself does not work
    case 23:  // cannot write
    case 26:  // cannot read
    case 27:  // no memory
    case 77:  // the CA file
      return Tried::kHere;
    default:
      return Tried::kUnavailable;
  }
}

}  // namespace kplan
