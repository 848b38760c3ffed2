// A connection with an endless answer: sends blocks as they arrive, as fast as the client accepts them.
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "tools/web/session.hpp"

namespace vault::web {

namespace asio = boost::asio;

namespace {

// Time after the end of a stream, for a client that does not close.
constexpr std::chrono::seconds stream_farewell_time{2};

}  // namespace

void Session::begin_stream(Response head, std::function<void()> closed) {
  if (closed_) return asio::post(stream_.get_executor(), std::move(closed));
  server_.count(head.status);
  streaming_ = true;
  stream_closed_ = std::move(closed);
  const HeadOptions options{.keep_alive = false, .stream = true};
  block_text_.clear();
  blocks_.push_back(std::make_shared<const std::string>(response_head(head, options)));
  unsent_ += blocks_.back()->size();
  ending_ = head_.method == "HEAD";
  buffer_.consume(buffer_.size());
  stream_.expires_never();
  watch_client();
  write_blocks();
}

// Nothing more is expected from the client; this notices when it has gone.
void Session::watch_client() {
  stream_.async_read_some(asio::buffer(ignored_input_), [self = self()](ErrorSign error, std::size_t) {
    if (error) return self->close();
    self->watch_client();
  });
}

void Session::write(std::shared_ptr<const std::string> block) {
  if (closed_ || ending_ || !streaming_) return;
  unsent_ += block->size();
  blocks_.push_back(std::move(block));
  write_blocks();
}

// Sends all waiting blocks in one piece; a client that accepts none of them in time is disconnected.
void Session::write_blocks() {
  if (writing_ || closed_) return;
  if (blocks_.empty()) {
    if (ending_) {
      boost::system::error_code ignored;
      stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
      const auto timer = std::make_shared<asio::steady_timer>(server_.io(), stream_farewell_time);
      timer->async_wait([self = self(), timer](ErrorSign) { self->close(); });
    }
    return;
  }
  block_text_.clear();
  while (!blocks_.empty() && (block_text_.empty() || block_text_.size() + blocks_.front()->size() <= write_bytes_max)) {
    block_text_ += *blocks_.front();
    blocks_.pop_front();
  }
  writing_ = true;
  stream_.expires_after(server_.limits().idle_timeout);
  asio::async_write(stream_, asio::buffer(block_text_), [self = self()](ErrorSign error, std::size_t) {
    self->writing_ = false;
    self->unsent_ -= self->block_text_.size();
    if (error) return self->close();
    if (self->blocks_.empty() && self->unsent_ == 0 && self->drained_) self->drained_();
    self->write_blocks();
  });
}

void Session::end_stream() {
  if (closed_ || !streaming_) return;
  ending_ = true;
  write_blocks();
}

void Session::end_of_stream() {
  streaming_ = false;
  drained_ = nullptr;
  blocks_.clear();
  if (stream_closed_) asio::post(server_.io(), std::exchange(stream_closed_, nullptr));
}

}  // namespace vault::web
