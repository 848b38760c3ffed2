#include "actors/publisher.hpp"

#include <utility>

namespace vault {
namespace {

// The writer hears of what has been told in amounts worth waking its thread for, and well below what it allows.
constexpr std::size_t told_bytes_min = std::size_t{1} << 20;

}  // namespace

void Publisher::publish(Event event, Effects& effects) {
  effects.send_frames(SocketKind::events, {std::move(event.topic), std::move(event.body)});
}

void Publisher::handle(Message message, Effects& effects) {
  if (const auto* committed = std::get_if<Committed>(&message)) {
    for (const Entry& entry : *committed->entries) publish(make_entry_event(++seq_, entry, publish_payloads_), effects);
    for (const auto& ingest : committed->ingest) {
      publish(make_receipt_event(++seq_, ingest.receipt.entry, ingest.receipt.duplicate), effects);
    }
    told_bytes_ += committed->bytes;
    if (told_bytes_ >= told_bytes_min) effects.send(ActorId::writer, Published{std::exchange(told_bytes_, 0)});
  } else if (const auto* refused = std::get_if<IngestRefused>(&message)) {
    for (const auto& [seal_id, error] : refused->refusals) {
      publish(make_receipt_error_event(++seq_, seal_id, error), effects);
    }
  } else if (const auto* checkpoint = std::get_if<CheckpointSigned>(&message)) {
    if (checkpoint->event) publish(make_checkpoint_event(++seq_, *checkpoint->event), effects);
  } else if (const auto* alert = std::get_if<AlertMessage>(&message)) {
    if (alerts_.note(alert->alert)) publish(make_alert_event(++seq_, alert->alert), effects);
  } else if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
    publish(make_heartbeat_event(++seq_, heartbeat->event), effects);
  }
}

}  // namespace vault
