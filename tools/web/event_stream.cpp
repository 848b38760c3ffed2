#include "tools/web/event_stream.hpp"

#include <algorithm>
#include <utility>

#include "tools/web/entry_json.hpp"
#include "wire/codec.hpp"

namespace vault::web {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t unsent_max = std::size_t{1} << 20;
constexpr std::size_t page_entries = 500;
constexpr milliseconds pause{300};  // before vaultd is asked again

std::shared_ptr<const std::string> own_block(std::string_view name, const std::string& json) {
  return std::make_shared<const std::string>(event_block(name, 0, json));
}

// The entries of a page that belong in a stream of the ledger's entries: none of the emergency mode's.
Page entries_of(AnyPage page) {
  auto* of_ledger = std::get_if<Page>(&page);
  return of_ledger != nullptr ? std::move(*of_ledger) : Page{};
}

}  // namespace

EventStream::EventStream(std::shared_ptr<Exchange> exchange, std::vector<std::string> topics,
                         std::optional<std::int64_t> after, Shared& shared)
    : exchange_(std::move(exchange)), topics_(std::move(topics)), shared_(shared), cursor_(after) {
  wants_entries_ = std::any_of(topics_.begin(), topics_.end(), [](const std::string& topic) {
    return topic.starts_with("entry") || topic.starts_with("receipt");
  });
}

void EventStream::start(bool connected, std::function<void()> closed) {
  Response head;
  head.content_type = "text/event-stream";
  head.header("Cache-Control", "no-store");
  head.header("X-Accel-Buffering", "no");
  exchange_->begin_stream(std::move(head), [self = shared_from_this(), closed = std::move(closed)] {
    self->closed_ = true;
    closed();
  });
  exchange_->when_drained([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->go_on();
  });
  announce_link(connected);
  if (wants_entries_ && cursor_) fill();
}

bool EventStream::wants(std::string_view topic) const {
  return std::any_of(topics_.begin(), topics_.end(), [topic](const std::string& wanted) {
    return topic.starts_with(wanted) &&
           (topic.size() == wanted.size() || topic[wanted.size()] == '.' || wanted.back() == '.');
  });
}

void EventStream::take(const EventFeed::Batch& batch) {
  for (const FeedEvent& event : batch) {
    if (closed_) return;
    if (event.sequence > 0) {
      if (wants_entries_) on_entry(event);
    } else if (exchange_->unsent() < unsent_max && wants(event.topic)) {
      exchange_->write(event.block);
    }
  }
}

void EventStream::on_entry(const FeedEvent& event) {
  known_ = std::max(known_, event.sequence);
  if (!cursor_) cursor_ = event.sequence - 1;
  if (filling_ || event.sequence <= *cursor_) return;
  if (event.sequence > *cursor_ + 1) {
    const std::int64_t missed = event.sequence - *cursor_ - 1;
    shared_.missed += static_cast<std::uint64_t>(missed);
    exchange_->write(own_block("missed", "{\"missed\":" + std::to_string(missed) + "}"));
    return fill();
  }
  if (exchange_->unsent() >= unsent_max) {
    filling_ = true;  // it is too slow for direct delivery: go_on() once it has caught up
    return;
  }
  cursor_ = event.sequence;
  if (wants(event.topic)) exchange_->write(event.block);
}

void EventStream::go_on() {
  if (filling_ && !asked_ && !closed_) fill();
}

void EventStream::fill() {
  filling_ = true;
  if (closed_ || asked_) return;
  ListRequest request;
  request.page.order = Order::ascending;
  request.page.cursor = *cursor_;
  request.page.limit = page_entries;
  Lanes::Question question;
  question.prepare = [request]() -> Result<Operation> { return request; };
  question.finish = [self = shared_from_this()](Result<std::string> result) -> std::function<void()> {
    auto page = std::move(result).and_then([](const std::string& bytes) { return decode_page(bytes); }).map(entries_of);
    return [self, page = std::move(page)] { self->on_page(page); };
  };
  asked_ = shared_.lanes.ask(std::move(question));
  if (!asked_) shared_.later(pause, [self = shared_from_this()] { self->go_on(); });
}

void EventStream::on_page(Result<Page> page) {
  asked_ = false;
  if (closed_) return;
  if (!page) return shared_.later(pause, [self = shared_from_this()] { self->go_on(); });
  for (const Entry& entry : page->entries) {
    cursor_ = entry.sequence;
    if (!wants("entry." + std::string(verdict_name(entry.verdict)))) continue;
    exchange_->write(
        std::make_shared<const std::string>(event_block("entry", entry.sequence, entry_event_json(entry))));
  }
  if (page->next_cursor) cursor_ = std::max(*cursor_, *page->next_cursor);
  if (!page->next_cursor && known_ <= *cursor_) {
    filling_ = false;
  } else if (exchange_->unsent() < unsent_max) {
    // A replica may lag behind the reported entries: do not spin without a pause.
    if (!page->entries.empty() || page->next_cursor) return fill();
    shared_.later(pause, [self = shared_from_this()] { self->go_on(); });
  }
}

void EventStream::announce_link(bool connected) {
  if (!closed_) exchange_->write(own_block("link", connected ? "{\"connected\":true}" : "{\"connected\":false}"));
}

void EventStream::keep_alive() {
  static const auto comment = std::make_shared<const std::string>(": \n\n");
  if (!closed_ && exchange_->unsent() == 0) exchange_->write(comment);
}

}  // namespace vault::web
