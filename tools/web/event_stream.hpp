// GET /api/v1/events: one client that follows the events, entries without a gap. Entries that the PUB socket loses,
// that are older than the client's connection (Last-Event-ID), or for which it was too slow, are read from the ledger.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/web/event_feed.hpp"
#include "tools/web/exchange.hpp"
#include "tools/web/lanes.hpp"

namespace vault::web {

class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  // Shared by all streams, and outlives them.
  struct Shared {
    Lanes& lanes;
    std::function<void(std::chrono::milliseconds, std::function<void()>)> later;  // on the same thread
    std::uint64_t missed = 0;                                                     // entries that the PUB socket lost
  };

  // `after`: the last entry that the client has; nullopt: it begins with the next one.
  EventStream(std::shared_ptr<Exchange> exchange, std::vector<std::string> topics, std::optional<std::int64_t> after,
              Shared& shared);

  void start(bool connected, std::function<void()> closed);
  void take(const EventFeed::Batch& batch);
  void announce_link(bool connected);
  void keep_alive();
  bool wants_entries() const { return wants_entries_; }

 private:
  bool wants(std::string_view topic) const;
  void on_entry(const FeedEvent& event);
  void go_on();
  void fill();
  void on_page(Result<Page> page);

  std::shared_ptr<Exchange> exchange_;
  std::vector<std::string> topics_;
  Shared& shared_;
  bool wants_entries_ = false;
  bool closed_ = false;
  std::optional<std::int64_t> cursor_;  // the last entry sent, or skipped
  std::int64_t known_ = 0;              // the newest entry heard of
  bool filling_ = false;                // entries currently come from the ledger, or wait for the client
  bool asked_ = false;                  // a page is under way
};

}  // namespace vault::web
