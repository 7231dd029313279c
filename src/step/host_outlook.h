#ifndef KPLAN_STEP_HOST_OUTLOOK_H_
#define KPLAN_STEP_HOST_OUTLOOK_H_

// What the looks of the steps that work on files of hosts have in common.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/host/host_owner.h"
#include "src/host/may_reach.h"
#include "src/step/outlook.h"

namespace kplan {

// A text that is larger is told by its digest alone.
inline constexpr size_t kMaxForeseenText = 256 * 1024;

// DIFFERENCES as reasons and changes; OF, if given, is the name of the file among several that they are
// about.
void AddAttributes(const std::vector<AttributeDifference>& differences, const std::string& of,
                   std::vector<Reason>* reasons, std::vector<Change>* changes);

// The digest (Sha256Hex) of what will be in FILE; no value when that is not known.
std::optional<std::string> DigestOf(const ForeseenFile& file);

// What FOLDER of a host, as seen from here, is going to be (host/may_reach.h, PlaceToCome).
std::optional<PlaceRights> FolderToCome(const Foreseen& foreseen, const std::string& folder);

// SHA256 (64 digits) for a person: "sha256:abcd1234…".
std::string DigestText(absl::string_view sha256);

// What differs between two contents of a public file, in the words of what they are: of certificates (the
// first one of each) and units what those say, of everything else their digests, as "content". Never empty.
std::vector<Change> ContentChanges(absl::string_view from, absl::string_view to);

// That the content of a file differs whose content is secret (base/secret_content.h).
std::vector<Change> SecretContentChange();

// The same where of the new content only the certificate is known.
std::vector<Change> ContentChanges(absl::string_view from, const Certificate& to);

// The first certificate in PEM; null when there is none, or it is damaged, or comes with a private key.
std::shared_ptr<const Certificate> FirstCertificate(absl::string_view pem);

}  // namespace kplan

#endif  // KPLAN_STEP_HOST_OUTLOOK_H_
