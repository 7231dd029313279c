#ifndef KPLAN_STEPS_PKI_CFSSL_SCENARIOS_TESTING_H_
#define KPLAN_STEPS_PKI_CFSSL_SCENARIOS_TESTING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/record.h"

namespace kplan {

// A small PKI as somebody may describe it to cfssl: requests, and signing profiles.
struct CfsslScenario {
  std::string name;
  Json ca;                                  // request for the CA
  Json intermediate, intermediate_profile;  // null without
  Json leaf, profile;

  Json Config() const;  // cfssl's, with the profiles "intermediate" and "leaf"
};

// The tutorial's, and one for each corner that is known.
std::vector<CfsslScenario> WrittenScenarios();

// COUNT others, the same ones for a SEED: keys of every kind, subjects, hosts of every kind, usages from the
// whole table, lifetimes, back-dating, intermediate CAs, URLs.
std::vector<CfsslScenario> GeneratedScenarios(int count, uint32_t seed);

}  // namespace kplan

#endif  // KPLAN_STEPS_PKI_CFSSL_SCENARIOS_TESTING_H_
