// The gateway's admission: refuses requests before they cost the work of decoding.
#include <algorithm>
#include <utility>

#include "actors/gateway.hpp"
#include "os/log.hpp"
#include "wire/request_label.hpp"

namespace vault {
namespace {

// Limits on a peer's envelope, which is echoed: the frames before a message's last one, except the routing id.
constexpr std::size_t envelope_frames_max = 8, envelope_bytes_max = 1'024;
// A message of more bytes is taken for a seal, and is admitted before it is decoded.
constexpr std::size_t large_message = std::size_t{64} << 10;

}  // namespace

Ticket Gateway::open(Arrival& arrival, RequestId id, std::string_view op, Effects& effects, bool deadline) {
  const Ticket ticket = arrival.ticket != 0 ? arrival.ticket : next_ticket_++;
  Pending& pending = pending_[ticket];
  pending.envelope = std::move(arrival.message.envelope);
  pending.id = std::move(id);
  pending.op = op;
  pending.ingest = arrival.message.socket == SocketKind::ingest;
  if (deadline && slow_.is_on()) pending.since = round_began(effects);
  if (log_enabled(LogLevel::debug)) {
    log_debug("gateway", "accepted", {{"id", label_of(pending.id)}, {"op", op}, {"ticket", ticket}});
  }
  if (deadline && arrival.ticket == 0) deadlines_.emplace_back(effects.clock() + options_.request_timeout, ticket);
  return ticket;
}

bool Gateway::wants_ingest() const {
  return is_ready() && seals_.has_room();
}

std::optional<Error> Gateway::refuse_unread(const PeerMessage& message) const {
  const bool ingest = message.socket == SocketKind::ingest;
  const std::size_t routing_ids = ingest || message.envelope.empty() ? 0 : 1;
  std::size_t bytes = 0;
  for (std::size_t i = routing_ids; i < message.envelope.size(); ++i) bytes += message.envelope[i].size();
  const std::size_t frames = message.envelope.size() - routing_ids;
  if (frames > envelope_frames_max || bytes > envelope_bytes_max) {
    return Error{ErrorCode::too_large,
                 "an envelope of " + std::to_string(frames) + " frames and " + std::to_string(bytes) +
                     " bytes is over the limit (" + std::to_string(envelope_frames_max) + " frames, " +
                     std::to_string(envelope_bytes_max) + " bytes)",
                 {}};
  }
  const std::size_t size = message.body.size();
  const std::size_t small = std::min(large_message, options_.decoded_aside_bytes);
  if (ingest || size <= small || size > options_.codec.message_bytes_max) return std::nullopt;
  if (auto refusal = forbidden(message, SealRequest{})) return refusal;
  return not_now(routing_ids == 0 ? std::string{} : message.envelope.front(), 1, size);
}

// Why a producer's seals are not accepted at the moment.
std::optional<Error> Gateway::not_now(const std::string& producer, std::size_t seals, std::size_t bytes) const {
  if (takes_seals()) {
    const Status room = seals_.admit(producer, seals, bytes);
    return room ? std::nullopt : std::optional<Error>(room.error());
  }
  return Error{ErrorCode::unavailable,
               "no seal is accepted now: " + (refusing_ ? std::string("vaultd is shutting down") : writer_.detail) +
                   ". Try again with the same seal_id",
               {}};
}

// Why a query is not answered at the moment: too many unread replies. Seals go on; their receipts are small.
std::optional<Error> Gateway::too_much_unread(const std::vector<std::string>& envelope, Effects& effects) const {
  const Unread unread = effects.unread(envelope.empty() ? std::string{} : envelope.front());
  if (unread.peer < options_.unread_peer_max && unread.all < options_.unread_all_max) return std::nullopt;
  return Error{ErrorCode::busy,
               unread.peer >= options_.unread_peer_max
                   ? "replies of " + std::to_string(unread.peer) + " bytes wait for you; read them, then send it again"
                   : std::string("other peers leave too many replies unread; send it again in a moment"),
               {}};
}

// As above, for a task whose turn has come. Receipts for what is already sealed, and verifications, whose replies are
// short, are answered anyway.
std::optional<Error> Gateway::too_much_unread_for(const ReadTask& task, Effects& effects) const {
  if (std::holds_alternative<SignTask>(task.task) || std::holds_alternative<VerifyRangeRequest>(task.task)) {
    return std::nullopt;
  }
  const auto found = pending_.find(task.ticket);
  return found == pending_.end() ? std::nullopt : too_much_unread(found->second.envelope, effects);
}

}  // namespace vault
