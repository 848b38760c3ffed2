#include "actors/emergency_writer.hpp"

#include <utility>

#include "os/log.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t group_seals = 512;  // made durable together: a single seal waits for nobody, many share one fsync
constexpr milliseconds probe_interval{1'000};
constexpr milliseconds shout_interval{60'000};

}  // namespace

void EmergencyWriter::start(Effects& effects) {
  effects.set_timer(probe_timer, probe_interval);
  shout(effects);
  send_status(effects);
}

void EmergencyWriter::handle(Message message, Effects& effects) {
  receive<WriterInbox>(
      std::move(message),  //
      [&](SealOrders& orders) {
        for (SealOrder& order : orders.orders) take(std::move(order), effects);
      },
      [&](TimerFired& timer) {
        if (timer.id == shout_timer) return shout(effects);
        effects.set_timer(probe_timer, probe_interval);
        if (trouble_.empty()) return send_status(effects);
        const Status works = store_.probe();
        set_trouble(works ? "" : works.error().message, effects);
      },
      [](Published&) {},  // entries are on disk, not in memory
      [](const auto&) { VAULT_CHECK(false && "from an actor that needs a database"); });
}

void EmergencyWriter::take(SealOrder order, Effects& effects) {
  for (Seal& seal : order.seals) {
    if (!seal.seal_id) seal.seal_id = effects.draw_uuid();
  }
  queue_.push_back(std::move(order));
}

void EmergencyWriter::round_done(Effects& effects) {
  while (!queue_.empty() && trouble_.empty()) keep_some(effects);
  // Orders from ingest wait; those with a request are answered, and may be sent again.
  std::deque<SealOrder> waiting;
  for (SealOrder& order : queue_) {
    if (order.ingest) {
      waiting.push_back(std::move(order));
    } else {
      answers_.answers.emplace_back(order.ticket, fail(ErrorCode::unavailable, trouble_));
    }
  }
  queue_ = std::move(waiting);
  if (!answers_.answers.empty()) effects.send(to::gateway, std::exchange(answers_, {}));
  if (!kept_.receipts.empty()) effects.send(to::publisher, std::exchange(kept_, {}));
  if (!refused_.refusals.empty()) effects.send(to::publisher, std::exchange(refused_, {}));
}

bool EmergencyWriter::stop(Effects& effects) {
  round_done(effects);
  if (!queue_.empty()) {
    log_error("writer", "orders that came by ingest could not be kept and are lost with this process",
              {{"orders", queue_.size()}, {"reason", trouble_}});
  }
  return true;
}

// Keeps a group of orders from the front of the queue.
void EmergencyWriter::keep_some(Effects& effects) {
  std::vector<SealOrder> orders;
  std::vector<std::vector<Seal>> seals;
  for (std::size_t count = 0; !queue_.empty() && count < group_seals; queue_.pop_front()) {
    count += queue_.front().seals.size();
    orders.push_back(std::move(queue_.front()));
    seals.push_back(orders.back().seals);
  }
  auto answers = store_.keep(seals, effects.now());
  for (std::size_t i = orders.size(); i-- > 0;) {
    // Backwards, so that orders that must wait go back in their old order.
    answer(std::move(orders[i]), std::move(answers[i]), effects);
  }
}

// An order from ingest that could not be kept goes back into the queue.
void EmergencyWriter::answer(SealOrder order, Result<std::vector<KeptReceipt>> receipts, Effects& effects) {
  if (!receipts && receipts.error().code == ErrorCode::unavailable) {
    set_trouble(receipts.error().message, effects);
    if (order.ingest) {
      queue_.push_front(std::move(order));
      return;
    }
  }
  if (receipts) {
    for (const KeptReceipt& receipt : *receipts) {
      ++counters_[receipt.duplicate ? "duplicates" : "sealed"];
      if (order.ingest) kept_.receipts.push_back(receipt);
    }
  } else if (order.ingest) {
    for (const Seal& seal : order.seals) refused_.refusals.emplace_back(*seal.seal_id, receipts.error());
  }
  answers_.answers.emplace_back(order.ticket, std::move(receipts));
}

void EmergencyWriter::set_trouble(const std::string& trouble, Effects& effects) {
  if (trouble == trouble_) return;
  if (trouble.empty()) {
    log_warning("writer", "seals can be kept again", {{"directory", place_}});
  } else {
    log_error("writer", "seals cannot be kept", {{"reason", trouble}});
  }
  trouble_ = trouble;
  send_status(effects);
}

void EmergencyWriter::shout(Effects& effects) {
  effects.set_timer(shout_timer, shout_interval);
  alerts_.report(
      {.kind = "emergency",
       .severity = Severity::critical,
       .message = "EMERGENCY MODE: seals are kept as files in " + place_ +
                  ", without chain, proof or checkpoint; import them once the database can be used (vaultctl legacy "
                  "import). Kept since the start: " +
                  std::to_string(counters_["sealed"])},
      "mode", effects);
}

void EmergencyWriter::send_status(Effects& effects) {
  WriterStatus status;
  status.writer = true;
  status.ready = trouble_.empty();
  status.settled = true;
  status.head = empty_head();
  status.queued = queue_.size();
  status.detail = trouble_.empty() ? "EMERGENCY MODE: no database; seals are kept as files in " + place_ : trouble_;
  status.counters = counters_;
  effects.send(to::gateway, std::move(status));
}

}  // namespace vault
