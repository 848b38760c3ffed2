#include "actors/adoption.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "ledger/announcement.hpp"
#include "ledger/checkpoint.hpp"

namespace vault {
namespace {

// The alert kinds of a refusal, of which one stands at a time.
constexpr std::array refusals{"rollback", "split", "tamper", "configuration", "checkpoint"};

std::string way_out(const Head& head) {
  return "--accept-rollback " + std::to_string(head.sequence) + " --origin NEW --signing-key NEW";
}

// True if the newest announcement lists it as abandoned.
bool was_accepted(const StoredCheckpoint& note, const Promises& promises) {
  if (!promises.announcement) return false;
  const auto& roots = promises.announcement->given_up;
  return std::find(roots.begin(), roots.end(), note.root) != roots.end();
}

KeptPromises kept_promises(const ChosenIdentity& chosen, const PromiseCheck& check, const Promises& promises) {
  const auto& given_up = check.given_up();
  const bool warns = !chosen.begins && std::any_of(given_up.begin(), given_up.end(), [&](const StoredCheckpoint& note) {
    return !was_accepted(note, promises);
  });
  return {check.largest_signed(), promises.newest ? promises.newest->tree_size : -1, warns};
}

// The entry that announces an identity beginning on this ledger; nullopt if none begins, or it is announced already.
std::optional<Seal> announcement_of(const ChosenIdentity& chosen, const PromiseCheck& check) {
  if (!chosen.begins || chosen.announced) return std::nullopt;
  const LogIdentity& identity = chosen.identities.back();
  Announcement announcement{identity.accepted_sequence,
                            check.head().merkle_root,
                            check.largest_of_earlier(),
                            {},
                            chosen.identities[chosen.identities.size() - 2].origin,
                            identity.origin};
  for (const StoredCheckpoint& lost : check.given_up()) {
    announcement.contradicted.push_back({lost.tree_size, lost.root, lost.note});
  }
  return make_announcement(announcement);
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

std::optional<Judgement> Adoption::adopt(Adopt adopt, Effects& effects) {
  question_.reset();
  followed_.reset();
  return look_into(true, adopt.head, std::move(adopt.promises), adopt.ledger_id, effects);
}

std::optional<Judgement> Adoption::follow(Follow follow, Effects& effects) {
  question_.reset();
  const auto& identities = follow.promises.identities;
  // There is nothing to follow if nothing is stored and nothing remembered, or if this vaultd is about to begin a new
  // identity.
  const bool nothing = identities.empty() && memory_.load() && !memory_.checkpoint() && !memory_.told();
  const bool to_begin = options_.accept_rollback && !options_.origin.empty() && !identities.empty() &&
                        identities.back().origin != options_.origin;
  if (nothing || to_begin) return NothingToJudge{};
  if (followed_ && same_notes(*followed_, follow) && followed_->head.sequence <= follow.head.sequence) {
    followed_->head = follow.head;
    return NothingToJudge{};
  }
  followed_.reset();
  return look_into(false, follow.head, std::move(follow.promises), follow.ledger_id, effects);
}

std::optional<Judgement> Adoption::look_into(bool adopting, const Head& head, Promises promises,
                                             const std::string& ledger_id, Effects& effects) {
  if (const Status loaded = memory_.load(); !loaded) {
    return refuse(adopting, "checkpoint", "what was signed cannot be read: " + loaded.error().message, effects);
  }
  auto chosen = choose_identity(disk_, memory_, options_, promises, head, ledger_id);
  if (!chosen) {
    const bool settings = chosen.error().code == ErrorCode::invalid_argument;
    if (settings) effects.fatal_configuration(chosen.error().message);
    // The key could not be read, or a new one could not be saved: the disk's fault, not the ledger's.
    const bool disk = chosen.error().code == ErrorCode::internal;
    const char* alert = settings ? "configuration" : disk ? "checkpoint" : "rollback";
    return refuse(adopting, alert, chosen.error().message, effects);
  }
  warn_of_unannounced(promises, effects);
  PromiseCheck check(chosen->identities, head);
  if (const Status added = add_promises(check, *chosen, promises); !added) {
    return refuse(adopting, "rollback", added.error().message, effects);
  }
  // A checkpoint that has been seen counts, even if the connection leads to another database before its tree is read.
  if (promises.newest && promises.newest->origin == chosen->key.name()) unjudged_.push_back(*promises.newest);
  for (const StoredCheckpoint& note : promises.contradictions) {
    const bool ours = note.origin == chosen->key.name() && open_checkpoint(note.note, chosen->key.verifier());
    if (ours) keep_as_evidence(note, effects);
  }
  ReadTree read{++questions_, check.request()};
  question_ = Question{read.question, adopting, *std::move(chosen), std::move(check), std::move(promises)};
  effects.send(to::coordinator, std::move(read));
  return std::nullopt;
}

void Adoption::warn_of_unannounced(const Promises& promises, Effects& effects) {
  if (promises.unannounced.empty()) alerts_.clear("tamper", "identities", effects);
  for (const std::string& origin : promises.unannounced) {
    alerts_.raise("tamper", "identities", Severity::critical,
                  "vault_origin names the log identity \"" + origin + "\", which no entry announces; it does not count",
                  effects);
  }
}

// Adds everything that is remembered, here and in the database: not only the largest checkpoint but all of them.
Status Adoption::add_promises(PromiseCheck& check, const ChosenIdentity& chosen, const Promises& promises) const {
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
  // Evidence against earlier identities is judged once; a new identity lists all of it.
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

std::optional<Judgement> Adoption::on_tree(TreeRead read, Effects& effects) {
  if (!question_ || question_->id != read.question) return std::nullopt;
  Question question = *std::exchange(question_, std::nullopt);
  if (!read.view) {
    const Error& error = read.view.error();
    if (error.code != ErrorCode::unavailable) {
      return refuse(question.adopting, "tamper", "the tree cannot be read: " + error.message, effects);
    }
    if (question.adopting) return UnreadLedger{error.message};
    return std::nullopt;
  }
  question.check.judge(read.view->roots);
  for (const StoredCheckpoint& note : unjudged_) {
    const auto& broken = question.check.broken();
    const auto same = [&](const StoredCheckpoint& one) { return one.note == note.note; };
    if (std::any_of(broken.begin(), broken.end(), same)) keep_as_evidence(note, effects);
  }
  unjudged_.clear();
  if (!question.check.broken().empty()) return break_off(question, effects);
  keep_what_was_given_up(question, effects);
  if (question.adopting) return adopted(std::move(question), *std::move(read.view), effects);
  return followed(question);
}

RefusedLedger Adoption::break_off(const Question& question, Effects& effects) {
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
    return refuse(question.adopting, "rollback",
                  "this database lacks what was acknowledged: a receipt was given for an entry " + size +
                      " that is not in it (its head is " + head + "). Restore the database that holds it, " + accept,
                  effects);
  }
  if (check.behind()) {
    return refuse(question.adopting, "rollback",
                  "the database is behind what was signed: its head is " + head + ", a checkpoint of size " + size +
                      " exists. Restore the newer database, " + accept,
                  effects);
  }
  if (check.split()) {
    return refuse(question.adopting, "split",
                  "two histories were signed with this log's key: the checkpoint of size " + size +
                      " is not continued by this database, of which a larger one was signed as well. Both are kept. "
                      "End it with " +
                      way_out(check.head()),
                  effects);
  }
  return refuse(question.adopting, "tamper",
                "the ledger does not continue the checkpoint of size " + size +
                    " that was signed for it; run vaultctl verify. Restore the ledger, " + accept,
                effects);
}

// Evidence against identities that no longer sign is kept and reported, but is no reason to stop. What the operator has
// explicitly given up needs no alert.
void Adoption::keep_what_was_given_up(const Question& question, Effects& effects) {
  if (question.chosen.begins) {
    for (const StoredCheckpoint& note : question.check.given_up()) keep_as_evidence(note, effects);
    return;  // the announcement will contain them
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

Judgement Adoption::adopted(Question question, TreeView view, Effects& effects) {
  const PromiseCheck& check = question.check;
  Frontier grown = view.frontier;
  for (const Hash& leaf : view.leaves) grown.append(leaf);
  if (grown.size() != static_cast<std::uint64_t>(check.head().sequence) || grown.root() != check.head().merkle_root) {
    return refuse(true, "tamper", "entries after the last checkpoint do not lead to the head; run vaultctl verify",
                  effects);
  }
  KeptPromises kept = kept_promises(question.chosen, check, question.promises);
  const auto& newest = question.promises.newest;
  const bool base_is_stored = newest && kept.largest_signed && newest->note == kept.largest_signed->note;
  auto announcement = announcement_of(question.chosen, check);
  LogIdentity identity = question.chosen.identities.back();
  return AdoptedLedger{
      std::move(question.chosen.key), std::move(identity),    std::move(kept),  base_is_stored,
      std::move(view.frontier),       std::move(view.leaves), std::move(grown), std::move(announcement)};
}

FollowedLedger Adoption::followed(const Question& question) {
  followed_ = Follow{question.check.head(), question.promises, {}};
  return {kept_promises(question.chosen, question.check, question.promises), question.chosen.identities.back().vkey};
}

// --- Refusing --------------------------------------------------------------------------------------------------------

RefusedLedger Adoption::refuse(bool adopting, const std::string& alert, const std::string& reason, Effects& effects) {
  question_.reset();
  for (const char* kind : refusals) {
    if (kind != alert) alerts_.clear(kind, "judging", effects);
  }
  alerts_.raise(alert, "judging", Severity::critical, reason, effects);
  return {adopting, reason};
}

RefusedLedger Adoption::refuse_writers_tree(Effects& effects) {
  return refuse(true, "tamper", "the writer's tree does not continue the last checkpoint signed", effects);
}

RefusedLedger Adoption::refuse_split(const StoredCheckpoint& ours, const StoredCheckpoint& theirs, Effects& effects) {
  keep_as_evidence(theirs, effects);
  tell_others(ours, {}, effects);
  return refuse(true, "split",
                "this log's key has signed another tree of size " + std::to_string(theirs.tree_size) +
                    ", which the database holds as a checkpoint",
                effects);
}

void Adoption::clear_refusal(Effects& effects) {
  for (const char* kind : refusals) alerts_.clear(kind, "judging", effects);
}

void Adoption::clear_given_up(const KeptPromises& kept, Effects& effects) {
  if (!kept.warns_of_given_up) alerts_.clear("split", "given up", effects);
}

void Adoption::tell_others(const StoredCheckpoint& checkpoint, const Promises& promises, Effects& effects) {
  const auto same = [&](const StoredCheckpoint& other) { return other.note == checkpoint.note; };
  if (std::any_of(promises.contradictions.begin(), promises.contradictions.end(), same)) return;
  effects.send(to::coordinator, ReportContradiction{checkpoint});
}

void Adoption::keep_as_evidence(const StoredCheckpoint& checkpoint, Effects& effects) {
  if (memory_.checkpoint() && memory_.checkpoint()->note == checkpoint.note) return;  // it stays where it is
  if (const Status kept = memory_.keep_evidence(checkpoint); !kept) {
    alerts_.raise("checkpoint", "evidence", Severity::critical, "evidence cannot be kept: " + kept.error().message,
                  effects);
  } else {
    alerts_.clear("checkpoint", "evidence", effects);
  }
}

}  // namespace vault
