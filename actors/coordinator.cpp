#include "actors/coordinator.hpp"

#include <utility>

namespace vault {

void Coordinator::handle(Message message, Effects& effects) {
  const bool resting = std::holds_alternative<TimerFired>(message);
  receive<CoordinatorInbox>(
      std::move(message),  //
      [&](TakeLease& take) {
        lease_.look_only = take.look_only;
        LeaseAnswer answer{take_lease(effects)};
        if (const auto* grant = std::get_if<LeaseGrant>(&answer.outcome)) epoch_ = grant->epoch;
        effects.send(to::writer, std::move(answer));
      },
      [&](Resolve& resolve) {
        ResolveAnswer answer{store_.resolve(*resolve.request)};
        if (answer.outcome.kind == ResolveKind::fenced) epoch_.reset();
        if (answer.outcome.kind == ResolveKind::committed || answer.outcome.kind == ResolveKind::not_committed) {
          epoch_ = answer.outcome.epoch;
        }
        effects.send(to::writer, std::move(answer));
      },
      [&](FindSeals& find) { effects.send(to::writer, FindAnswer{store_.find_seals(find.seal_ids)}); },
      [&](StoreCheckpoint& order) {
        auto in_its_place = store_.store_checkpoint(order.epoch, order.checkpoint, order.identity);
        effects.send(to::notary,
                     StoreCheckpointAnswer{order.epoch, order.checkpoint.tree_size, std::move(in_its_place)});
      },
      [&](ReadTree& read) {
        effects.send(to::notary, TreeRead{read.question, store_.read_tree(read.request)});
      },
      [&](ReportContradiction& order) {
        Status told = store_.store_contradiction(order.checkpoint, lease_.instance);
        effects.send(to::notary, ContradictionReported{order.checkpoint, std::move(told)});
      },
      [&](TimerFired&) { store_.rest(); });
  if (!resting) effects.set_timer(0, idle_timeout_);
}

LeaseOutcome Coordinator::take_lease(Effects& effects) {
  if (prepare_) {
    const Status prepared = prepare_();
    if (!prepared) {
      Error error = prepared.error();
      if (error.code == ErrorCode::invalid_argument) effects.fatal_configuration(error.message);
      if (error.code != ErrorCode::internal) return error;
      // Nothing that goes wrong before the ledger is read is a finding in it.
      if (!error.sqlstate.empty()) return LeaseUnreadable{error.message};
      error.code = ErrorCode::invalid_argument;
      return error;
    }
    prepare_ = nullptr;
  }
  return store_.take_lease(lease_);
}

bool Coordinator::stop(Effects&) {
  if (epoch_) store_.release_lease(lease_.instance, *epoch_);
  epoch_.reset();
  return true;
}

}  // namespace vault
