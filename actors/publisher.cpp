#include "actors/publisher.hpp"

#include <utility>

namespace vault {

void Publisher::publish(Event event, Effects& effects) {
  effects.send_frames(SocketKind::events, {std::move(event.topic), std::move(event.body)});
}

void Publisher::handle(Message message, Effects& effects) {
  if (const auto* committed = std::get_if<Committed>(&message)) {
    for (const Entry& entry : *committed->entries) publish(make_entry_event(++seq_, entry, publish_payloads_), effects);
    for (const auto& ingest : committed->ingest) {
      publish(make_receipt_event(++seq_, ingest.receipt.entry, ingest.receipt.duplicate), effects);
    }
  } else if (const auto* refused = std::get_if<IngestRefused>(&message)) {
    for (const auto& [seal_id, error] : refused->refusals) {
      publish(make_receipt_error_event(++seq_, seal_id, error), effects);
    }
  } else if (const auto* checkpoint = std::get_if<CheckpointSigned>(&message)) {
    if (checkpoint->event) publish(make_checkpoint_event(++seq_, *checkpoint->event), effects);
  } else if (const auto* alert = std::get_if<AlertMessage>(&message)) {
    publish(make_alert_event(++seq_, alert->alert), effects);
  } else if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
    publish(make_heartbeat_event(++seq_, heartbeat->event), effects);
  }
}

}  // namespace vault
