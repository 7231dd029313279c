#ifndef KPLAN_STEP_GROUND_QUESTION_H_
#define KPLAN_STEP_GROUND_QUESTION_H_

// A part of the question about a data folder (questions.h): whether the host will do for the member that is
// to run there. It is asked before any file gets there, so that what the start would end with is known first.

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/fields.h"

namespace kplan {

struct GroundQuestion {
  struct Program {
    std::string name;  // in `bin`
    int64_t size = 0;  // bytes

    template <typename Self, typename Fields>
    static void Visit(Self& self, Fields& fields) {
      fields.Always("name", self.name);
      fields.Always("size", self.size);
    }
  };
  std::string manager, service;      // whose sockets are the member's own: "systemd", "etcd"
  std::vector<std::string> listens;  // URLs at which it is going to listen
  std::string bin, config;           // the folders of programs and certificates, inside the root
  std::vector<Program> programs;     // that are going to be in `bin`
  bool sent = false;                 // programs lie in the folder of the agent first

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("bin", self.bin);
    fields.Always("config", self.config);
    fields.Always("listens", self.listens);
    fields.Always("manager", self.manager);
    fields.Always("programs", self.programs);
    fields.Always("sent", self.sent);
    fields.Always("service", self.service);
  }
};

}  // namespace kplan

#endif  // KPLAN_STEP_GROUND_QUESTION_H_
