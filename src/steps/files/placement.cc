#include "src/steps/files/placement.h"

namespace kplan {

bool PlacementFacts::ServiceMatters() const {
  if (!waits_for || waiting == Waiting::kRight) return false;
  // A program that is not there has not been started by anybody; and a unit that names it is not good to
  // systemd before it is there.
  return place == Place::kOther || (place == Place::kMissing && !program);
}

Placement DecidePlacement(const PlacementFacts& facts) {
  using Place = PlacementFacts::Place;
  using Waiting = PlacementFacts::Waiting;
  Placement placement;
  placement.take_away = facts.waiting != Waiting::kNothing;
  if (facts.place == Place::kRight) return placement;
  placement.where = Placement::kWrite;
  if (facts.place == Place::kAttributes || !facts.waits_for) return placement;
  if (facts.waiting == Waiting::kRight) return {Placement::kLeave, false};
  if (!facts.ServiceMatters() || facts.service != PlacementFacts::Service::kStartedWithAnother)
    return placement;
  // It takes the place of whatever waits there.
  return {Placement::kWait, false};
}

}  // namespace kplan
