#ifndef KPLAN_CLI_QUESTION_H_
#define KPLAN_CLI_QUESTION_H_

#include <string>

namespace kplan {

// What a person is asked before something is done.
struct Question {
  std::string text;      // "remove them?"
  std::string declined;  // "nothing was removed"
  std::string does;      // "removes them": what --yes does
  bool yes = false;      // it was answered by --yes
  bool nobody = false;   // nobody is to be asked, whoever is there
};

// kExitDone when the answer is yes; else kExitFailed, the reason being printed. Where no terminal is there is
// nobody to ask.
int Ask(const Question& question);

}  // namespace kplan

#endif  // KPLAN_CLI_QUESTION_H_
