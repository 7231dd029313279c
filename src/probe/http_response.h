#ifndef KPLAN_PROBE_HTTP_RESPONSE_H_
#define KPLAN_PROBE_HTTP_RESPONSE_H_

// An HTTP/1 response as it came over the wire (RFC 9112), as far as a probe needs to understand one.

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// The status, 0 when RESPONSE is none; and what follows its headers.
int HttpStatus(absl::string_view response);
absl::string_view HttpBody(absl::string_view response);

// Whether RESPONSE is all that it promises, by its Content-Length or its last chunk. One that promises
// nothing ends with the connection, and is never whole. (etcd's peer port takes five seconds to close a
// connection; v3.4: Go's server does not see through cmux's connection that it may close at once.)
bool IsWholeHttp(absl::string_view response);

// RESPONSE with its body in one piece when it came in chunks, as far as they are there (RFC 9112 7.1); what
// did not, as it is.
std::string WithoutChunks(std::string response);

}  // namespace kplan

#endif  // KPLAN_PROBE_HTTP_RESPONSE_H_
