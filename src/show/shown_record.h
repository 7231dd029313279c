#ifndef KPLAN_SHOW_SHOWN_RECORD_H_
#define KPLAN_SHOW_SHOWN_RECORD_H_

// Records, digests and stamps as they may be shown: without what is secret (base/secret_content.h).

#include <string>

#include "absl/strings/string_view.h"
#include "src/graph/graph.h"

namespace kplan {

// Whether the record of STEP has a secret in it.
bool HoldsSecret(const Step& step);

// The record of STEP, with kSecretShown for the secret in it.
std::string ShownRecord(const Step& step);

// DIGEST, which is that of STEP's record or artifact; kSecretShown where a secret could be guessed by it:
// that of the artifact, and of what is made from it alone.
std::string ShownDigest(const Graph& graph, const Step& step, absl::string_view digest);

}  // namespace kplan

#endif  // KPLAN_SHOW_SHOWN_RECORD_H_
