// Maps a target to what must be done for it. Pure: everything that strangers can request passes through here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/result.hpp"
#include "tools/web/request_target.hpp"
#include "wire/message.hpp"

namespace vault::web {

enum class RouteKind : std::uint8_t {
  healthz,
  readyz,
  checkpoint,  // the note, as text
  tile,        // `operation`
  vkey,
  metrics,
  page_file,  // `name`
  openapi,
  status,
  read,  // `operation`
  verify,
  events,
  seals,
};

// The audience that may see it (access.hpp).
enum class Audience : std::uint8_t { strangers, metrics, page, api, seals };

struct Route {
  RouteKind kind = RouteKind::healthz;
  Operation operation = StatusRequest{};  // read, tile, verify
  std::int64_t at_least = 0;
  std::string name;                 // page_file
  std::vector<std::string> topics;  // events: prefixes
  bool sign = false;                // seals
  bool readers_do = false;          // readyz: a standby counts too
  bool whole = false;               // tile: full, so it never changes
};

Audience audience_of(RouteKind kind);
// "GET, HEAD" or "POST": the value of Allow.
std::string_view methods_of(RouteKind kind);
bool takes_method(RouteKind kind, std::string_view method);

// Errors: not_found (no such route), invalid_argument with `field` (a bad argument).
Result<Route> find_route(const RequestTarget& target);

}  // namespace vault::web
