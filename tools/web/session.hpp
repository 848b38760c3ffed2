// One connection: HTTP/1.1 with keep-alive, one request at a time. Boost.Beast reads heads and bodies; output is
// written exactly as response.hpp makes it.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_suffix.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "tools/web/exchange.hpp"
#include "tools/web/server.hpp"

namespace vault::web {

class Session final : public Exchange, public std::enable_shared_from_this<Session> {
 public:
  // `remote`: the address by which limits count; empty: no limits.
  Session(boost::asio::ip::tcp::socket socket, Server& server, const ListenerPlace& place, std::string remote);
  ~Session() override;

  void start();
  // From any state; at once.
  void close();

  void answer(Response response) override;
  void begin_stream(Response head, std::function<void()> closed) override;
  void write(std::shared_ptr<const std::string> block) override;
  std::size_t unsent() const override { return unsent_; }
  void when_drained(std::function<void()> drained) override { drained_ = std::move(drained); }
  void end_stream() override;

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using ErrorSign = const boost::system::error_code&;
  using Parts = std::array<boost::asio::const_buffer, 2>;

  // A client that does not accept this much within idle_timeout is disconnected.
  static constexpr std::size_t write_bytes_max = std::size_t{256} << 10;

  std::shared_ptr<Session> self() { return shared_from_this(); }
  void wait_for_request();
  void read_header();
  void on_header(ErrorSign error);
  RequestHead take_head();
  void read_body();
  void on_body(ErrorSign error);
  void refuse_malformed(ErrorSign error);
  void run(std::string body);
  void send(const Response& response);
  void send_piece();
  void on_sent(ErrorSign error);
  void linger();
  void drain(std::size_t left);
  void leave_slow();
  void let_go();

  // session_stream.cpp
  void watch_client();
  void write_blocks();
  void end_of_stream();

  Server& server_;  // no longer used once the session is closed
  std::shared_ptr<ByteBudget> budget_;
  ListenerPlace place_;
  std::string remote_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::optional<Server::Slow::iterator> slow_;
  bool closed_ = false;

  // Of the current request.
  RequestHead head_;
  Plan plan_;
  bool keep_alive_ = true, unread_body_ = false;
  std::size_t held_ = 0;  // taken from the server's budget

  // Of the answer being sent.
  std::string head_text_;
  std::shared_ptr<const std::string> body_;
  std::optional<boost::beast::buffers_suffix<Parts>> unsent_answer_;  // of these two

  // State of a stream.
  bool streaming_ = false, writing_ = false, ending_ = false;
  std::deque<std::shared_ptr<const std::string>> blocks_;
  std::string block_text_;  // being sent
  std::size_t unsent_ = 0;
  std::function<void()> stream_closed_, drained_;
  std::array<char, 256> ignored_input_{};
};

}  // namespace vault::web
