// Adoption judges a ledger for the notary: does it keep everything that is remembered to have been signed or told?
//
// The question is asked before the ledger is written on (adopt) and while another vaultd writes it (follow). Either way
// the ledger's tree is needed, and the coordinator reads it: so one call begins a judgement, and another ends it
// (on_tree). A judgement is a value, and the notary acts on it: an Adoption signs nothing, replaces no remembered
// checkpoint and answers nobody. What follows from the judgement alone it does itself: it keeps evidence, tells the
// others through the database, and raises the alerts that say why a ledger is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/actor.hpp"
#include "actors/alert_board.hpp"
#include "actors/identity_choice.hpp"
#include "actors/promise_check.hpp"
#include "actors/promise_memory.hpp"
#include "ledger/frontier.hpp"

namespace vault {

// What a ledger that keeps its promises was found to hold.
struct KeptPromises {
  // The largest checkpoint that was signed under the newest identity; the ledger continues it. nullopt: none was.
  std::optional<StoredCheckpoint> largest_signed;
  std::int64_t stored_size = -1;   // of the newest checkpoint in the database; -1: it holds none
  bool warns_of_given_up = false;  // history of an earlier identity was given up, and no operator has accepted it
};

// The ledger may be written on. It owns all that the notary needs to sign for it.
struct AdoptedLedger {
  SigningKey key;
  LogIdentity identity;  // the one to sign under
  KeptPromises kept;
  bool base_is_stored = false;  // kept.largest_signed is the newest checkpoint in the database
  Frontier base_frontier;       // the tree of kept.largest_signed; where there is none, the whole tree
  std::vector<Hash> leaves;     // the entries after it, in ledger order
  Frontier frontier;            // the whole tree: base_frontier with leaves
  // Tells of a new identity. It is to be sealed before anything else, and nothing is signed until it is durable.
  std::optional<Seal> announcement;
};
// Another vaultd writes the ledger, and it keeps every promise.
struct FollowedLedger {
  KeptPromises kept;
  std::string vkey;  // verifies kept.largest_signed
};
// The ledger breaks a promise, or this vaultd cannot or must not sign for it. The alert has been raised.
struct RefusedLedger {
  bool adopting = false;  // else following
  std::string reason;     // for people
};
// The ledger was to be adopted, and the database could not be asked. No ledger is at fault.
struct UnreadLedger {
  std::string reason;  // for people
};
// The ledger was to be followed. Either nothing is promised, or this vaultd begins a new identity on it, or it is the
// one that was judged last.
struct NothingToJudge {};

using Judgement = std::variant<AdoptedLedger, FollowedLedger, RefusedLedger, UnreadLedger, NothingToJudge>;

class Adoption {
 public:
  // `disk` and `memory`, which is kept on it, outlive the adoption. The notary writes to the memory between judgements.
  Adoption(NotaryDisk& disk, PromiseMemory& memory, IdentityOptions options)
      : disk_(disk), memory_(memory), options_(std::move(options)) {}
  Adoption(const Adoption&) = delete;
  Adoption& operator=(const Adoption&) = delete;

  // Either call drops a question that is still open, and begins a judgement. nullopt: the coordinator has been asked
  // for the tree, and on_tree() will return the judgement. Settings that cannot work with this database are told as a
  // fatal configuration too. Cost: the first call, and one after a failed write, reads the state directory; the
  // coordinator reads one root for each promise, and the leaves since the largest checkpoint signed.
  std::optional<Judgement> adopt(Adopt adopt, Effects& effects);
  std::optional<Judgement> follow(Follow follow, Effects& effects);
  // Ends the judgement with the tree that was asked for. nullopt if the answer belongs to a question that was dropped,
  // or if the database of a ledger to be followed could not be asked: the writer will ask again. VAULT_CHECK: as many
  // roots as were asked for. Cost: a hash for each leaf.
  std::optional<Judgement> on_tree(TreeRead read, Effects& effects);

  // The tree has been asked for and has not come yet.
  bool judging() const { return question_.has_value(); }
  // The next follow() judges the ledger even if it is the same, because the notary could not keep its checkpoint.
  void forget_followed() { followed_.reset(); }

  // Two refusals of what the notary finds while it signs. The first: the writer's entries do not lead to the root that
  // the writer told.
  RefusedLedger refuse_writers_tree(Effects& effects);
  // The second: the database holds `theirs` where it should hold `ours`, and this log's key has signed both.
  RefusedLedger refuse_split(const StoredCheckpoint& ours, const StoredCheckpoint& theirs, Effects& effects);

  // The notary calls these when it has taken over what an AdoptedLedger or FollowedLedger holds. They are two because
  // its own alerts end between them. The first clears the alert of an earlier refusal.
  void clear_refusal(Effects& effects);
  // The second clears the warning of history that was given up, unless `kept` says that it stands.
  void clear_given_up(const KeptPromises& kept, Effects& effects);

 private:
  // A ledger that is being compared with what is remembered; its tree has been asked for.
  struct Question {
    std::uint64_t id = 0;
    bool adopting = false;  // else following
    ChosenIdentity chosen;
    PromiseCheck check;
    Promises promises;
  };

  std::optional<Judgement> look_into(bool adopting, const Head& head, Promises promises, const std::string& ledger_id,
                                     Effects& effects);
  void warn_of_unannounced(const Promises& promises, Effects& effects);
  Status add_promises(PromiseCheck& check, const ChosenIdentity& chosen, const Promises& promises) const;
  RefusedLedger break_off(const Question& question, Effects& effects);
  void keep_what_was_given_up(const Question& question, Effects& effects);
  Judgement adopted(Question question, TreeView view, Effects& effects);
  FollowedLedger followed(const Question& question);
  RefusedLedger refuse(bool adopting, const std::string& alert, const std::string& reason, Effects& effects);
  void tell_others(const StoredCheckpoint& checkpoint, const Promises& promises, Effects& effects);
  void keep_as_evidence(const StoredCheckpoint& checkpoint, Effects& effects);

  NotaryDisk& disk_;
  PromiseMemory& memory_;
  const IdentityOptions options_;
  AlertBoard alerts_{"notary"};  // its actor; no cause of an alert stands here and on the notary's own board
  std::optional<Question> question_;
  std::uint64_t questions_ = 0;
  std::optional<Follow> followed_;          // the last one that kept every promise
  std::vector<StoredCheckpoint> unjudged_;  // seen in a database whose tree has not been read since
};

}  // namespace vault
