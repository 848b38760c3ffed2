#include "tools/web/route.hpp"

#include <algorithm>
#include <limits>

#include "ledger/entry.hpp"
#include "ledger/limits.hpp"
#include "ledger/tile.hpp"

namespace vault::web {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::string_view event_names[] = {"entry", "receipt", "checkpoint", "alert", "heartbeat"};
constexpr std::size_t topics_max = 16;

tl::unexpected<Error> no_route() {
  return fail(ErrorCode::not_found, "there is nothing at this path");
}

Result<Route> simple(RouteKind kind, QueryArguments& query) {
  Route route;
  route.kind = kind;
  if (kind == RouteKind::readyz) {
    const auto role = query.text("role");
    if (role && *role != "reader" && *role != "writer") query.refuse("role", "role must be reader or writer");
    route.readers_do = role == "reader";
  }
  if (const Status done = query.finish(); !done) return tl::unexpected(done.error());
  return route;
}

Result<Route> find_tile(const RequestTarget& target, QueryArguments& query) {
  const auto name = parse_tile_path(std::string_view(target.path).substr(1));
  if (!name || name->level == "data") return no_route();
  Route route;
  route.kind = RouteKind::tile;
  route.whole = name->width == limits::tile_width;
  if (name->index > static_cast<std::uint64_t>(largest)) return no_route();
  const auto index = static_cast<std::int64_t>(name->index);
  if (name->level == "entries") {
    route.operation = EntryBundleRequest{index, name->width};
  } else {
    route.operation = TileRequest{parse_integer(name->level).value_or(63), index, name->width};
  }
  if (const Status done = query.finish(); !done) return tl::unexpected(done.error());
  return route;
}

void read_paging(QueryArguments& query, PageRequest& page) {
  page.cursor = query.integer("cursor", 0, largest);
  page.limit =
      static_cast<std::size_t>(query.integer("limit", 1, limits::list_limit_max).value_or(limits::list_limit_default));
}

std::optional<std::string> checked_name(QueryArguments& query, std::string_view name) {
  auto text = query.text(name);
  if (!text) return text;
  if (const Status good = check_name(*text, name); !good) query.refuse(name, good.error().message);
  return text;
}

std::optional<Timestamp> timestamp(QueryArguments& query, std::string_view name) {
  const auto text = query.text(name);
  if (!text) return std::nullopt;
  const auto parsed = parse_timestamp(*text);
  if (!parsed) query.refuse(name, std::string(name) + " must be of the form YYYY-MM-DDTHH:MM:SS.ffffffZ");
  return parsed;
}

Operation entries(QueryArguments& query) {
  ListRequest request;
  PageRequest& page = request.page;
  if (const auto verdict = query.text("verdict")) {
    page.verdict = parse_verdict(*verdict);
    if (!page.verdict) query.refuse("verdict", "verdict must be SEAL, PARTIAL, SABAR, VOID, 888_HOLD or SUNSET");
  }
  page.session_id = checked_name(query, "session_id");
  page.authority = checked_name(query, "authority");
  page.from = timestamp(query, "from");
  page.to = timestamp(query, "to");
  const auto order = query.text("order");
  if (order && *order != "asc" && *order != "desc") query.refuse("order", "order must be asc or desc");
  page.order = order == "asc" ? Order::ascending : Order::descending;
  read_paging(query, page);
  return request;
}

Operation session(const std::string& id, QueryArguments& query) {
  ReadRequest request;
  PageRequest& page = request.session.emplace();
  page.order = Order::ascending;
  page.session_id = id;
  if (const Status good = check_name(id, "session_id"); !good) query.refuse("session_id", good.error().message);
  read_paging(query, page);
  return request;
}

std::int64_t sequence_of(const std::string& text, QueryArguments& query) {
  const auto number = parse_integer(text);
  if (!number || *number < 1) query.refuse("sequence", "sequence must be a whole number from 1 on");
  return number.value_or(1);
}

Operation proof(const std::string& text, QueryArguments& query) {
  ProofRequest request;
  request.sequence = sequence_of(text, query);
  request.tree_size = query.integer("size", 1, largest);
  if (request.tree_size && *request.tree_size < request.sequence)
    query.refuse("size", "size must not be below sequence");
  return request;
}

Operation consistency(QueryArguments& query) {
  ConsistencyRequest request;
  const auto first = query.integer("first", 0, largest);
  if (!first) query.refuse("first", "first is required");
  request.first = first.value_or(0);
  request.second = query.integer("second", 0, largest);
  if (request.second && *request.second < request.first) query.refuse("second", "second must not be below first");
  return request;
}

Operation verify(QueryArguments& query) {
  VerifyRangeRequest request;
  request.from = query.integer("from", 1, largest);
  request.to = query.integer("to", 1, largest);
  request.progress = true;
  if (request.from && request.to && *request.to < *request.from) query.refuse("to", "to must not be below from");
  return request;
}

std::vector<std::string> topics(QueryArguments& query) {
  const std::string text = query.text("topics").value_or("entry,receipt,checkpoint,alert,heartbeat");
  std::vector<std::string> out;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    out.push_back(text.substr(from, comma - from));
    const std::string name = out.back().substr(0, out.back().find('.'));
    bool known = false;
    for (const std::string_view event : event_names) known = known || name == event;
    if (!known || out.size() > topics_max) {
      query.refuse("topics",
                   "topics must be some of entry, receipt, checkpoint, alert, heartbeat, with commas between");
      break;
    }
    from = comma + 1;
  }
  return out;
}

// Routes below /api/v1/.
Result<Route> find_api(std::span<const std::string> names, QueryArguments& query) {
  const std::string& first = names[0];
  const bool alone = names.size() == 1;
  const bool with_one = names.size() == 2;
  Route route;
  route.kind = RouteKind::read;
  if (alone && first == "status") {
    route.kind = RouteKind::status;
  } else if (alone && first == "head") {
    route.operation = HeadRequest{};
  } else if (alone && first == "checkpoint") {
    route.operation = CheckpointRequest{};
  } else if (alone && first == "entries") {
    route.operation = entries(query);
  } else if (with_one && first == "entries") {
    route.operation = ReadRequest{.sequence = sequence_of(names[1], query), .seal_id = {}, .session = {}};
  } else if (with_one && first == "seals") {
    const auto id = parse_uuid(names[1]);
    if (!id) query.refuse("seal_id", "seal_id must be a UUID of 36 characters");
    route.operation = ReadRequest{.sequence = {}, .seal_id = id, .session = {}};
  } else if (with_one && first == "sessions") {
    route.operation = session(names[1], query);
  } else if (with_one && first == "proof") {
    route.operation = proof(names[1], query);
  } else if (alone && first == "consistency") {
    route.operation = consistency(query);
  } else if (alone && first == "verify") {
    route.kind = RouteKind::verify;
    route.operation = verify(query);
  } else if (alone && first == "events") {
    route.kind = RouteKind::events;
    route.topics = topics(query);
  } else if (alone && first == "seals") {
    route.kind = RouteKind::seals;
    route.sign = query.flag("sign");
  } else if (alone && first == "openapi.json") {
    route.kind = RouteKind::openapi;
  } else {
    return no_route();
  }
  if (route.kind == RouteKind::read) route.at_least = query.integer("at_least", 0, largest).value_or(0);
  if (const Status done = query.finish(); !done) return tl::unexpected(done.error());
  return route;
}

}  // namespace

Audience audience_of(RouteKind kind) {
  switch (kind) {
    case RouteKind::healthz:
    case RouteKind::readyz:
    case RouteKind::checkpoint:
    case RouteKind::tile:
    case RouteKind::vkey:
      return Audience::strangers;
    case RouteKind::metrics:
      return Audience::metrics;
    case RouteKind::page_file:
    case RouteKind::openapi:
      return Audience::page;
    case RouteKind::seals:
      return Audience::seals;
    case RouteKind::status:
    case RouteKind::read:
    case RouteKind::verify:
    case RouteKind::events:
      break;
  }
  return Audience::api;
}

std::string_view methods_of(RouteKind kind) {
  return kind == RouteKind::seals ? "POST" : "GET, HEAD";
}

bool takes_method(RouteKind kind, std::string_view method) {
  return kind == RouteKind::seals ? method == "POST" : method == "GET" || method == "HEAD";
}

Result<Route> find_route(const RequestTarget& target) {
  QueryArguments query(target);
  const auto& names = target.segments;
  if (names.empty()) {
    auto route = simple(RouteKind::page_file, query);
    if (route) route->name = "index.html";
    return route;
  }
  if (names[0] == "tile") return find_tile(target, query);
  if (names.size() >= 3 && names[0] == "api" && names[1] == "v1") return find_api(std::span(names).subspan(2), query);
  if (names.size() == 2 && names[0] == "page") {
    auto route = simple(RouteKind::page_file, query);
    if (route) route->name = names[1];
    return route;
  }
  if (names.size() > 1) return no_route();
  if (names[0] == "healthz") return simple(RouteKind::healthz, query);
  if (names[0] == "readyz") return simple(RouteKind::readyz, query);
  if (names[0] == "checkpoint") return simple(RouteKind::checkpoint, query);
  if (names[0] == "vkey") return simple(RouteKind::vkey, query);
  if (names[0] == "metrics") return simple(RouteKind::metrics, query);
  if (names[0] == "favicon.ico") {
    auto route = simple(RouteKind::page_file, query);
    if (route) route->name = "favicon.svg";
    return route;
  }
  return no_route();
}

}  // namespace vault::web
