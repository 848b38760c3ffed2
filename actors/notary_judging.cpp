// Judging a ledger: does it keep what is remembered to have been signed or told? Asked before it is written on, and
// while another vaultd writes it.
#include <algorithm>
#include <array>
#include <utility>

#include "actors/notary.hpp"
#include "ledger/announcement.hpp"
#include "ledger/check.hpp"
#include "os/log.hpp"

namespace vault {
namespace {

// What a refusal may be told as; one at a time.
constexpr std::array refusals{"rollback", "split", "tamper", "configuration", "checkpoint"};

std::string way_out(const Head& head) {
  return "--accept-rollback " + std::to_string(head.sequence) + " --origin NEW --signing-key NEW";
}

// The newest announcement lists it among what is given up.
bool was_accepted(const StoredCheckpoint& note, const Promises& promises) {
  if (!promises.announcement) return false;
  const auto& roots = promises.announcement->given_up;
  return std::find(roots.begin(), roots.end(), note.root) != roots.end();
}

bool same_notes(const Follow& a, const Follow& b) {
  const auto note = [](const Follow& one) { return one.promises.newest ? one.promises.newest->note : std::string(); };
  return note(a) == note(b) && a.promises.contradiction_rows == b.promises.contradiction_rows &&
         a.promises.identities.size() == b.promises.identities.size() &&
         a.promises.announcement.has_value() == b.promises.announcement.has_value() &&
         (!a.promises.announcement || a.promises.announcement->sequence == b.promises.announcement->sequence);
}

}  // namespace

// --- Asking ----------------------------------------------------------------------------------------------------------

void Notary::adopt(Adopt adopt, Effects& effects) {
  stand_down();
  followed_.reset();
  epoch_ = adopt.epoch;
  look_into(true, adopt.head, std::move(adopt.promises), adopt.ledger_id, effects);
}

void Notary::follow(Follow follow, Effects& effects) {
  stand_down();
  const auto& identities = follow.promises.identities;
  // There is nothing to follow if nothing is stored and nothing remembered, or if this vaultd is to begin a new
  // identity.
  const bool nothing = identities.empty() && memory_.load() && !memory_.checkpoint() && !memory_.told();
  const auto& own = options_.identity;
  const bool to_begin =
      own.accept_rollback && !own.origin.empty() && !identities.empty() && identities.back().origin != own.origin;
  if (nothing || to_begin) {
    effects.send(to::writer, Followed{});
    return;
  }
  if (followed_ && same_notes(*followed_, follow) && followed_->head.sequence <= follow.head.sequence) {
    followed_->head = follow.head;
    effects.send(to::writer, Followed{});
    return;
  }
  followed_.reset();
  look_into(false, follow.head, std::move(follow.promises), follow.ledger_id, effects);
}

// The lease is not ours, or not yet.
void Notary::stand_down() {
  active_ = false;
  question_.reset();
  asked_.reset();
  leaves_since_.clear();
  grown_ = Frontier();
  awaited_seal_.reset();
  stored_size_ = storing_size_ = -1;
  if (const Status written = memory_.write_told(true); !written) {
    log_warning("notary", "the head last told of is in memory only", {{"reason", written.error().message}});
  }
}

void Notary::look_into(bool adopting, const Head& head, Promises promises, const std::string& ledger_id,
                       Effects& effects) {
  if (const Status loaded = memory_.load(); !loaded) {
    refuse(adopting, "checkpoint", "what was signed cannot be read: " + loaded.error().message, effects);
    return;
  }
  auto chosen = choose_identity(disk_, memory_, options_.identity, promises, head, ledger_id);
  if (!chosen) {
    const bool settings = chosen.error().code == ErrorCode::invalid_argument;
    if (settings) effects.fatal_configuration(chosen.error().message);
    // The key could not be read, or a new one not be kept: the disk's fault, and no ledger's.
    const bool disk = chosen.error().code == ErrorCode::internal;
    refuse(adopting, settings ? "configuration" : disk ? "checkpoint" : "rollback", chosen.error().message, effects);
    return;
  }
  if (promises.unannounced.empty()) alerts_.clear("tamper", "identities", effects);
  for (const std::string& origin : promises.unannounced) {
    alerts_.raise("tamper", "identities", Severity::critical,
                  "vault_origin names the log identity \"" + origin + "\", which no entry announces; it does not count",
                  effects);
  }
  PromiseCheck check(chosen->identities, head);
  if (const Status added = add_promises(check, *chosen, promises); !added) {
    refuse(adopting, "rollback", added.error().message, effects);
    return;
  }
  // Seen is seen, even if the database is another one before its tree has been read.
  if (promises.newest && promises.newest->origin == chosen->key.name()) unjudged_.push_back(*promises.newest);
  for (const StoredCheckpoint& note : promises.contradictions) {
    const bool ours = note.origin == chosen->key.name() && open_checkpoint(note.note, chosen->key.verifier());
    if (ours) keep_as_evidence(note, effects);
  }
  ReadTree read{++questions_, check.request()};
  question_ = Question{read.question, adopting, *std::move(chosen), std::move(check), std::move(promises)};
  effects.send(to::coordinator, std::move(read));
}

// Everything that is remembered, here and in the database: not the largest of it, all of it.
Status Notary::add_promises(PromiseCheck& check, const ChosenIdentity& chosen, const Promises& promises) const {
  const auto known = [&](const StoredCheckpoint& note) {
    return std::any_of(chosen.identities.begin(), chosen.identities.end(),
                       [&](const LogIdentity& identity) { return identity.origin == note.origin; });
  };
  const auto verifies = [&](const StoredCheckpoint& note) {
    return note.origin != chosen.key.name() || open_checkpoint(note.note, chosen.key.verifier());
  };
  if (const auto& remembered = memory_.checkpoint()) {
    if (!known(*remembered)) {
      return fail(
          ErrorCode::unavailable,
          "the state directory remembers a checkpoint of \"" + remembered->origin +
              "\", of which this database knows nothing: it was restored to a time before that identity began, or "
              "the state directory is another ledger's. The way out on this ledger is " +
              way_out(check.head()));
    }
    if (!verifies(*remembered)) {
      return fail(ErrorCode::unavailable, "the checkpoint in the state directory was not signed with this log's key");
    }
    check.add(*remembered);
  }
  // Evidence against earlier identities is judged once; a new one names all of it.
  for (const StoredCheckpoint& note : memory_.evidence()) {
    const bool counts = note.origin == chosen.key.name() || chosen.begins;
    if (counts && known(note) && verifies(note)) check.add(note);
  }
  if (const auto& told = memory_.told()) check.add(*told);
  for (const StoredCheckpoint& note : unjudged_) check.add(note);
  if (promises.newest) check.add(*promises.newest);
  for (const StoredCheckpoint& note : promises.contradictions) {
    if (verifies(note)) check.add(note);
  }
  return {};
}

// --- Judging ---------------------------------------------------------------------------------------------------------

void Notary::on_tree(TreeRead read, Effects& effects) {
  if (!question_ || question_->id != read.question) return;
  Question question = *std::exchange(question_, std::nullopt);
  if (!read.view) {
    if (read.view.error().code != ErrorCode::unavailable) {
      refuse(question.adopting, "tamper", "the tree cannot be read: " + read.view.error().message, effects);
    } else if (question.adopting) {
      effects.send(to::writer, Adopted{epoch_, Adopted::Outcome::unread, read.view.error().message, {}});
    }
    return;
  }
  question.check.judge(read.view->roots);
  for (const StoredCheckpoint& note : unjudged_) {
    const auto& broken = question.check.broken();
    const auto same = [&](const StoredCheckpoint& one) { return one.note == note.note; };
    if (std::any_of(broken.begin(), broken.end(), same)) keep_as_evidence(note, effects);
  }
  unjudged_.clear();
  if (!question.check.broken().empty()) {
    break_off(question, effects);
    return;
  }
  keep_what_was_given_up(question, effects);
  if (question.adopting) {
    finish_adoption(std::move(question), *std::move(read.view), effects);
  } else {
    finish_following(question, effects);
  }
}

void Notary::break_off(const Question& question, Effects& effects) {
  const PromiseCheck& check = question.check;
  for (const StoredCheckpoint& promise : check.broken()) {
    if (promise.note.empty()) continue;
    keep_as_evidence(promise, effects);
    tell_others(promise, question.promises, effects);
  }
  if (check.split() && question.promises.newest) keep_as_evidence(*question.promises.newest, effects);
  const StoredCheckpoint& first = check.broken().front();
  const std::string size = std::to_string(first.tree_size), head = std::to_string(check.head().sequence);
  const std::string accept = "or accept the loss with " + way_out(check.head());
  if (first.note.empty()) {
    refuse(question.adopting, "rollback",
           "this database does not hold what was told: a receipt was given for an entry " + size +
               " that is not in it (its head is " + head + "). Restore the database that holds it, " + accept,
           effects);
  } else if (check.behind()) {
    refuse(question.adopting, "rollback",
           "the database is behind what was signed: its head is " + head + ", a checkpoint of size " + size +
               " exists. Restore the newer database, " + accept,
           effects);
  } else if (check.split()) {
    refuse(question.adopting, "split",
           "two histories were signed with this log's key: the checkpoint of size " + size +
               " is not continued by this database, of which a larger one was signed as well. Both are kept. End it "
               "with " +
               way_out(check.head()),
           effects);
  } else {
    refuse(question.adopting, "tamper",
           "the ledger does not continue the checkpoint of size " + size +
               " that was signed for it; run vaultctl verify. Restore the ledger, " + accept,
           effects);
  }
}

// Evidence against identities that sign no more: kept and told, and no reason to stop. What the operator has given up
// explicitly needs no alert.
void Notary::keep_what_was_given_up(const Question& question, Effects& effects) {
  if (question.chosen.begins) {
    for (const StoredCheckpoint& note : question.check.given_up()) keep_as_evidence(note, effects);
    return;  // the announcement will hold them
  }
  for (const StoredCheckpoint& note : question.check.given_up()) {
    keep_as_evidence(note, effects);
    tell_others(note, question.promises, effects);
    if (was_accepted(note, question.promises)) continue;
    alerts_.raise("split", "given up", Severity::warning,
                  "a checkpoint of size " + std::to_string(note.tree_size) + " of the former log \"" + note.origin +
                      "\" is not continued by this ledger: history that it signed was given up. It is kept as evidence",
                  effects);
  }
}

bool Notary::warns_of_given_up(const Question& question) {
  const auto& given_up = question.check.given_up();
  return !question.chosen.begins && std::any_of(given_up.begin(), given_up.end(), [&](const StoredCheckpoint& note) {
    return !was_accepted(note, question.promises);
  });
}

void Notary::finish_adoption(Question question, TreeView view, Effects& effects) {
  const PromiseCheck& check = question.check;
  Frontier grown = view.frontier;
  for (const Hash& leaf : view.leaves) grown.append(leaf);
  if (grown.size() != static_cast<std::uint64_t>(check.head().sequence) || grown.root() != check.head().merkle_root) {
    refuse(true, "tamper", "entries after the last checkpoint do not lead to the head; run vaultctl verify", effects);
    return;
  }
  if (const auto& base = check.largest_signed()) {
    // What is built on, and told to others, is remembered first.
    if (const Status remembered = memory_.remember(*base); !remembered) {
      const std::string why = "the last checkpoint cannot be kept: " + remembered.error().message;
      alerts_.raise("checkpoint", "keeping", Severity::critical, why, effects);
      effects.send(to::writer, Adopted{epoch_, Adopted::Outcome::unread, why, {}});
      return;
    }
  }
  // Told now, since with nothing left to sign no later signature would tell the writer that checkpoints can be kept
  // again.
  signing_works(effects);
  key_ = std::move(question.chosen.key);
  identity_ = question.chosen.identities.back();
  signed_ = check.largest_signed();
  signed_frontier_ = std::move(view.frontier);
  leaves_since_ = std::move(view.leaves);
  grown_ = std::move(grown);
  root_now_ = check.head().merkle_root;
  if (question.promises.newest && signed_ && question.promises.newest->note == signed_->note) {
    stored_size_ = signed_->tree_size;
  }
  active_ = true;
  not_before_.reset();
  keeps_its_promises(question, effects);
  if (signed_) {
    CheckpointSigned message{*signed_, identity_.vkey, std::nullopt};
    effects.send(to::gateway, message);
    effects.send(to::auditor, std::move(message));
  }
  Adopted adopted{epoch_, Adopted::Outcome::agreed, {}, {}};
  if (question.chosen.begins && !question.chosen.announced) {
    Announcement announcement{identity_.accepted_sequence,
                              root_now_,
                              check.largest_of_earlier(),
                              {},
                              question.chosen.identities[question.chosen.identities.size() - 2].origin,
                              identity_.origin};
    for (const StoredCheckpoint& lost : check.given_up()) {
      announcement.contradicted.push_back({lost.tree_size, lost.root, lost.note});
    }
    adopted.first_seals.push_back(make_announcement(announcement));
    awaited_seal_ = adopted.first_seals.back().seal_id;
  }
  effects.send(to::writer, std::move(adopted));
  store(effects);
}

void Notary::finish_following(const Question& question, Effects& effects) {
  keeps_its_promises(question, effects);
  if (const auto& largest = question.check.largest_signed()) {
    if (const Status remembered = memory_.remember(*largest); !remembered) {
      alerts_.raise("checkpoint", "keeping", Severity::warning,
                    "a copy of the writer's checkpoint cannot be kept: " + remembered.error().message, effects);
      effects.send(to::writer, Followed{});
      return;
    }
    alerts_.clear("checkpoint", "keeping", effects);
    if (!signed_ || signed_->note != largest->note) {
      signed_ = largest;
      CheckpointSigned message{*signed_, question.chosen.identities.back().vkey, std::nullopt};
      effects.send(to::auditor, message);
      effects.send(to::gateway, std::move(message));
    }
  }
  followed_ = Follow{question.check.head(), question.promises, {}};
  effects.send(to::writer, Followed{});
}

void Notary::keeps_its_promises(const Question& question, Effects& effects) {
  for (const char* kind : refusals) alerts_.clear(kind, "judging", effects);
  // The vaultd that writes now has stored one.
  const auto& newest = question.promises.newest;
  if (newest && signed_ && newest->tree_size >= signed_->tree_size) alerts_.clear("checkpoint", "storing", effects);
  if (!warns_of_given_up(question)) alerts_.clear("split", "given up", effects);
}

// --- Refusing --------------------------------------------------------------------------------------------------------

void Notary::refuse(bool adopting, const std::string& alert, const std::string& reason, Effects& effects) {
  active_ = false;
  question_.reset();
  asked_.reset();
  for (const char* kind : refusals) {
    if (kind != alert) alerts_.clear(kind, "judging", effects);
  }
  alerts_.raise(alert, "judging", Severity::critical, reason, effects);
  if (adopting) {
    effects.send(to::writer, Adopted{epoch_, Adopted::Outcome::refused, reason, {}});
  } else {
    effects.send(to::writer, Followed{reason});
  }
}

void Notary::tell_others(const StoredCheckpoint& checkpoint, const Promises& promises, Effects& effects) {
  const auto same = [&](const StoredCheckpoint& other) { return other.note == checkpoint.note; };
  if (std::any_of(promises.contradictions.begin(), promises.contradictions.end(), same)) return;
  effects.send(to::coordinator, TellContradiction{checkpoint});
}

void Notary::keep_as_evidence(const StoredCheckpoint& checkpoint, Effects& effects) {
  if (memory_.checkpoint() && memory_.checkpoint()->note == checkpoint.note) return;  // kept where it is
  if (const Status kept = memory_.keep_evidence(checkpoint); !kept) {
    alerts_.raise("checkpoint", "evidence", Severity::critical, "evidence cannot be kept: " + kept.error().message,
                  effects);
  } else {
    alerts_.clear("checkpoint", "evidence", effects);
  }
}

}  // namespace vault
