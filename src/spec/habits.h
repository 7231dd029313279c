#ifndef KPLAN_SPEC_HABITS_H_
#define KPLAN_SPEC_HABITS_H_

// Keys that people write out of habit, from other tools, where kplan has another word or another place: of
// each map of cluster.yaml (schema.h), what to say about them. Constant data, which nothing but the message
// of an unknown key reads.

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kplan {

struct Habit {
  absl::string_view map;      // MapSchema::id
  absl::string_view words;    // with "|" between, in lower case without "-", "_" and spaces
  absl::string_view instead;  // a key of the same map that is called otherwise elsewhere; "": there is none
  absl::string_view help;     // else, or as well: where it stands and how it is written
  bool secret = false;        // what people write behind it is one: it is not shown
};

// What there is to say about KEY in MAP; null when nothing is known.
const Habit* FindHabit(absl::string_view map, absl::string_view key);

// All of them, for the test that holds them against the table of keys.
absl::Span<const Habit> AllHabits();

}  // namespace kplan

#endif  // KPLAN_SPEC_HABITS_H_
