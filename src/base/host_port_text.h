#ifndef KPLAN_BASE_HOST_PORT_TEXT_H_
#define KPLAN_BASE_HOST_PORT_TEXT_H_

#include <string>

#include "src/base/url.h"

namespace kplan {

// TARGET as ParseHostPort reads it: "127.0.0.1:2379", "[::1]:2379" (RFC 3986 3.2.2).
std::string HostPortText(const HostPort& target);

}  // namespace kplan

#endif  // KPLAN_BASE_HOST_PORT_TEXT_H_
