#ifndef KPLAN_STEPS_FILES_PLACEMENT_H_
#define KPLAN_STEPS_FILES_PLACEMENT_H_

// Whether a file that has to be on a host goes to its place, or waits beside it (host/waiting_file.h): the
// decision alone, without a disk or a service.
//
// It waits when it is one that the restart of a service has to come to (FileFields::waits_for), this service
// runs, and what it gets at its next start would become something that it was not started with. So
//   - the first installation, and a member that is down, get their files at once;
//   - a file that somebody edited is put right at once, as long as it is known what the service was started
//     with. Where that is not known, the file waits: to wait costs a restart that may not have been needed,
//     not to wait may cost the member;
//   - mode and owner are put right at once: they change nothing of what is read, and call for no restart.

#include <optional>

namespace kplan {

struct PlacementFacts {
  enum class Place {
    kMissing,
    kOther,       // something else is in it
    kAttributes,  // the content is right, mode or owner are not
    kRight,
  };
  enum class Waiting {
    kNothing,
    kOther,
    kRight,  // content, mode and owner
  };
  enum class Service {
    kStopped,  // and nothing is going to start it by itself
    kStartedWithThis,
    kStartedWithAnother,  // or it is not known with what
  };

  Place place = Place::kMissing;
  Waiting waiting = Waiting::kNothing;
  bool program = false;    // it can be executed
  bool waits_for = false;  // there is a service to wait for
  Service service = Service::kStopped;

  // Whether `service` matters, which costs something to find out.
  bool ServiceMatters() const;
};

struct Placement {
  enum Where {
    kLeave,  // nothing is written: it is right, or waits already
    kWrite,  // to its place
    kWait,   // beside it
  };
  Where where = kLeave;
  bool take_away = false;  // what waits: first of all, as it is not what has to be there
};

Placement DecidePlacement(const PlacementFacts& facts);

}  // namespace kplan

#endif  // KPLAN_STEPS_FILES_PLACEMENT_H_
