#include "tools/web/server.hpp"

#include <array>
#include <boost/asio/write.hpp>
#include <utility>

#include "tools/web/session.hpp"

namespace vault::web {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

namespace {

// A refused connection gets an answer, and this long to read it; beyond a number of these at a time, none.
constexpr std::chrono::milliseconds farewell_time{500};
constexpr std::size_t farewells_max = 128;
// A connection whose header has been arriving for this long makes room for others.
constexpr std::chrono::milliseconds slow_after{1'000};

}  // namespace

Server::Server(asio::io_context& io, const ServerLimits& limits)
    : io_(io),
      limits_(limits),
      remotes_(limits.connections_a_remote, limits.requests_a_second),
      retry_(io),
      budget_(std::make_shared<ByteBudget>(limits.held_bytes_max)) {}

Server::~Server() = default;

Result<unsigned short> Server::listen(const std::string& address, unsigned short port) {
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) return fail(ErrorCode::invalid_argument, "\"" + address + "\" is not an IP address", "listen");
  const auto refused = [&] {
    return fail(error == asio::error::access_denied ? ErrorCode::forbidden : ErrorCode::invalid_argument,
                "cannot listen on " + address + ":" + std::to_string(port) + ": " + error.message(), "listen");
  };
  auto listener = std::make_unique<Listener>(Listener{tcp::acceptor(io_), {ip.is_loopback(), ip.to_string()}});
  const tcp::endpoint endpoint(ip, port);
  listener->acceptor.open(endpoint.protocol(), error);
  if (!error) listener->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) listener->acceptor.bind(endpoint, error);
  if (!error) listener->acceptor.listen(1'024, error);
  if (error) return refused();
  const unsigned short bound = listener->acceptor.local_endpoint(error).port();
  listeners_.push_back(std::move(listener));
  return bound;
}

void Server::serve(Service& service) {
  service_ = &service;
  for (const auto& listener : listeners_) accept(*listener);
}

void Server::stop() {
  stopping_ = true;
  boost::system::error_code ignored;
  for (const auto& listener : listeners_) listener->acceptor.close(ignored);
  retry_.cancel();
  for (Session* session : std::unordered_set(sessions_)) session->close();
}

void Server::accept(Listener& listener) {
  listener.acceptor.async_accept([this, &listener](const boost::system::error_code& error, tcp::socket socket) {
    if (stopping_) return;
    if (!error) {
      take(std::move(socket), listener);
      return accept(listener);
    }
    if (error == asio::error::connection_aborted) return accept(listener);
    // Most likely out of descriptors, which will be freed.
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this, &listener](const boost::system::error_code& cancelled) {
      if (!cancelled && !stopping_) accept(listener);
    });
  });
}

void Server::take(tcp::socket socket, const Listener& listener) {
  boost::system::error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;  // it has already gone
  socket.set_option(tcp::no_delay(true), error);
  const std::string name = limited_address(remote.address().to_string());
  const std::string counted = asio::ip::make_address(name, error).is_loopback() ? std::string() : name;
  const bool room = sessions_.size() < limits_.connections_max || make_room();
  if (!room || (!counted.empty() && !remotes_.connect(counted, Clock::now()))) {
    ++refused_;
    return turn_away(std::move(socket));
  }
  const auto session = std::make_shared<Session>(std::move(socket), *this, listener.place, counted);
  sessions_.insert(session.get());
  session->start();
}

// Before refusing a connection, closes the one whose header arrives slowest.
bool Server::make_room() {
  if (slow_.empty() || Clock::now() - slow_.front().second < slow_after) return false;
  slow_.front().first->close();
  return sessions_.size() < limits_.connections_max;
}

void Server::turn_away(tcp::socket socket) {
  Response response = refusal(503, "busy", "too many connections; try again later");
  const auto text =
      std::make_shared<const std::string>(response_head(response, {.keep_alive = false}) + *response.body);
  if (farewells_ >= farewells_max) {  // gets an answer as well, but nobody waits until it has been read
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(*text), ignored);
    return;
  }
  ++farewells_;
  const auto held = std::make_shared<tcp::socket>(std::move(socket));
  asio::async_write(*held, asio::buffer(*text), [held, text](const boost::system::error_code& failed, std::size_t) {
    boost::system::error_code ignored;
    if (!failed) held->shutdown(tcp::socket::shutdown_send, ignored);
  });
  // Read what the client still sends: if unread data is left when the socket closes, the client loses the answer.
  const auto timer = std::make_shared<asio::steady_timer>(io_, farewell_time);
  timer->async_wait([this, held, timer](const boost::system::error_code&) {
    --farewells_;
    boost::system::error_code ignored;
    std::array<char, 4'096> sink{};
    held->non_blocking(true, ignored);
    for (int i = 0; i < 16 && held->read_some(asio::buffer(sink), ignored) > 0; ++i) {
    }
    held->close(ignored);
  });
}

bool Server::may_ask(const std::string& remote) {
  return remote.empty() || remotes_.request(remote, Clock::now());
}

Server::Slow::iterator Server::add_slow(Session* session) {
  return slow_.insert(slow_.end(), {session, Clock::now()});
}

void Server::ended(Session* session, const std::string& remote) {
  sessions_.erase(session);
  if (!remote.empty()) remotes_.disconnect(remote);
}

OwnFigures Server::figures() const {
  OwnFigures figures;
  figures.requests = requests_;
  figures.connections = sessions_.size();
  figures.connections_refused = refused_;
  return figures;
}

}  // namespace vault::web
