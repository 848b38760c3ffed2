#include "actors/steward.hpp"

#include <utility>

namespace vault {

void Steward::handle(Message message, Effects& effects) {
  if (std::holds_alternative<TimerFired>(message)) return store_.rest();
  effects.set_timer(0, idle_timeout_);
  if (const auto* take = std::get_if<TakeLease>(&message)) {
    lease_.look_only = take->look_only;
    LeaseAnswer answer{take_lease(effects)};
    if (const auto* grant = std::get_if<LeaseGrant>(&answer.outcome)) epoch_ = grant->epoch;
    effects.send(ActorId::writer, std::move(answer));
  } else if (const auto* resolve = std::get_if<Resolve>(&message)) {
    ResolveAnswer answer{store_.resolve(*resolve->request)};
    if (answer.outcome.kind == ResolveKind::fenced) epoch_.reset();
    if (answer.outcome.kind == ResolveKind::committed || answer.outcome.kind == ResolveKind::not_committed) {
      epoch_ = answer.outcome.epoch;
    }
    effects.send(ActorId::writer, std::move(answer));
  } else if (const auto* find = std::get_if<FindSeals>(&message)) {
    effects.send(ActorId::writer, FindAnswer{store_.find_seals(find->seal_ids)});
  } else if (const auto* keep = std::get_if<StoreCheckpoint>(&message)) {
    auto in_its_place = store_.store_checkpoint(keep->epoch, keep->checkpoint, keep->identity);
    effects.send(ActorId::notary,
                 StoreCheckpointAnswer{keep->epoch, keep->checkpoint.tree_size, std::move(in_its_place)});
  } else if (const auto* read = std::get_if<ReadTree>(&message)) {
    effects.send(ActorId::notary, TreeRead{read->question, store_.read_tree(read->request)});
  } else if (const auto* tell = std::get_if<TellContradiction>(&message)) {
    Status told = store_.store_contradiction(tell->checkpoint, lease_.instance);
    effects.send(ActorId::notary, ContradictionTold{tell->checkpoint, std::move(told)});
  }
}

LeaseOutcome Steward::take_lease(Effects& effects) {
  if (prepare_) {
    const Status prepared = prepare_();
    if (!prepared) {
      const Error& error = prepared.error();
      if (error.code == ErrorCode::invalid_argument) effects.fatal_configuration(error.message);
      // The server's own word is no finding in what it holds.
      if (error.code == ErrorCode::internal && !error.sqlstate.empty()) return LeaseUnreadable{error.message};
      return error;
    }
    prepare_ = nullptr;
  }
  return store_.take_lease(lease_);
}

bool Steward::stop(Effects&) {
  if (epoch_) store_.release_lease(lease_.instance, *epoch_);
  epoch_.reset();
  return true;
}

}  // namespace vault
