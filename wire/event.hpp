// Events on the PUB socket (docs/protocol.md, "Events"): a topic and a MessagePack map.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/entry.hpp"
#include "ledger/kept_seal.hpp"
#include "ledger/proof.hpp"
#include "ledger/result.hpp"

namespace vault {

struct Event {
  std::string topic;  // ASCII; the event's name is the part before the first dot
  std::string body;
};

enum class Severity : std::uint8_t { info, warning, critical };
std::string_view severity_name(Severity severity);

struct Alert {
  std::string kind;  // "tamper", "database", "ingest", "fenced", "rollback", "clock", ...
  Severity severity = Severity::warning;
  std::string message;
  bool raised = true;  // false: cleared
  // Tampering: the first bad sequence and the reason; else 0 and "".
  std::int64_t sequence = 0;
  std::string reason{};
  // Which actor raised it, and about what; not published. Only the same cause clears it, and a kind is over when all of
  // its causes are.
  std::string cause{};
};

struct CheckpointEvent {
  std::string checkpoint;
  std::int64_t tree_size = 0;
  Hash merkle_root{};
  std::int64_t previous_size = 0;
  Proof consistency;
};

struct HeartbeatEvent {
  std::int64_t sequence = 0;
  Hash merkle_root{};
  std::int64_t queue_depth = 0;
  std::int64_t sealed_total = 0;
  bool ready = false;
};

// `seq` counts all events of this run. `publish_payloads` adds data_salt and seal_data.
Event make_entry_event(std::uint64_t seq, const Entry& entry, bool publish_payloads);
Event make_receipt_event(std::uint64_t seq, const Entry& entry, bool duplicate);
Event make_receipt_event(std::uint64_t seq, const KeptReceipt& receipt);
// For a seal that arrived on the ingest socket and was refused.
Event make_receipt_error_event(std::uint64_t seq, const Uuid& seal_id, const Error& error);
Event make_checkpoint_event(std::uint64_t seq, const CheckpointEvent& event);
Event make_alert_event(std::uint64_t seq, const Alert& alert);
Event make_heartbeat_event(std::uint64_t seq, const HeartbeatEvent& event);

}  // namespace vault
