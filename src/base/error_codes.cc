#include "src/base/error_codes.h"

#include <iterator>

namespace kplan {
namespace {

// In the order of the enumeration.
constexpr const char* kSlugs[] = {
    "yaml",
    "encoding",
    "control-character",
    "yaml-feature",
    "too-large",

    "duplicate-key",
    "unknown-key",
    "wrong-type",
    "no-value",
    "missing-key",
    "api-version",
    "conflict",
    "set-by-kplan",

    "bad-name",
    "name-taken",
    "unknown-name",
    "ambiguous",
    "duplicate-entry",
    "bad-variable",

    "unknown-value",
    "bad-value",
    "bad-path",
    "bad-url",
    "bad-duration",
    "bad-lifetime",
    "bad-date",
    "bad-serial",
    "bad-digest",

    "bad-host",
    "service-manager",
    "bad-subject",
    "same-subject",
    "key-kind",
    "bad-usages",
    "ca-chain",
    "given-ca",
    "bad-name-constraint",
    "name-constraint",
    "no-san",

    "etcd-version",
    "etcd-flag",
    "etcd-flag-value",
    "etcd-cert",
    "quorum",
    "bad-unit",

    "service-order",
    "service-cert",
    "bad-check",

    "cfssl-file",
    "cfssl-mismatch",
    "cfssl-left-out",
    "cfssl-differs",

    "internal",
};
static_assert(std::size(kSlugs) == kCodeCount, "a slug a code");

}  // namespace

absl::string_view Slug(Code code) { return kSlugs[static_cast<int>(code)]; }

}  // namespace kplan
