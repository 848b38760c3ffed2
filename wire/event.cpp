#include "wire/event.hpp"

#include "wire/packing.hpp"

namespace vault {
namespace {

// {"v":1,"event":...,"seq":...} and room for `members` more.
void begin_event(Packing& out, std::string_view topic, std::uint64_t seq, std::size_t members) {
  out.map(3 + members).key("v").integer(1);
  out.key("event").text(topic.substr(0, topic.find('.')));
  out.key("seq").unsigned_integer(seq);
}

}  // namespace

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::critical:
      return "critical";
  }
  return "critical";
}

Event make_entry_event(std::uint64_t seq, const Entry& entry, bool publish_payloads) {
  Event event{"entry." + std::string(verdict_name(entry.verdict)), {}};
  event.body.reserve(704);
  Packing out(event.body);
  begin_event(out, event.topic, seq, Packing::receipt_members_count(publish_payloads) + (publish_payloads ? 1 : 0));
  out.receipt_members(entry, false, publish_payloads);
  if (publish_payloads) {
    out.key("seal_data");
    if (!entry.seal_data || !out.json(*entry.seal_data)) out.nil();
  }
  return event;
}

Event make_receipt_event(std::uint64_t seq, const Entry& entry, bool duplicate) {
  Event event{"receipt." + format_uuid(entry.seal_id), {}};
  event.body.reserve(704);
  Packing out(event.body);
  begin_event(out, event.topic, seq, Packing::receipt_members_count(false));
  out.receipt_members(entry, duplicate, false);
  return event;
}

Event make_receipt_event(std::uint64_t seq, const KeptReceipt& receipt) {
  Event event{"receipt." + format_uuid(receipt.seal.seal_id), {}};
  Packing out(event.body);
  begin_event(out, event.topic, seq, Packing::kept_receipt_members_count);
  out.receipt_members(receipt);
  return event;
}

Event make_receipt_error_event(std::uint64_t seq, const Uuid& seal_id, const Error& error) {
  Event event{"receipt." + format_uuid(seal_id), {}};
  Packing out(event.body);
  begin_event(out, event.topic, seq, 1);
  out.key("error").error(error);
  return event;
}

Event make_checkpoint_event(std::uint64_t seq, const CheckpointEvent& checkpoint) {
  Event event{"checkpoint", {}};
  Packing out(event.body);
  begin_event(out, event.topic, seq, 5);
  out.key("checkpoint").text(checkpoint.checkpoint);
  out.key("tree_size").integer(checkpoint.tree_size);
  out.key("merkle_root").hex(checkpoint.merkle_root);
  out.key("previous_size").integer(checkpoint.previous_size);
  out.key("consistency").proof(checkpoint.consistency);
  return event;
}

Event make_alert_event(std::uint64_t seq, const Alert& alert) {
  Event event{"alert." + alert.kind, {}};
  const bool has_sequence = alert.sequence != 0;
  const bool has_reason = !alert.reason.empty();
  Packing out(event.body);
  begin_event(out, event.topic, seq, 3 + (has_sequence ? 1 : 0) + (has_reason ? 1 : 0));
  out.key("severity").text(severity_name(alert.severity));
  out.key("message").text(alert.message);
  out.key("raised").boolean(alert.raised);
  if (has_sequence) out.key("sequence").integer(alert.sequence);
  if (has_reason) out.key("reason").text(alert.reason);
  return event;
}

Event make_heartbeat_event(std::uint64_t seq, const HeartbeatEvent& heartbeat) {
  Event event{"heartbeat", {}};
  Packing out(event.body);
  begin_event(out, event.topic, seq, 5);
  out.key("sequence").integer(heartbeat.sequence);
  out.key("merkle_root").hex(heartbeat.merkle_root);
  out.key("queue_depth").integer(heartbeat.queue_depth);
  out.key("sealed_total").integer(heartbeat.sealed_total);
  out.key("ready").boolean(heartbeat.ready);
  return event;
}

}  // namespace vault
