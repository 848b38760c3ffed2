// Who may see what: the one table behind every route (docs/web.md). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/web/route.hpp"

namespace vault::web {

struct AccessPolicy {
  bool is_public = false;  // strangers may come
  bool public_metrics = false;
  bool trust_local_users = false;  // the page and its reads without a token, on loopback
  bool allow_seal = false;
  bool has_token = false;
};

enum class Access : std::uint8_t {
  allowed,
  unauthenticated,  // a token would do
  forbidden,        // nobody may
};

// `on_loopback`: the listener's address is; `token_good`: the request bears the token.
Access decide_access(const AccessPolicy& policy, Audience audience, bool on_loopback, bool token_good);

// What a browser tells of where a request comes from; empty: the header is missing.
struct RequestOrigin {
  std::string host, origin, sec_fetch_site;
};

// Is `host` (of the form of a Host header) a loopback address, localhost, the listener's own address, or one of
// `names`? Anything else on a loopback listener is another's name that was made to point here (DNS rebinding).
bool is_own_host(std::string_view host, std::string_view listener_address, const std::vector<std::string>& names);

// True where a page of another origin made the browser ask.
bool is_cross_origin(const RequestOrigin& request);

}  // namespace vault::web
