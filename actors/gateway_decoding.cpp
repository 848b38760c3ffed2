// The gateway's handling of large messages: they are decoded elsewhere, one per peer in turn, and keep their place
// among their producer's seals. Until then they count with their size in bytes.
#include <algorithm>
#include <utility>

#include "actors/gateway.hpp"
#include "ledger/check.hpp"

namespace vault {

void Gateway::decode_aside(PeerMessage message, Effects& effects) {
  const bool ingest = message.socket == SocketKind::ingest;
  auto body = std::make_shared<const std::string>(std::move(message.body));
  message.body.clear();
  const std::string producer = ingest || message.envelope.empty() ? "" : message.envelope.front();
  Arrival arrival{std::move(message), effects.connection()};
  const Ticket ticket = open(arrival, {}, "large message", effects, !ingest);
  Pending& pending = pending_[ticket];
  pending.producer = producer;
  pending.seals = 1;
  pending.bytes = body->size();
  seals_.reserve(producer, ticket, pending.bytes);
  undecoded_.emplace(ticket, Undecoded{std::move(body), std::move(arrival.message), arrival.connection});
  decode_turns_.push(producer, ticket);
  decode_next(effects);
}

void Gateway::decode_next(Effects& effects) {
  if (decoding_) return;
  const auto ticket = decode_turns_.pop([](Ticket) { return true; });
  if (!ticket) return;
  decoding_ = true;
  effects.send(to::decoder, DecodeTask{*ticket, undecoded_.at(*ticket).body, options_.codec});
}

void Gateway::on_decoded(DecodeAnswer answer, Effects& effects) {
  decoding_ = false;
  decode_next(effects);
  const auto one = undecoded_.extract(answer.ticket);
  const auto found = pending_.find(answer.ticket);
  VAULT_CHECK(!one.empty() && found != pending_.end());
  Pending pending = std::move(found->second);
  pending_.erase(found);
  seals_.count_off(pending.producer, pending.seals, pending.bytes);
  // A peer whose request timed out has been told that the seal may still commit; it need not.
  if (!pending.answered) {
    PeerMessage& message = one.mapped().rest;
    message.envelope = std::move(pending.envelope);
    take({std::move(message), one.mapped().connection, answer.ticket}, std::move(answer.request), effects);
  }
  seals_.close_place(pending.producer, answer.ticket);
}

PeerConnection Gateway::connection(const Arrival& arrival, Effects& effects) {
  return arrival.ticket != 0 ? arrival.connection : effects.connection();
}

}  // namespace vault
