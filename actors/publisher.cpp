#include "actors/publisher.hpp"

#include <utility>

namespace vault {
namespace {

// Published amounts are reported to the writer only when large enough to be worth waking its thread, and well below its
// limit.
constexpr std::size_t told_bytes_min = std::size_t{1} << 20;

}  // namespace

void Publisher::publish(Event event, Effects& effects) {
  effects.send_frames(SocketKind::events, {std::move(event.topic), std::move(event.body)});
}

void Publisher::handle(Message message, Effects& effects) {
  receive<PublisherInbox>(
      std::move(message),  //
      [&](Committed& committed) { on_committed(committed, effects); },
      [&](IngestKept& kept) {
        for (const KeptReceipt& receipt : kept.receipts) publish(make_receipt_event(++seq_, receipt), effects);
      },
      [&](IngestRefused& refused) {
        for (const auto& [seal_id, error] : refused.refusals) {
          publish(make_receipt_error_event(++seq_, seal_id, error), effects);
        }
      },
      [&](CheckpointSigned& checkpoint) {
        if (checkpoint.event) publish(make_checkpoint_event(++seq_, *checkpoint.event), effects);
      },
      [&](AlertMessage& alert) {
        if (alerts_.note(alert.alert)) publish(make_alert_event(++seq_, alert.alert), effects);
      },
      [&](Heartbeat& heartbeat) { publish(make_heartbeat_event(++seq_, heartbeat.event), effects); });
}

void Publisher::on_committed(const Committed& committed, Effects& effects) {
  for (const Entry& entry : *committed.entries) {
    if (last_entry_ != 0 && entry.sequence > last_entry_ + 1) {
      seq_ += static_cast<std::uint64_t>(entry.sequence - last_entry_ - 1);
    }
    last_entry_ = entry.sequence;
    publish(make_entry_event(++seq_, entry, publish_payloads_), effects);
  }
  for (const Receipt& receipt : committed.ingest) {
    publish(make_receipt_event(++seq_, receipt.entry, receipt.duplicate), effects);
  }
  told_bytes_ += committed.bytes;
  if (told_bytes_ >= told_bytes_min) effects.send(to::writer, Published{std::exchange(told_bytes_, 0)});
}

}  // namespace vault
