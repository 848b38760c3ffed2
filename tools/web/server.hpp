// Listeners, and what all connections share: limits, counters, the total size of bodies and answers in memory. One
// thread runs all of it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "tools/web/metrics.hpp"
#include "tools/web/remote_limits.hpp"
#include "tools/web/service.hpp"

namespace vault::web {

struct ServerLimits {
  std::size_t connections_max = 1'024;
  std::size_t connections_a_remote = 64;
  double requests_a_second = 100;  // per remote address
  std::size_t header_bytes_max = std::size_t{16} << 10;
  std::size_t body_bytes_max = std::size_t{16} << 20;
  std::size_t held_bytes_max = std::size_t{64} << 20;  // of bodies and large answers together
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds idle_timeout{30'000};  // between requests, for a body, and for each piece of an answer
};

class Session;

// Total bytes of bodies and large answers of all connections.
class ByteBudget {
 public:
  explicit ByteBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  // False: there is no room for `bytes` more. Every true must be followed by release().
  bool hold(std::size_t bytes) {
    if (bytes > bytes_max_ - held_) return false;
    held_ += bytes;
    return true;
  }
  void release(std::size_t bytes) { held_ -= bytes; }

 private:
  std::size_t bytes_max_, held_ = 0;
};

class Server {
 public:
  Server(boost::asio::io_context& io, const ServerLimits& limits);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Returns the actual port (0 asks for any). Errors: invalid_argument (not an address, not one of this
  // machine, in use), forbidden.
  Result<unsigned short> listen(const std::string& address, unsigned short port);
  // Starts accepting connections.
  void serve(Service& service);
  // Stops accepting connections, and closes all of them.
  void stop();

  OwnFigures figures() const;

  // --- For sessions --------------------------------------------------------------------------------------------------

  const ServerLimits& limits() const { return limits_; }
  Service& service() { return *service_; }
  boost::asio::io_context& io() { return io_; }
  void count(unsigned status) { ++requests_[status]; }
  const std::shared_ptr<ByteBudget>& budget() const { return budget_; }
  bool may_ask(const std::string& remote);  // "": loopback
  // Sessions whose header has begun but is incomplete: the first to be closed if there is no room for another.
  using Slow = std::list<std::pair<Session*, std::chrono::steady_clock::time_point>>;
  Slow::iterator add_slow(Session* session);
  void remove_slow(Slow::iterator place) { slow_.erase(place); }
  void ended(Session* session, const std::string& remote);

 private:
  struct Listener {
    boost::asio::ip::tcp::acceptor acceptor;
    ListenerPlace place;
  };
  void accept(Listener& listener);
  void take(boost::asio::ip::tcp::socket socket, const Listener& listener);
  bool make_room();
  void turn_away(boost::asio::ip::tcp::socket socket);

  boost::asio::io_context& io_;
  ServerLimits limits_;
  Service* service_ = nullptr;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unordered_set<Session*> sessions_;
  Slow slow_;  // oldest first
  RemoteLimits remotes_;
  boost::asio::steady_timer retry_;
  std::map<unsigned, std::uint64_t> requests_;
  std::uint64_t refused_ = 0;
  std::shared_ptr<ByteBudget> budget_;
  std::size_t farewells_ = 0;
  bool stopping_ = false;
};

}  // namespace vault::web
