#include "actors/notary.hpp"

#include <utility>

#include "actors/growth_proof.hpp"
#include "ledger/check.hpp"
#include "os/log.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

// After a signature that could not be made or remembered.
constexpr milliseconds pause_after_failure{1'000};
// How often storing a checkpoint in the database may fail, at one try a second, before an alert is raised.
constexpr int store_failures_max = 5;

}  // namespace

void Notary::handle(Message message, Effects& effects) {
  receive<NotaryInbox>(
      std::move(message),  //
      [&](Committed& committed) { on_committed(std::move(committed), effects); },
      [&](IngestRefused& refused) {
        for (const auto& [seal_id, error] : refused.refusals) {
          if (awaited_seal_ == seal_id) awaited_seal_.reset();  // a twin of this seal is already in the ledger
        }
        effects.send(to::publisher, std::move(refused));
      },
      [&](TimerFired& timer) {
        if (timer.id == sign_timer) sign_timer_set_ = false;
        if (timer.id == store_timer) {
          store_timer_set_ = false;
          store(effects);
        }
      },
      [&](LeaseConfirmed& confirmed) { on_lease_confirmed(confirmed, effects); },
      [&](StoreCheckpointAnswer& stored) { on_stored(stored, effects); },
      [&](ContradictionReported& told) {
        if (told.status) return;
        log_warning("notary", "contradiction not reported to the database yet",
                    {{"reason", told.status.error().message}});
      },
      [&](Adopt& order) {
        stand_down();
        epoch_ = order.epoch;
        act_on(adoption_.adopt(std::move(order), effects), effects);
      },
      [&](TreeRead& read) { act_on(adoption_.on_tree(std::move(read), effects), effects); },
      [&](Follow& order) {
        stand_down();
        act_on(adoption_.follow(std::move(order), effects), effects);
      },
      [&](Epoch& epoch) {
        epoch_ = epoch.epoch;
        asked_.reset();
      });
}

void Notary::round_done(Effects& effects) {
  if (const Status written = memory_.write_told(false); !written) {
    log_debug("notary", "the last acknowledged head is in memory only", {{"reason", written.error().message}});
  }
  if (active_ && due(effects)) ask_for_lease(effects);
}

// Signs what is waiting and stores the last checkpoint, as long as each takes no more than one answer.
bool Notary::stop(Effects& effects) {
  stopping_ = true;
  if (!active_ || awaited_seal_) return true;
  if (failures_ == 0 && (!leaves_since_.empty() || !signed_)) {
    if (!asked_) ask_for_lease(effects);
    return !active_;
  }
  if (!signed_ || stored_size_ >= signed_->tree_size) return true;
  stored_at_.reset();
  store(effects);
  return false;
}

// --- Acting on judgements --------------------------------------------------------------------------------------------

// Called when the lease is not ours, or not yet.
void Notary::stand_down() {
  active_ = false;
  asked_.reset();
  leaves_since_.clear();
  grown_ = Frontier();
  awaited_seal_.reset();
  stored_size_ = storing_size_ = -1;
  if (const Status written = memory_.write_told(true); !written) {
    log_warning("notary", "the last acknowledged head is in memory only", {{"reason", written.error().message}});
  }
}

void Notary::act_on(std::optional<Judgement> judgement, Effects& effects) {
  if (!judgement) return;
  const Overloaded act{
      [&](AdoptedLedger& ledger) { write_on(std::move(ledger), effects); },
      [&](FollowedLedger& ledger) { look_on(ledger, effects); },
      [&](RefusedLedger& ledger) { refuse(ledger, effects); },
      [&](UnreadLedger& ledger) {
        effects.send(to::writer, Adopted{epoch_, Adopted::Outcome::unread, std::move(ledger.reason), {}});
      },
      [&](NothingToJudge&) { effects.send(to::writer, Followed{}); },
  };
  std::visit(act, *judgement);
}

void Notary::write_on(AdoptedLedger ledger, Effects& effects) {
  if (const auto& base = ledger.kept.largest_signed) {
    // A checkpoint that is built on and published must be remembered first.
    if (const Status remembered = memory_.remember(*base); !remembered) {
      const std::string why = "the last checkpoint cannot be kept: " + remembered.error().message;
      alerts_.raise("checkpoint", "keeping", Severity::critical, why, effects);
      effects.send(to::writer, Adopted{epoch_, Adopted::Outcome::unread, why, {}});
      return;
    }
  }
  // Reported now: with nothing left to sign, no later signature would tell the writer that checkpoints can be kept
  // again.
  signing_works(effects);
  key_ = std::move(ledger.key);
  identity_ = std::move(ledger.identity);
  signed_ = ledger.kept.largest_signed;
  signed_frontier_ = std::move(ledger.base_frontier);
  leaves_since_ = std::move(ledger.leaves);
  grown_ = std::move(ledger.frontier);
  root_now_ = grown_.root();
  if (ledger.base_is_stored) stored_size_ = signed_->tree_size;
  active_ = true;
  not_before_.reset();
  end_alerts(ledger.kept, effects);
  if (signed_) {
    CheckpointSigned message{*signed_, identity_.vkey, std::nullopt};
    effects.send(to::gateway, message);
    effects.send(to::auditor, std::move(message));
  }
  Adopted adopted{epoch_, Adopted::Outcome::agreed, {}, {}};
  if (ledger.announcement) {
    awaited_seal_ = ledger.announcement->seal_id;
    adopted.first_seals.push_back(*std::move(ledger.announcement));
  }
  effects.send(to::writer, std::move(adopted));
  store(effects);
}

void Notary::look_on(const FollowedLedger& ledger, Effects& effects) {
  end_alerts(ledger.kept, effects);
  if (const auto& largest = ledger.kept.largest_signed) {
    if (const Status remembered = memory_.remember(*largest); !remembered) {
      alerts_.raise("checkpoint", "keeping", Severity::warning,
                    "a copy of the writer's checkpoint cannot be kept: " + remembered.error().message, effects);
      adoption_.forget_followed();
      effects.send(to::writer, Followed{});
      return;
    }
    alerts_.clear("checkpoint", "keeping", effects);
    if (!signed_ || signed_->note != largest->note) {
      signed_ = largest;
      CheckpointSigned message{*signed_, ledger.vkey, std::nullopt};
      effects.send(to::auditor, message);
      effects.send(to::gateway, std::move(message));
    }
  }
  effects.send(to::writer, Followed{});
}

// The alert has already been raised.
void Notary::refuse(const RefusedLedger& ledger, Effects& effects) {
  active_ = false;
  asked_.reset();
  if (ledger.adopting) {
    effects.send(to::writer, Adopted{epoch_, Adopted::Outcome::refused, ledger.reason, {}});
  } else {
    effects.send(to::writer, Followed{ledger.reason});
  }
}

void Notary::end_alerts(const KeptPromises& kept, Effects& effects) {
  adoption_.clear_refusal(effects);
  // The vaultd that writes now has stored one.
  if (signed_ && kept.stored_size >= signed_->tree_size) alerts_.clear("checkpoint", "storing", effects);
  adoption_.clear_given_up(kept, effects);
}

// --- Signing ---------------------------------------------------------------------------------------------------------

void Notary::on_committed(Committed committed, Effects& effects) {
  if (active_ && committed.entries && !committed.entries->empty()) {
    for (const Entry& entry : *committed.entries) {
      leaves_since_.push_back(entry.entry_hash);
      grown_.append(entry.entry_hash);
    }
    root_now_ = committed.entries->back().merkle_root;
    memory_.tell(identity_.origin, committed.head.sequence, committed.head.merkle_root);
  }
  for (const Receipt& receipt : committed.ingest) {
    if (awaited_seal_ == receipt.entry.seal_id) awaited_seal_.reset();
  }
  effects.send(to::publisher, std::move(committed));
}

bool Notary::due(Effects& effects) {
  if (asked_ || awaited_seal_ || (signed_ && leaves_since_.empty())) return false;
  if (!not_before_ || effects.clock() >= *not_before_) return true;
  if (!sign_timer_set_) {
    effects.set_timer(sign_timer, std::chrono::ceil<milliseconds>(*not_before_ - effects.clock()));
    sign_timer_set_ = true;
  }
  return false;
}

// Entries that are durable now may be signed once the database confirms, after this moment, that the lease is ours and
// its ledger holds all of them: a process that was stopped, or is now connected to another server, must not sign.
void Notary::ask_for_lease(Effects& effects) {
  if (grown_.root() != root_now_) {
    refuse(adoption_.refuse_writers_tree(effects), effects);
    return;
  }
  asked_ = Asked{grown_, leaves_since_.size()};
  not_before_ = effects.clock() + options_.checkpoint_interval;
  effects.send(to::lease_keeper, ConfirmLease{epoch_, static_cast<std::int64_t>(grown_.size())});
}

void Notary::on_lease_confirmed(const LeaseConfirmed& confirmed, Effects& effects) {
  const bool expected = asked_ && active_ && confirmed.epoch == epoch_ &&
                        confirmed.at_least_sequence == static_cast<std::int64_t>(asked_->frontier.size());
  if (!expected) return;
  const Asked asked = *std::exchange(asked_, std::nullopt);
  if (confirmed.status) {
    sign(asked, effects);
    return;
  }
  // The writer hears of it too, and gives up the lease or makes sure of it.
  not_before_ = effects.clock() + std::max(options_.checkpoint_interval, milliseconds(250));
  if (stopping_) active_ = false;
}

void Notary::sign(const Asked& asked, Effects& effects) {
  const Checkpoint checkpoint{key_->name(), static_cast<std::int64_t>(asked.frontier.size()), asked.frontier.root()};
  StoredCheckpoint next{checkpoint, sign_checkpoint(checkpoint, *key_)};
  if (const Status remembered = memory_.remember(next); !remembered) {
    signing_failed(remembered.error().message, effects);
    return;
  }
  signing_works(effects);
  CheckpointEvent event{next.note, next.tree_size, next.root, 0, {}};
  if (signed_) {
    event.previous_size = signed_->tree_size;
    const auto end = leaves_since_.begin() + static_cast<std::ptrdiff_t>(asked.leaves);
    event.consistency = prove_growth(signed_frontier_, std::vector<Hash>(leaves_since_.begin(), end));
  }
  if (log_enabled(LogLevel::trace)) {
    log_trace("notary", "checkpoint signed", {{"size", next.tree_size}, {"root", to_hex(next.root)}});
  }
  signed_ = std::move(next);
  signed_frontier_ = asked.frontier;
  leaves_since_.erase(leaves_since_.begin(), leaves_since_.begin() + static_cast<std::ptrdiff_t>(asked.leaves));
  CheckpointSigned message{*signed_, identity_.vkey, std::move(event)};
  effects.send(to::gateway, message);
  effects.send(to::auditor, message);
  effects.send(to::publisher, std::move(message));
  store(effects);
}

// The state directory cannot be written. Then nothing is signed; and after a while no seal is accepted any more, since
// a receipt later relies on the checkpoint that covers it.
void Notary::signing_failed(const std::string& why, Effects& effects) {
  const auto now = effects.clock();
  not_before_ = now + pause_after_failure;
  if (!failing_since_) {
    failing_since_ = now;
    log_error("notary", "checkpoint not remembered, so not released", {{"reason", why}});
  }
  if (++failures_ >= 2) {
    alerts_.raise("checkpoint", "keeping", Severity::critical,
                  "checkpoints cannot be signed, because they cannot be kept: " + why, effects);
  }
  if (!told_impossible_ && now - *failing_since_ >= options_.signing_patience) {
    told_impossible_ = true;
    effects.send(to::writer, SigningState{"checkpoints cannot be signed: " + why});
  }
}

void Notary::signing_works(Effects& effects) {
  failing_since_.reset();
  if (std::exchange(failures_, 0) > 0) log_info("notary", "checkpoints are signed again");
  alerts_.clear("checkpoint", "keeping", effects);
  if (std::exchange(told_impossible_, false)) effects.send(to::writer, SigningState{});
}

// --- Storing ---------------------------------------------------------------------------------------------------------

// In the database at most one a second, and the newest within a second.
void Notary::store(Effects& effects) {
  if (!active_ || !signed_ || stored_size_ >= signed_->tree_size || storing_size_ >= 0) return;
  if (stored_at_ && effects.clock() - *stored_at_ < options_.store_interval) {
    if (!store_timer_set_) {
      const auto left = options_.store_interval - (effects.clock() - *stored_at_);
      effects.set_timer(store_timer, std::chrono::ceil<milliseconds>(left));
      store_timer_set_ = true;
    }
    return;
  }
  stored_at_ = effects.clock();
  storing_size_ = signed_->tree_size;
  storing_epoch_ = epoch_;
  effects.send(to::coordinator, StoreCheckpoint{epoch_, *signed_, identity_});
}

void Notary::on_stored(const StoreCheckpointAnswer& answer, Effects& effects) {
  if (answer.tree_size != storing_size_ || answer.epoch != storing_epoch_) return;  // from before an adoption
  storing_size_ = -1;
  if (!answer.in_its_place) {
    const ErrorCode code = answer.in_its_place.error().code;
    const std::string& why = answer.in_its_place.error().message;
    if (!std::exchange(store_failure_told_, true)) {
      log_warning("notary", "checkpoint not stored yet", {{"reason", why}});
    }
    // The writer reports a lost database and another writer. (An epoch that has moved may be its own: it raises it when
    // it resolves a doubt, and the notary may not have heard yet.)
    const bool told_by_writer = code == ErrorCode::unavailable || code == ErrorCode::forbidden;
    if (!told_by_writer && ++store_failures_ >= store_failures_max) {
      alerts_.raise("checkpoint", "storing", Severity::warning, "checkpoints cannot be stored in the database: " + why,
                    effects);
    }
    if (stopping_) active_ = false;  // it is on disk; a lost database must not delay the end
    store(effects);
    return;
  }
  stored_size_ = answer.tree_size;
  log_trace("notary", "checkpoint stored", {{"size", stored_size_}});
  store_failures_ = 0;
  store_failure_told_ = false;
  alerts_.clear("checkpoint", "storing", effects);
  if (const auto& other = *answer.in_its_place; other && open_checkpoint(other->note, key_->verifier())) {
    // Signed with this key, of the same size, with another root.
    refuse(adoption_.refuse_split(*signed_, *other, effects), effects);
    return;
  } else if (!other) {
    alerts_.clear("tamper", "stored checkpoint", effects);
  } else {
    alerts_.raise(
        "tamper", "stored checkpoint", Severity::critical,
        "vault_checkpoint holds a row of size " + std::to_string(other->tree_size) + " that this log has not signed",
        effects);
  }
  store(effects);
}

const char* Notary::phase() const {
  if (adoption_.judging()) return "judging";
  if (!active_) return "inactive";
  if (failing_since_) return "failing";
  if (asked_) return "confirming";
  if (storing_size_ >= 0) return "storing";
  return leaves_since_.empty() ? "idle" : "behind";
}

}  // namespace vault
