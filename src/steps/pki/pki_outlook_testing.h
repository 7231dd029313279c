#ifndef KPLAN_STEPS_PKI_PKI_OUTLOOK_TESTING_H_
#define KPLAN_STEPS_PKI_PKI_OUTLOOK_TESTING_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "src/step/outlook.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {

// A step of a chain: what it is called, both its halves, and whose success it needs.
struct PkiStep {
  std::string label;
  AnyStep run;
  AnyLook look;
  Json record;
  std::vector<std::string> inputs;
};

// Something that has happened to an artifact that was right, and what the look says of it.
struct Situation {
  const char* what;
  std::function<void()> change;
  std::string reasons;  // NamesOf
  std::string changes;  // ChangesOf; "*" for any
  bool changes_digest;
};

// Compares what the looks say with what the steps then do.
class PkiOutlookTest : public PkiTest {
 protected:
  PkiOutlookTest();

  // A new folder with all of MakeAll(), made from the records `first_`.
  void Fresh();

  // Each situation in a fresh folder: what the look says, that it agrees with the step, and that afterwards
  // it finds nothing.
  void Try(const AnyStep& run, const AnyLook& look, Json* record, const std::vector<Situation>& situations);

  // The error with which both have to fail.
  std::string Refused(const AnyStep& run, const AnyLook& look, const Json& record);

  static void SetMode(const std::string& path, mode_t mode = 0644);
  static void Remove(const std::string& path);
  // Changes a character of PATH, that far from its end.
  static void Flip(const std::string& path, size_t from_the_end);

  // ca_key_, ca_cert_, key_, csr_ and cert_ as Fresh() sets them.
  std::vector<Json> first_;
  absl::Time start_;

  // A look at nothing but the disk. Expects that it succeeds and touches nothing.
  Outlook LookAt(const AnyLook& look, const Json& record) const;

  // Looks, runs the step, and expects that they agree; returns what the look said. A look that fails is the
  // empty one with its message as the note.
  Outlook Agree(const AnyStep& run, const AnyLook& look, const Json& record);

  // All of STEPS: first the looks, each with what those before it foresee, then the runs, and expects that
  // they agree step by step. True when every step could be done.
  bool AgreeAll(const std::vector<PkiStep>& steps);

  // What a step's stamp says, kept from run to run by label.
  std::map<std::string, std::string> stamps_;
  // The labels whose artifacts somebody has touched since: then `changes_digest`, which is about the
  // artifact, and the stamp are two things.
  std::set<std::string> touched_;
  // How often the walk above met each outcome, so that a test can tell that it has seen them.
  int right_ = 0, made_ = 0, failed_ = 0;
  std::set<std::string> seen_;  // the names of all reasons

 private:
  struct Looked {
    absl::StatusOr<Outlook> outlook = absl::UnknownError("not looked at");
    bool skipped = false;
  };
  void ExpectAgreement(const PkiStep& step, const absl::StatusOr<Outlook>& outlook,
                       const absl::StatusOr<StepResult>& result, const std::string& stamp);
};

// "names, expires-soon"
std::string NamesOf(const Outlook& outlook);
// "SAN: \"\" -> \"DNS:extra\"", one a line.
std::string ChangesOf(const Outlook& outlook);

}  // namespace kplan

#endif  // KPLAN_STEPS_PKI_PKI_OUTLOOK_TESTING_H_
