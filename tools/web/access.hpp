// Access rights: the one table behind every route (docs/web.md). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/web/route.hpp"

namespace vault::web {

struct AccessPolicy {
  bool is_public = false;  // strangers may connect
  bool public_metrics = false;
  bool trust_local_users = false;  // no token for the page and its reads, on loopback
  bool allow_seal = false;
  bool has_token = false;
};

enum class Access : std::uint8_t {
  allowed,
  unauthenticated,  // a token would allow it
  forbidden,        // nobody may do this
};

enum class Asker : std::uint8_t {
  here,       // a user of this machine
  proxied,    // somebody for whom a proxy on this machine asks
  elsewhere,  // on a listener that others can reach
};

// `token_good`: whether the request carries the token.
Access decide_access(const AccessPolicy& policy, Audience audience, Asker asker, bool token_good);

// Headers in which a browser says where a request comes from; empty: the header is missing.
struct RequestOrigin {
  std::string host, origin, sec_fetch_site;
};

// Whether `host` (in the form of a Host header) is a loopback address, localhost, the listener's own address, or one of
// `names`. On a loopback listener, anything else is a foreign name that was made to point here (DNS rebinding).
bool is_own_host(std::string_view host, std::string_view listener_address, const std::vector<std::string>& names);

// Tells users of this machine from others on a loopback listener. A request that a proxy hands on has a name from
// --host, or a header by which proxies say for whom they ask (`forwarded`).
Asker asker_on_loopback(std::string_view host, std::string_view listener_address, bool forwarded);

// True if a page of another origin made the browser send the request.
bool is_cross_origin(const RequestOrigin& request);

}  // namespace vault::web
