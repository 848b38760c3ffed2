#include "tools/web/service.hpp"

#include <boost/asio/bind_executor.hpp>
#include <utility>

#include "tools/common/json_output.hpp"
#include "tools/web/gzip.hpp"
#include "tools/web/page_files.hpp"

namespace vault::web {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds comment_interval{15'000};
constexpr std::size_t public_threads = 2, read_threads = 3, verify_threads = 2;
constexpr std::size_t gzip_bytes_min = 1'024;

Lanes::Options lanes_of(const ctl::DaemonAddress& address, std::size_t threads, std::size_t waiting) {
  return {address, threads, waiting};
}

void compress(Response& response) {
  if (!response.gzip_worth || response.body->size() < gzip_bytes_min) return;
  response.body = std::make_shared<const std::string>(gzip(*response.body));
  response.header("Content-Encoding", "gzip");
  response.header("Vary", "Accept-Encoding");
  response.gzip_worth = false;
}

Asker asker_of(const RequestHead& head, const ListenerPlace& place) {
  return place.loopback ? asker_on_loopback(head.host, place.address, head.forwarded) : Asker::elsewhere;
}

}  // namespace

Service::Service(boost::asio::io_context& io, ServiceOptions options, std::function<OwnFigures()> server_figures)
    : io_(io),
      options_(std::move(options)),
      server_figures_(std::move(server_figures)),
      tiles_(options_.tile_cache_bytes),
      alive_timer_(io),
      watch_(io.get_executor(), options_.requests, [this](bool up) { announce_link(up); }),
      public_lanes_(io.get_executor(), lanes_of(options_.requests, public_threads, 256)),
      lanes_(io.get_executor(), lanes_of(options_.requests, read_threads, 256)),
      verify_lanes_(io.get_executor(), lanes_of(options_.requests, verify_threads, 4)),
      stream_shared_{lanes_, [this](milliseconds pause, std::function<void()> what) { later(pause, std::move(what)); }},
      feed_(io.get_executor(), options_.events, [this](const EventFeed::Batch& batch) {
        for (const auto& stream : std::set(streams_)) stream->take(batch);
      }) {
  for (const EmbeddedFile& file : embedded_files) {
    File kept;
    kept.plain = text_response(200, std::string(file.content));
    kept.plain.content_type = content_type_of(file.name);
    kept.plain.etag = etag_of(file.content);
    kept.plain.header("Cache-Control", "no-cache");
    kept.compressed = kept.plain;
    kept.compressed.gzip_worth = !file.name.ends_with(".png") && !file.name.ends_with(".ico");
    compress(kept.compressed);
    kept.compressed.gzip_worth = false;
    files_.emplace(file.name, std::move(kept));
  }
  keep_streams_alive();
}

Service::~Service() = default;

// --- Before the answer -----------------------------------------------------------------------------------------------

bool Service::has_token(const RequestHead& head) const {
  return options_.token && options_.token->matches(head.authorization);
}

std::optional<Response> Service::refuse(const RequestHead& head, const ListenerPlace& place, Audience audience) const {
  const bool strangers =
      audience == Audience::strangers || (audience == Audience::metrics && options_.access.public_metrics);
  if (place.loopback && !is_own_host(head.host, place.address, options_.hosts)) {
    return refusal(403, "forbidden", "this is not a name of this server; --host NAME allows one");
  }
  if (!strangers && is_cross_origin({head.host, head.origin, head.sec_fetch_site})) {
    return refusal(403, "forbidden", "a page of another origin may not ask for this");
  }
  switch (decide_access(options_.access, audience, asker_of(head, place), has_token(head))) {
    case Access::allowed:
      return std::nullopt;
    case Access::unauthenticated:
      return refusal(401, "unauthenticated", "this needs the token: Authorization: Bearer …");
    case Access::forbidden:
      break;
  }
  return refusal(403, "forbidden",
                 audience == Audience::seals ? "sealing over HTTP is off (--allow-seal)" : "this is not open to you");
}

Plan Service::plan(const RequestHead& head, const ListenerPlace& place) const {
  Plan plan;
  const auto refuse_with = [&plan](Response response) {
    plan.refusal = std::move(response);
    return std::move(plan);
  };
  auto target = parse_target(head.target);
  auto route = std::move(target).and_then([&plan](const RequestTarget& parsed) {
    plan.path = parsed.path;
    return find_route(parsed);
  });
  // Checks access before arguments: a stranger must not learn which of them are wrong.
  const Audience audience = route ? audience_of(route->kind) : Audience::api;
  if (route || plan.path.starts_with("/api/")) {
    if (auto refused = refuse(head, place, audience)) return refuse_with(std::move(*refused));
  } else if (place.loopback && !is_own_host(head.host, place.address, options_.hosts)) {
    return refuse_with(refusal(403, "forbidden", "this is not a name of this server; --host NAME allows one"));
  }
  if (!route) return refuse_with(error_response(route.error()));
  plan.route = std::move(*route);
  plan.audience = audience;
  plan.details = has_token(head) || (asker_of(head, place) == Asker::here && !options_.access.is_public);
  if (!takes_method(plan.route.kind, head.method)) {
    const std::string_view methods = methods_of(plan.route.kind);
    Response response = refusal(405, "method_not_allowed", "this path knows " + std::string(methods));
    response.header("Allow", methods);
    return refuse_with(std::move(response));
  }
  plan.wants_body = plan.route.kind == RouteKind::seals;
  if (plan.wants_body) {
    std::string type = head.content_type.substr(0, head.content_type.find(';'));
    while (!type.empty() && type.back() == ' ') type.pop_back();
    if (type != "application/json") {
      return refuse_with(refusal(415, "unsupported_media_type", "Content-Type must be application/json"));
    }
  }
  return plan;
}

bool Service::any_origin(const Plan& plan) const {
  return options_.access.is_public && plan.audience == Audience::strangers;
}

// --- Answers ---------------------------------------------------------------------------------------------------------

void Service::run(const Plan& plan, const RequestHead& head, std::string body,
                  const std::shared_ptr<Exchange>& exchange) {
  switch (plan.route.kind) {
    case RouteKind::healthz:
      return exchange->answer(text_response(200, "ok\n"));
    case RouteKind::readyz:
      return exchange->answer(ready(plan.route.readers_do, plan.details));
    case RouteKind::checkpoint:
      return checkpoint(false, exchange);
    case RouteKind::vkey:
      return checkpoint(true, exchange);
    case RouteKind::tile:
      return tile(plan, head, exchange);
    case RouteKind::metrics: {
      Response response = metrics();
      if (head.gzip) compress(response);
      return exchange->answer(std::move(response));
    }
    case RouteKind::page_file:
      return exchange->answer(page_file(plan.route.name, head));
    case RouteKind::openapi:
      return exchange->answer(page_file("openapi.json", head));
    case RouteKind::status:
      return exchange->answer(status());
    case RouteKind::read:
      return read(plan, head, exchange);
    case RouteKind::verify:
      return verify(plan, exchange);
    case RouteKind::events:
      return events(plan, head, exchange);
    case RouteKind::seals:
      return seal(plan, head, std::move(body), exchange);
  }
}

Response Service::ready(bool readers_do, bool details) const {
  std::vector<std::string> reasons;
  const auto latest = watch_.fresh();
  if (!latest) {
    reasons.push_back("vaultd does not answer: " + watch_.problem());
  } else if (readers_do ? !latest->has_database : !latest->ready) {
    reasons.push_back(readers_do ? "vaultd has no database"
                                 : "vaultd is not ready to seal (role " + latest->role + ")");
    if (details) {
      reasons.insert(reasons.end(), latest->troubles.begin(), latest->troubles.end());
    }
  }
  std::string body = "{\"reasons\":[";
  for (const std::string& reason : reasons) body += (body.back() == '[' ? "" : ",") + ctl::json_string(reason);
  Response response = json_response(reasons.empty() ? 200 : 503, body + "]}");
  response.gzip_worth = false;
  return response;
}

Response Service::status() const {
  const auto latest = watch_.fresh();
  if (!latest) return error_response({ErrorCode::unavailable, "vaultd does not answer: " + watch_.problem(), {}});
  return json_response(200, latest->json);
}

Response Service::metrics() const {
  OwnFigures own = server_figures_();
  own.events_missed = stream_shared_.missed;
  own.tile_cache_bytes = tiles_.bytes();
  const auto latest = watch_.fresh();
  Response response = text_response(200, metrics_text(latest ? latest->json : "", own));
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.header("Cache-Control", "no-store");
  response.gzip_worth = true;
  return response;
}

Response Service::page_file(const std::string& name, const RequestHead& head) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return error_response({ErrorCode::not_found, "there is nothing at this path", {}});
  const File& file = found->second;
  const Response& response = head.gzip ? file.compressed : file.plain;
  return is_known_to_client(head.if_none_match, response) ? not_modified(response) : response;
}

// --- Requests to vaultd ----------------------------------------------------------------------------------------------

void Service::ask(Lanes& lanes, std::function<Result<Operation>()> prepare, std::int64_t at_least, Finish finish,
                  const RequestHead& head, const std::shared_ptr<Exchange>& exchange,
                  std::function<void(const Response&)> keep) {
  Lanes::Question question;
  question.prepare = std::move(prepare);
  question.at_least = at_least;
  question.finish = [finish = std::move(finish), keep = std::move(keep), exchange,
                     gzip = head.gzip](Result<std::string> result) -> std::function<void()> {
    Response response = result ? finish(std::move(result)) : error_response(result.error());
    if (gzip) compress(response);
    return [response = std::move(response), keep, exchange]() mutable {
      if (keep && response.status == 200) keep(response);
      exchange->answer(std::move(response));
    };
  };
  if (!lanes.ask(std::move(question))) {
    exchange->answer(
        error_response({ErrorCode::busy, "too many questions wait for vaultd; ask again in a moment", {}}));
  }
}

void Service::later(milliseconds pause, std::function<void()> what) {
  auto timer = std::make_shared<boost::asio::steady_timer>(io_, pause);
  timer->async_wait([timer, what = std::move(what)](const boost::system::error_code& error) {
    if (!error) what();
  });
}

void Service::keep_streams_alive() {
  alive_timer_.expires_after(comment_interval);
  alive_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    for (const auto& stream : std::set(streams_)) stream->keep_alive();
    keep_streams_alive();
  });
}

void Service::announce_link(bool up) {
  for (const auto& stream : std::set(streams_)) stream->announce_link(up);
}

}  // namespace vault::web
