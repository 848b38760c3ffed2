// Adoption judges a ledger for the notary: does it keep everything that is remembered to have been signed or
// acknowledged?
//
// The question is asked before the ledger is written to (adopt) and while another vaultd writes it (follow). Either way
// the ledger's tree is needed, and the coordinator reads it: so one call begins a judgement, and another ends it
// (on_tree). A judgement is a value, and the notary acts on it: an Adoption signs nothing, replaces no remembered
// checkpoint and answers nobody. It only does what follows from the judgement alone: it keeps evidence, reports it to
// other vaultds through the database, and raises the alerts that say why a ledger is refused.
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

// Findings about a ledger that keeps its promises.
struct KeptPromises {
  // The largest checkpoint signed under the newest identity; the ledger continues it. nullopt: there is none.
  std::optional<StoredCheckpoint> largest_signed;
  std::int64_t stored_size = -1;   // of the newest checkpoint in the database; -1: it holds none
  bool warns_of_given_up = false;  // history of an earlier identity was abandoned, and no operator has accepted that
};

// The ledger may be written to. Contains all that the notary needs to sign for it.
struct AdoptedLedger {
  SigningKey key;
  LogIdentity identity;  // the one to sign under
  KeptPromises kept;
  bool base_is_stored = false;  // kept.largest_signed is the newest checkpoint in the database
  Frontier base_frontier;       // the tree of kept.largest_signed; without one, the whole tree
  std::vector<Hash> leaves;     // the entries after it, in ledger order
  Frontier frontier;            // the whole tree: base_frontier with leaves
  // Announces a new identity. It must be sealed before anything else, and nothing is signed until it is durable.
  std::optional<Seal> announcement;
};
// Another vaultd writes the ledger, and the ledger keeps every promise.
struct FollowedLedger {
  KeptPromises kept;
  std::string vkey;  // verifies kept.largest_signed
};
// The ledger breaks a promise, or this vaultd cannot or must not sign for it. The alert has been raised.
struct RefusedLedger {
  bool adopting = false;  // false: following
  std::string reason;     // for people
};
// The ledger was to be adopted, but the database could not be read. The ledger is not at fault.
struct UnreadLedger {
  std::string reason;  // for people
};
// The ledger was to be followed, but nothing is promised, or this vaultd begins a new identity on it, or it is the same
// ledger as in the last judgement.
struct NothingToJudge {};

using Judgement = std::variant<AdoptedLedger, FollowedLedger, RefusedLedger, UnreadLedger, NothingToJudge>;

class Adoption {
 public:
  // All three must outlive the adoption; `memory` is kept on `disk`, and the notary writes to it between judgements.
  Adoption(NotaryDisk& disk, PromiseMemory& memory, AlertBoard& alerts, IdentityOptions options)
      : disk_(disk), memory_(memory), alerts_(alerts), options_(std::move(options)) {}
  Adoption(const Adoption&) = delete;
  Adoption& operator=(const Adoption&) = delete;

  // Either call drops an open question, and begins a judgement. nullopt: the coordinator has been asked for the tree,
  // and on_tree() will return the judgement. Settings that do not fit this database are also reported as a fatal
  // configuration. Cost: the first call, and any call after a failed write, reads the state directory; the coordinator
  // reads one root for each promise, and the leaves since the largest checkpoint signed.
  std::optional<Judgement> adopt(Adopt adopt, Effects& effects);
  std::optional<Judgement> follow(Follow follow, Effects& effects);
  // Ends the judgement with the requested tree. nullopt if the answer belongs to a dropped question, or if the database
  // of a followed ledger could not be read: the writer will ask again. VAULT_CHECK: as many roots as were requested.
  // Cost: a hash for each leaf.
  std::optional<Judgement> on_tree(TreeRead read, Effects& effects);

  // True while the tree has been requested and has not arrived.
  bool judging() const { return question_.has_value(); }
  // The next follow() judges the ledger even if it is unchanged, because the notary could not keep its checkpoint.
  void forget_followed() { followed_.reset(); }

  // Two refusals for what the notary finds while it signs. The first: the writer's entries do not lead to the root that
  // the writer reported.
  RefusedLedger refuse_writers_tree(Effects& effects);
  // The second: the database holds `theirs` where it should hold `ours`, and this log's key has signed both.
  RefusedLedger refuse_split(const StoredCheckpoint& ours, const StoredCheckpoint& theirs, Effects& effects);

  // The notary calls these once it has taken over the contents of an AdoptedLedger or FollowedLedger. There are two
  // because its own alerts end in between. The first clears the alert of an earlier refusal.
  void clear_refusal(Effects& effects);
  // The second clears the warning about abandoned history, unless `kept` says that it still applies.
  void clear_given_up(const KeptPromises& kept, Effects& effects);

 private:
  // A ledger that is being compared with what is remembered; its tree has been requested.
  struct Question {
    std::uint64_t id = 0;
    bool adopting = false;  // false: following
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
  AlertBoard& alerts_;  // the actor's
  const IdentityOptions options_;
  std::optional<Question> question_;
  std::uint64_t questions_ = 0;
  std::optional<Follow> followed_;          // the last one that kept every promise
  std::vector<StoredCheckpoint> unjudged_;  // seen in a database whose tree has not been read yet
};

}  // namespace vault
