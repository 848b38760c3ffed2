#include "tools/web/lanes.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace vault::web {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds patience_for_connection{1'000};
constexpr milliseconds slice{100};  // interval at which `stop` is checked

bool is_lost(const Error& error) {
  return ctl::is_unreachable(error) || error.code == ErrorCode::unavailable ||
         error.code == ErrorCode::deadline_exceeded || error.code == ErrorCode::internal;
}

}  // namespace

DaemonClient::DaemonClient(ctl::DaemonAddress address, const std::atomic<bool>& stop)
    : address_(std::move(address)), stop_(stop) {
  address_.connect_timeout = patience_for_connection;
}

Result<std::string> DaemonClient::ask(const Operation& operation, std::int64_t at_least, const Progress& progress) {
  auto result = ask_once(operation, at_least, progress);
  // Use a new client next time: a refused one does not reconnect by itself, and a late answer must not be taken for
  // another one's.
  if (!result && is_lost(result.error())) client_.reset();
  return result;
}

Result<std::string> DaemonClient::ask_once(const Operation& operation, std::int64_t at_least,
                                           const Progress& progress) {
  if (!client_) {
    auto client = ctl::connect_daemon(address_);
    if (!client) return tl::unexpected(std::move(client.error()));
    client_ = std::move(*client);
  }
  const auto id = client_->submit(operation, at_least);
  if (!id) return tl::unexpected(id.error());
  auto deadline = Clock::now() + address_.timeout;
  while (!stop_.load(std::memory_order_relaxed)) {
    auto reply = client_->next_reply(slice);
    if (reply && reply->id == *id && !reply->progress) {
      if (reply->error) return tl::unexpected(std::move(*reply->error));
      return std::move(reply->result);
    }
    if (!reply && reply.error().code != ErrorCode::deadline_exceeded) return tl::unexpected(std::move(reply.error()));
    if (reply && reply->progress) deadline = Clock::now() + address_.timeout;  // vaultd is alive
    if (progress && !progress(reply ? reply->checked : -1, reply ? reply->total : -1)) break;
    if (Clock::now() < deadline) continue;
    return fail(ErrorCode::deadline_exceeded,
                "vaultd did not answer in time; a seal may still commit: send it again with the same seal_id");
  }
  return fail(ErrorCode::unavailable, "given up");
}

Lanes::Lanes(boost::asio::any_io_executor executor, const Options& options)
    : executor_(std::move(executor)), options_(options) {
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { run(); });
}

Lanes::~Lanes() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  news_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Lanes::ask(Question question) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= options_.waiting_max) return false;
    waiting_.push_back(std::move(question));
  }
  news_.notify_one();
  return true;
}

void Lanes::run() {
  DaemonClient client(options_.address, stop_);
  std::unique_lock lock(mutex_);
  while (true) {
    news_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (stop_) return;
    Question question = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    auto operation = question.prepare();
    auto result = operation ? client.ask(*operation, question.at_least, question.progress)
                            : Result<std::string>(tl::unexpected(std::move(operation.error())));
    auto then = question.finish(std::move(result));
    // The question is moved along: what its functions hold belongs to the executor's thread, and must be destroyed
    // there.
    boost::asio::post(executor_, [then = std::move(then), question = std::move(question)] { then(); });
    question = {};
    lock.lock();
  }
}

}  // namespace vault::web
