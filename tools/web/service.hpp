// vault-web's service: from a request's head to its answer. Knows no sockets; belongs to the server's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/web/access.hpp"
#include "tools/web/daemon_watch.hpp"
#include "tools/web/event_stream.hpp"
#include "tools/web/exchange.hpp"
#include "tools/web/metrics.hpp"
#include "tools/web/tile_cache.hpp"
#include "tools/web/token.hpp"

namespace vault::web {

struct ServiceOptions {
  ctl::DaemonAddress requests;
  SubscriberOptions events;
  AccessPolicy access;
  std::optional<Token> token;
  std::vector<std::string> hosts;  // besides the listener's own
  std::size_t tile_cache_bytes = std::size_t{16} << 20;
  std::size_t streams_max = 256;
};

// The plan for a request whose head has been read.
struct Plan {
  std::optional<Response> refusal;  // if set, nothing else counts
  Route route;
  std::optional<Audience> audience;  // of an existing route that is open to the client
  std::string path;
  bool wants_body = false;
  bool details = false;  // readyz: the client may read the messages of alerts
};

class Service {
 public:
  Service(boost::asio::io_context& io, ServiceOptions options, std::function<OwnFigures()> server_figures);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  Plan plan(const RequestHead& head, const ListenerPlace& place) const;
  // True if pages of any origin may read it, as strangers may.
  bool any_origin(const Plan& plan) const;
  // Answers, now or later. `body` if the plan needs one.
  void run(const Plan& plan, const RequestHead& head, std::string body, const std::shared_ptr<Exchange>& exchange);

 private:
  using Finish = std::function<Response(Result<std::string>)>;

  bool has_token(const RequestHead& head) const;
  std::optional<Response> refuse(const RequestHead& head, const ListenerPlace& place, Audience audience) const;
  void ask(Lanes& lanes, std::function<Result<Operation>()> prepare, std::int64_t at_least, Finish finish,
           const RequestHead& head, const std::shared_ptr<Exchange>& exchange,
           std::function<void(const Response&)> keep);
  Response ready(bool readers_do, bool details) const;
  Response status() const;
  Response metrics() const;
  Response page_file(const std::string& name, const RequestHead& head) const;
  void tile(const Plan& plan, const RequestHead& head, const std::shared_ptr<Exchange>& exchange);
  void checkpoint(bool key_only, const std::shared_ptr<Exchange>& exchange);
  void read(const Plan& plan, const RequestHead& head, const std::shared_ptr<Exchange>& exchange);
  void seal(const Plan& plan, const RequestHead& head, std::string body, const std::shared_ptr<Exchange>& exchange);
  void verify(const Plan& plan, const std::shared_ptr<Exchange>& exchange);
  void events(const Plan& plan, const RequestHead& head, const std::shared_ptr<Exchange>& exchange);
  void later(std::chrono::milliseconds pause, std::function<void()> what);
  void keep_streams_alive();
  void announce_link(bool up);

  // One of the page's files, also in compressed form.
  struct File {
    Response plain, compressed;
  };
  // The newest checkpoint, requested once however many clients want it.
  struct CheckpointAnswer {
    std::chrono::steady_clock::time_point at{};
    bool asking = false;
    std::optional<Response> note, vkey;
    std::vector<std::pair<bool, std::shared_ptr<Exchange>>> waiting;  // whether only the key is wanted
  };

  boost::asio::io_context& io_;
  ServiceOptions options_;
  std::function<OwnFigures()> server_figures_;
  std::map<std::string, File> files_;
  TileCache tiles_;
  CheckpointAnswer checkpoint_;
  std::set<std::shared_ptr<EventStream>> streams_;
  boost::asio::steady_timer alive_timer_;
  DaemonWatch watch_;
  Lanes public_lanes_, lanes_, verify_lanes_;
  EventStream::Shared stream_shared_;
  EventFeed feed_;
};

}  // namespace vault::web
