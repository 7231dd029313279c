#ifndef KPLAN_BASE_ERROR_CODES_H_
#define KPLAN_BASE_ERROR_CODES_H_

// What kinds of errors and warnings there are. Each has a slug, which is printed at the end of a message's
// first line and stands in --json; `kplan help SLUG` explains it. The explanations are the sections of
// docs/errors.md, one a slug.

#include "absl/strings/string_view.h"

namespace kplan {

enum class Code {
  // The text is no YAML as kplan reads it.
  kYaml,
  kEncoding,
  kControlCharacter,
  kYamlFeature,  // merge keys, tags, a second document, keys that are no words
  kTooLarge,

  // Keys, and what stands behind them.
  kDuplicateKey,
  kUnknownKey,
  kWrongType,
  kNoValue,
  kMissingKey,
  kApiVersion,
  kConflict,    // keys that exclude each other
  kSetByKplan,  // a flag, or a key of a unit, that is not the user's to set

  // Names.
  kBadName,
  kNameTaken,
  kUnknownName,
  kAmbiguous,
  kDuplicateEntry,
  kBadVariable,

  // Values.
  kUnknownValue,  // not one of a few words
  kBadValue,
  kBadPath,
  kBadUrl,
  kBadDuration,
  kBadLifetime,
  kBadDate,
  kBadSerial,
  kBadDigest,

  // Hosts and certificates.
  kBadHost,
  kServiceManager,
  kBadSubject,
  kSameSubject,
  kKeyKind,
  kBadUsages,
  kCaChain,
  kGivenCa,
  kBadNameConstraint,
  kNameConstraint,
  kNoSan,

  // etcd.
  kEtcdVersion,
  kEtcdFlag,
  kEtcdFlagValue,
  kEtcdCert,
  kQuorum,
  kBadUnit,

  // Services.
  kServiceOrder,
  kServiceCert,
  kBadCheck,

  // `kplan import cfssl`.
  kCfsslFile,
  kCfsslMismatch,
  kCfsslLeftOut,
  kCfsslDiffers,

  // kplan's own fault.
  kInternal,
};

inline constexpr int kCodeCount = static_cast<int>(Code::kInternal) + 1;

// "unknown-key"
absl::string_view Slug(Code code);

}  // namespace kplan

#endif  // KPLAN_BASE_ERROR_CODES_H_
