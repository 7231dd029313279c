#ifndef KPLAN_STEP_ANY_RECORD_H_
#define KPLAN_STEP_ANY_RECORD_H_

// Records of whichever kind, for who goes over many steps.

#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/step/etcd_records.h"
#include "src/step/file_records.h"
#include "src/step/holding.h"
#include "src/step/host_records.h"
#include "src/step/kinds.h"
#include "src/step/pki_records.h"
#include "src/step/service_records.h"
#include "src/step/trust_records.h"

namespace kplan {

// One of those in the table of kinds; std::monostate is of a kind that this kplan does not know.
using AnyRecord = std::variant<std::monostate
#define KPLAN_KIND(Name, ...) , Name##Record
#define KPLAN_REMOTE_KIND(Name, ...) , Name##Record
#include "src/step/kinds.def"
                               >;

// Reads RECORD, canonical JSON. It is std::monostate when its kind is not known, or when it lacks something.
AnyRecord ReadAnyRecord(absl::string_view record);

// The same of one that is parsed.
AnyRecord AnyRecordOf(const Json& record);
// The same, but that DataLoss says what it lacks.
absl::StatusOr<AnyRecord> CheckedRecordOf(const Json& record);

// RECORD as it is on its host itself: there that is "this machine".
Json RecordOnHost(AnyRecord record);

// The kind of RECORD; null when it is std::monostate.
const Kind* KindOf(const AnyRecord& record);

// What an artifact is, for people: "private key of a CA, rsa 2048".
std::string WhatItIs(const AnyRecord& record);

// What RECORD is about, in the order in which it has to be removed. Empty for a step that keeps nothing of
// its own: a list of requests, an archive that was given, a service that nobody starts.
std::vector<Holding> HoldingsOf(const AnyRecord& record);

// The host on which the step works over ssh; "" where it works on this machine, and for a step that asks
// several hosts from here. What such a record says of paths is about that host, and nothing below this
// machine's "/" has to do with it.
std::string SshHostOf(const AnyRecord& record);

template <typename T, typename = void>
struct HasHolds : std::false_type {};
template <typename T>
struct HasHolds<T, std::void_t<decltype(std::declval<const T&>().Holds())>> : std::true_type {};

template <typename T, typename = void>
struct HasWhat : std::false_type {};
template <typename T>
struct HasWhat<T, std::void_t<decltype(std::declval<const T&>().What())>> : std::true_type {};

template <typename T, typename = void>
struct HasHost : std::false_type {};
template <typename T>
struct HasHost<T, std::void_t<decltype(std::declval<const T&>().host)>> : std::true_type {};

}  // namespace kplan

#endif  // KPLAN_STEP_ANY_RECORD_H_
