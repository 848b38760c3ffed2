// The messages that each actor accepts. An address carries the type of its owner's inbox, so sending an actor a message
// that it does not accept does not compile; nor does a handler that leaves out part of its inbox (receive()).
//
// A message that any actor may receive is a `Message`: that is what mailboxes carry, and schedulers and recorders see.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>
#include <variant>

#include "actors/message.hpp"
#include "ledger/check.hpp"
#include "ledger/overloaded.hpp"

namespace vault {

using GatewayInbox = std::variant<PeerMessage, DecodeAnswer, SealAnswers, KeptAnswers, WriterStatus, ReadAnswer,
                                  ReadProgress, CheckpointSigned, AlertMessage, KeysChanged, PeersSeen, DatabaseSeen,
                                  Measured, AuditProgress, SettingsChanged, TimerFired>;
using DecoderInbox = std::variant<DecodeTask>;
using WriterInbox = std::variant<SealOrders, AppendAnswer, SessionLost, LeaseAnswer, LeaseRenewed, ResolveAnswer,
                                 FindAnswer, Adopted, Followed, SigningState, Published, TimerFired>;
using CommitterInbox = std::variant<UseSession, Append, TimerFired>;
using CoordinatorInbox =
    std::variant<TakeLease, Resolve, FindSeals, StoreCheckpoint, ReadTree, ReportContradiction, TimerFired>;
using LeaseKeeperInbox = std::variant<KeepLease, ConfirmLease, TimerFired>;
using NotaryInbox = std::variant<Adopt, Follow, Committed, IngestRefused, Epoch, LeaseConfirmed, TreeRead,
                                 StoreCheckpointAnswer, ContradictionReported, TimerFired>;
using PublisherInbox = std::variant<Committed, IngestKept, IngestRefused, CheckpointSigned, AlertMessage, Heartbeat>;
using AuditorInbox = std::variant<CheckpointSigned, TimerFired>;
using AuthenticatorInbox = std::variant<PeerMessage, TimerFired>;
using ReaderInbox = std::variant<ReadTask, TimerFired>;

template <class Inbox>
struct Address {
  ActorId id;
};

// Destinations: `effects.send(to::writer, SealOrders{...})`.
namespace to {
inline constexpr Address<GatewayInbox> gateway{ActorId::gateway};
inline constexpr Address<DecoderInbox> decoder{ActorId::decoder};
inline constexpr Address<WriterInbox> writer{ActorId::writer};
inline constexpr Address<CommitterInbox> committer{ActorId::committer};
inline constexpr Address<CoordinatorInbox> coordinator{ActorId::coordinator};
inline constexpr Address<LeaseKeeperInbox> lease_keeper{ActorId::lease_keeper};
inline constexpr Address<NotaryInbox> notary{ActorId::notary};
inline constexpr Address<PublisherInbox> publisher{ActorId::publisher};
inline constexpr Address<AuditorInbox> auditor{ActorId::auditor};
inline Address<ReaderInbox> reader(std::size_t index) {
  return {reader_id(index)};
}
}  // namespace to

template <class Inbox, class Kind>
inline constexpr bool takes = false;
template <class... Kinds, class Kind>
inline constexpr bool takes<std::variant<Kinds...>, Kind> = (std::same_as<Kinds, Kind> || ...);

// The kinds of messages that an inbox accepts.
template <class Kind, class Inbox>
concept KindOf = takes<Inbox, Kind>;

// The entry to a handler: calls the one of `cases` that takes this kind of message (by reference). Does not compile if
// a kind in the inbox has no case. A message that is not in the inbox cannot have been sent, and ends the process.
template <class Inbox, class... Cases>
void receive(Message&& message, Cases... cases) {
  const Overloaded handle{std::move(cases)...};
  std::visit(
      [&handle](auto& one) {
        if constexpr (takes<Inbox, std::remove_cvref_t<decltype(one)>>) {
          handle(one);
        } else {
          VAULT_CHECK(false && "a message that this actor does not take");
        }
      },
      message);
}

}  // namespace vault
