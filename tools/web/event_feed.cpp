#include "tools/web/event_feed.hpp"

#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "tools/common/json_output.hpp"

namespace vault::web {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t batch_events_max = 512;
constexpr std::size_t batch_bytes_max = std::size_t{1} << 20;
// This many batches may wait. Beyond that, events wait in ZeroMQ, which drops what it cannot hold; the ledger has
// those.
constexpr int batches_waiting_max = 8;

std::optional<FeedEvent> make_event(const ReceivedEvent& received) {
  const auto json = ctl::msgpack_map_to_json(received.body, "\"topic\":" + ctl::json_string(received.topic));
  if (!json) return std::nullopt;
  FeedEvent event;
  event.name = received.name;
  event.topic = received.topic;
  if (received.name == "entry") event.sequence = received.sequence.value_or(0);
  event.block = std::make_shared<const std::string>(event_block(event.name, event.sequence, *json));
  return event;
}

}  // namespace

std::string event_block(std::string_view name, std::int64_t sequence, std::string_view json) {
  std::string block;
  block.reserve(json.size() + name.size() + 48);
  block.append("event: ").append(name).append("\n");
  if (sequence > 0) block.append("id: ").append(std::to_string(sequence)).append("\n");
  block.append("data: ").append(json).append("\n\n");
  return block;
}

EventFeed::EventFeed(boost::asio::any_io_executor executor, const SubscriberOptions& options,
                     std::function<void(const Batch&)> take)
    : executor_(std::move(executor)), options_(options), take_(std::move(take)) {
  quiet_ = std::thread([this] { run({"checkpoint", "alert.", "heartbeat"}, always_); });
  entries_ = std::thread([this] { run({"entry.", "receipt."}, entries_wanted_); });
}

EventFeed::~EventFeed() {
  *alive_ = false;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  news_.notify_all();
  quiet_.join();
  entries_.join();
}

void EventFeed::want_entries(bool wanted) {
  {
    const std::lock_guard lock(mutex_);
    entries_wanted_ = wanted;
  }
  news_.notify_all();
}

void EventFeed::run(std::vector<std::string> topics, const std::atomic<bool>& wanted) {
  SubscriberOptions options = options_;
  options.topics = std::move(topics);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      news_.wait(lock, [&] { return stop_ || wanted; });
    }
    if (stop_) return;
    const auto subscriber = Subscriber::connect(options);
    if (subscriber) {
      listen(**subscriber, wanted);
    } else {
      std::this_thread::sleep_for(milliseconds(500));
    }
  }
}

void EventFeed::listen(Subscriber& subscriber, const std::atomic<bool>& wanted) {
  while (!stop_ && wanted) {
    Batch batch;
    std::size_t bytes = 0;
    auto received = subscriber.next(milliseconds(100));
    while (received && *received) {
      if (auto event = make_event(**received)) {
        bytes += event->block->size();
        batch.push_back(std::move(*event));
      }
      if (batch.size() >= batch_events_max || bytes >= batch_bytes_max) break;
      received = subscriber.next(milliseconds(0));
    }
    if (!batch.empty()) hand_over(std::move(batch));
    if (!received) return;  // ZeroMQ failed: run() opens a new subscriber
  }
}

void EventFeed::hand_over(Batch batch) {
  while (!stop_ && handed_over_ >= batches_waiting_max) std::this_thread::sleep_for(milliseconds(2));
  ++handed_over_;
  boost::asio::post(executor_, [this, alive = alive_, batch = std::move(batch)] {
    if (!*alive) return;
    --handed_over_;
    take_(batch);
  });
}

}  // namespace vault::web
