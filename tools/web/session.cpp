#include "tools/web/session.hpp"

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_prefix.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <utility>

#include "ledger/check.hpp"
#include "tools/web/gzip.hpp"

namespace vault::web {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

constexpr std::size_t first_read_bytes = 4'096;
constexpr std::size_t buffer_kept_max = std::size_t{32} << 10;
constexpr std::size_t small_answer = std::size_t{16} << 10;  // smaller ones are not counted
constexpr std::size_t lingering_bytes_max = std::size_t{4} << 20;
constexpr std::chrono::seconds lingering_time{2};
constexpr std::string_view continue_text = "HTTP/1.1 100 Continue\r\n\r\n";

std::string text_of(beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Session::Session(tcp::socket socket, Server& server, const ListenerPlace& place, std::string remote)
    : server_(server),
      budget_(server.budget()),
      place_(place),
      remote_(std::move(remote)),
      stream_(std::move(socket)),
      buffer_(server.limits().header_bytes_max + server.limits().body_bytes_max) {}

Session::~Session() {
  close();
  let_go();
}

void Session::start() {
  stream_.expires_after(server_.limits().header_timeout);
  wait_for_request();
}

void Session::close() {
  if (std::exchange(closed_, true)) return;
  leave_slow();
  stream_.cancel();
  boost::system::error_code ignored;
  stream_.socket().close(ignored);
  if (streaming_) end_of_stream();
  server_.ended(this, remote_);
}

void Session::leave_slow() {
  if (slow_) server_.remove_slow(*slow_);
  slow_.reset();
}

// --- In --------------------------------------------------------------------------------------------------------------

// Waits for the first bytes of a request, within the configured time.
void Session::wait_for_request() {
  if (buffer_.size() > 0) return read_header();
  if (buffer_.capacity() > buffer_kept_max) buffer_.shrink_to_fit();
  stream_.async_read_some(buffer_.prepare(first_read_bytes), [self = self()](ErrorSign error, std::size_t bytes) {
    if (error) return self->close();
    self->buffer_.commit(bytes);
    self->read_header();
  });
}

void Session::read_header() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(server_.limits().header_bytes_max));
  parser_->body_limit(server_.limits().body_bytes_max);
  slow_ = server_.add_slow(this);
  stream_.expires_after(server_.limits().header_timeout);
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = self()](ErrorSign error, std::size_t) { self->on_header(error); });
}

void Session::on_header(ErrorSign error) {
  leave_slow();
  if (error) return refuse_malformed(error);
  head_ = take_head();
  keep_alive_ = parser_->get().keep_alive();
  unread_body_ = head_.has_body;
  plan_ = {};
  if (!server_.may_ask(remote_)) {
    return send(refusal(429, "busy", "too many requests a second from this address"));
  }
  // RFC 9112, section 3.2: a proxy in front may have looked at the other one.
  if (parser_->get().count(http::field::host) > 1) {
    return send(refusal(400, "invalid_message", "a request has one Host"));
  }
  plan_ = server_.service().plan(head_, place_);
  if (plan_.refusal) return send(*std::exchange(plan_.refusal, std::nullopt));
  if (plan_.wants_body) return read_body();
  run({});
}

RequestHead Session::take_head() {
  const auto& request = parser_->get();
  const auto field = [&request](http::field name) { return text_of(request[name]); };
  RequestHead head;
  head.method = text_of(request.method_string());
  head.target = text_of(request.target());
  head.host = field(http::field::host);
  head.authorization = field(http::field::authorization);
  head.origin = field(http::field::origin);
  head.sec_fetch_site = text_of(request["Sec-Fetch-Site"]);
  head.content_type = field(http::field::content_type);
  head.idempotency_key = text_of(request["Idempotency-Key"]);
  head.if_none_match = field(http::field::if_none_match);
  head.last_event_id = text_of(request["Last-Event-ID"]);
  for (const char* name :
       {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via"}) {
    head.forwarded = head.forwarded || request.count(name) > 0;
  }
  head.gzip = accepts_gzip(field(http::field::accept_encoding));
  head.has_body = parser_->chunked() || parser_->content_length().value_or(0) > 0;
  return head;
}

// Reserves room for all of it first: many large bodies at once would exceed the machine's memory.
void Session::read_body() {
  const std::uint64_t announced = parser_->content_length().value_or(server_.limits().body_bytes_max);
  if (announced > server_.limits().body_bytes_max) {
    return send(error_response(
        {ErrorCode::too_large,
         "a body may have " + std::to_string(server_.limits().body_bytes_max) + " bytes (max_message_bytes)",
         {}}));
  }
  held_ = static_cast<std::size_t>(announced);
  if (!budget_->hold(held_)) {
    held_ = 0;
    return send(refusal(503, "busy", "too many large bodies at once; send it again in a moment"));
  }
  stream_.expires_after(server_.limits().idle_timeout);
  const auto read = [self = self()] {
    http::async_read(self->stream_, self->buffer_, *self->parser_,
                     [self](ErrorSign error, std::size_t) { self->on_body(error); });
  };
  if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return read();
  asio::async_write(stream_, asio::buffer(continue_text.data(), continue_text.size()),
                    [self = self(), read](ErrorSign error, std::size_t) {
                      if (error) return self->close();
                      read();
                    });
}

void Session::on_body(ErrorSign error) {
  if (error) return refuse_malformed(error);
  unread_body_ = false;
  std::string body = std::move(parser_->get().body());
  run(std::move(body));
}

void Session::refuse_malformed(ErrorSign error) {
  head_ = {};
  plan_ = {};
  keep_alive_ = false;
  unread_body_ = true;
  const boost::system::error_code of_http(http::error::end_of_stream);
  if (error.category() != of_http.category()) return close();  // it has gone, or was too slow
  if (error == http::error::end_of_stream || error == http::error::partial_message) return close();
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return send(refusal(431, "too_large", "a request's head may have 16 KiB"));
  }
  if (error == http::error::body_limit) {
    return send(error_response({ErrorCode::too_large, "the body is over the limit (max_message_bytes)", {}}));
  }
  send(refusal(400, "invalid_message", "this is not an HTTP request"));
}

void Session::run(std::string body) {
  parser_.reset();
  stream_.expires_never();
  server_.service().run(plan_, head_, std::move(body), self());
}

// --- Out -------------------------------------------------------------------------------------------------------------

void Session::answer(Response response) {
  if (closed_) return;
  let_go();
  const std::size_t bytes = response.body->size();
  if (bytes > small_answer && response.body.use_count() == 1) {
    if (budget_->hold(bytes)) {
      held_ = bytes;
    } else {
      response = refusal(503, "busy", "too many large answers are under way; ask again in a moment");
    }
  }
  send(response);
}

void Session::let_go() {
  budget_->release(std::exchange(held_, 0));
}

void Session::send(const Response& response) {
  if (closed_) return;
  server_.count(response.status);
  if (response.close || unread_body_) keep_alive_ = false;
  const HeadOptions options{.keep_alive = keep_alive_, .any_origin = server_.service().any_origin(plan_)};
  head_text_ = response_head(response, options);
  body_ = head_.method == "HEAD" || response.status == 304 ? std::make_shared<const std::string>() : response.body;
  unsent_answer_.emplace(Parts{asio::buffer(head_text_), asio::buffer(*body_)});
  send_piece();
}

// A piece at a time, each with a time-out of its own: a client may take as long as it needs for a large answer, as long
// as it goes on reading.
void Session::send_piece() {
  stream_.expires_after(server_.limits().idle_timeout);
  asio::async_write(stream_, beast::buffers_prefix(write_bytes_max, *unsent_answer_),
                    [self = self()](ErrorSign error, std::size_t bytes) {
                      self->unsent_answer_->consume(bytes);
                      if (error || beast::buffer_bytes(*self->unsent_answer_) == 0) return self->on_sent(error);
                      self->send_piece();
                    });
}

void Session::on_sent(ErrorSign error) {
  unsent_answer_.reset();
  body_.reset();
  let_go();
  if (error || closed_) return close();
  if (!keep_alive_) return linger();
  parser_.reset();
  stream_.expires_after(server_.limits().idle_timeout);
  wait_for_request();
}

// Keeps reading what the client sends for a while: a socket that closes with unread bytes destroys the answer.
void Session::linger() {
  boost::system::error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  parser_.reset();
  buffer_.consume(buffer_.size());
  stream_.expires_after(lingering_time);
  drain(unread_body_ ? lingering_bytes_max : first_read_bytes);
}

void Session::drain(std::size_t left) {
  stream_.async_read_some(buffer_.prepare(first_read_bytes), [self = self(), left](ErrorSign error, std::size_t bytes) {
    if (error || bytes >= left) return self->close();
    self->drain(left - bytes);
  });
}

}  // namespace vault::web
