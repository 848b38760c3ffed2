// Events from vaultd's PUB socket, as blocks of text/event-stream. Events that are always needed (checkpoints, alerts,
// heartbeats) come through one subscription; entries and receipts, of which there may be many thousands a second,
// through another that exists only while somebody listens.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "wire/client/subscriber.hpp"

namespace vault::web {

struct FeedEvent {
  std::string name;           // "entry", "checkpoint", …
  std::string topic;          // "entry.VOID"
  std::int64_t sequence = 0;  // of an entry; else 0
  std::shared_ptr<const std::string> block;
};

// "event: …\nid: …\ndata: …\n\n"; `json` on one line, `sequence` 0: no id.
std::string event_block(std::string_view name, std::int64_t sequence, std::string_view json);

class EventFeed {
 public:
  using Batch = std::vector<FeedEvent>;
  // `take` is called on `executor`, with the events of a few milliseconds at most.
  EventFeed(boost::asio::any_io_executor executor, const SubscriberOptions& options,
            std::function<void(const Batch&)> take);
  ~EventFeed();
  EventFeed(const EventFeed&) = delete;
  EventFeed& operator=(const EventFeed&) = delete;

  // Starts receiving entries and receipts too; false: stops.
  void want_entries(bool wanted);

 private:
  void run(std::vector<std::string> topics, const std::atomic<bool>& wanted);
  void listen(Subscriber& subscriber, const std::atomic<bool>& wanted);
  void hand_over(Batch batch);

  boost::asio::any_io_executor executor_;
  SubscriberOptions options_;
  std::function<void(const Batch&)> take_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> always_{true}, entries_wanted_{false};
  std::atomic<int> handed_over_{0};  // batches that the executor has not taken yet
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::mutex mutex_;
  std::condition_variable news_;
  std::thread quiet_, entries_;
};

}  // namespace vault::web
