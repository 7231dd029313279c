#ifndef KPLAN_LOOK_UNASKED_H_
#define KPLAN_LOOK_UNASKED_H_

// What ninja says last: of which hosts over ssh it is not known how they are.
//
// Ninja runs what is stale and has nothing to say of the rest; so a host that does not answer would be passed
// over. Every plan with hosts over ssh has an edge behind all others (ninja/ninja_file.cc), whose input is
// .kplan/unasked. The look before the build writes that file, and it is new whenever there is something to
// say; the edge says it (`kplan asked`), and fails where a host was asked in vain. With nothing to say the
// file is as old as can be, and the edge has nothing to do.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/look/contact.h"

namespace kplan {

// As .kplan/unasked holds it.
struct Unasked {
  struct Host {
    std::string host, problem;

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("host", self.host);
      fields.Always("problem", self.problem);
    }
  };
  std::vector<Host> silent;  // asked, without an answer
  std::string rest;          // what else is to be said: "3 hosts not asked"

  bool empty() const { return silent.empty() && rest.empty(); }

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("silent", self.silent);
    fields.Always("rest", self.rest);
  }
};

Unasked UnaskedOf(const HostSights& sights);

// Writes .kplan/unasked, and .kplan/asked where there is none: ninja runs no edge for a folder that is new.
absl::Status WriteUnasked(const Unasked& unasked);
// The same for who has not looked: makes both where there are none.
absl::Status KeepUnasked();

absl::StatusOr<Unasked> ReadUnasked();
// That the edge has said what there was to say, and nobody was asked in vain.
absl::Status MarkAsked();

}  // namespace kplan

#endif  // KPLAN_LOOK_UNASKED_H_
