// The notary owns the signing key. It signs only what is durable, only what continues everything that it remembers to
// have been signed or acknowledged (promise_memory.hpp), and only under a lease that the database has confirmed since;
// and it remembers a checkpoint on disk before it releases it.
//
// Whether a ledger keeps what was promised is judged by an Adoption (adoption.hpp) before it is written to (Adopt) and
// while another vaultd writes it (Follow). The notary acts on the judgement: if the ledger breaks a promise, it does
// not sign, and the operator's --accept-rollback is the way out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/actor.hpp"
#include "actors/adoption.hpp"
#include "actors/alert_board.hpp"
#include "actors/promise_memory.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/frontier.hpp"

namespace vault {

struct NotaryOptions {
  IdentityOptions identity;
  std::chrono::milliseconds checkpoint_interval{100};
  std::chrono::milliseconds store_interval{900};  // in the database at most one a second
  std::chrono::seconds signing_patience{5};       // signing may fail for this long; then no more seals are accepted
};

class Notary final : public Actor {
 public:
  // `disk` outlives the notary.
  Notary(NotaryDisk& disk, const NotaryOptions& options)
      : memory_(disk), adoption_(disk, memory_, alerts_, options.identity), options_(options) {}

  // From the writer: Adopt, Follow, Committed, IngestRefused, Epoch. From the coordinator: TreeRead,
  // StoreCheckpointAnswer, ContradictionReported. From the lease keeper: LeaseConfirmed.
  void handle(Message message, Effects& effects) override;
  void round_done(Effects& effects) override;
  bool stop(Effects& effects) override;
  const char* phase() const override;

 private:
  enum Timer : int { sign_timer = 1, store_timer };

  // The tree to sign once the lease is confirmed.
  struct Asked {
    Frontier frontier;
    std::size_t leaves = 0;  // this many of leaves_since_, from the first
  };

  // Acting on judgements
  void stand_down();
  void act_on(std::optional<Judgement> judgement, Effects& effects);
  void write_on(AdoptedLedger ledger, Effects& effects);
  void look_on(const FollowedLedger& ledger, Effects& effects);
  void refuse(const RefusedLedger& ledger, Effects& effects);
  void end_alerts(const KeptPromises& kept, Effects& effects);

  // Signing and storing
  void on_committed(Committed committed, Effects& effects);
  bool due(Effects& effects);
  void ask_for_lease(Effects& effects);
  void on_lease_confirmed(const LeaseConfirmed& confirmed, Effects& effects);
  void sign(const Asked& asked, Effects& effects);
  void signing_failed(const std::string& why, Effects& effects);
  void signing_works(Effects& effects);
  void store(Effects& effects);
  void on_stored(const StoreCheckpointAnswer& answer, Effects& effects);

  PromiseMemory memory_;
  AlertBoard alerts_{"notary"};
  Adoption adoption_;  // reads memory_, and adds evidence to it
  NotaryOptions options_;
  std::optional<SigningKey> key_;
  LogIdentity identity_;
  bool active_ = false;
  bool stopping_ = false;
  std::int64_t epoch_ = 0;

  std::optional<StoredCheckpoint> signed_;  // the last one: ours, or (standby) the writer's
  Frontier signed_frontier_;                // of signed_->tree_size leaves; if nothing is signed, of the adopted ledger
  std::vector<Hash> leaves_since_;          // durable, not yet covered by a checkpoint
  Frontier grown_;                          // signed_frontier_ with leaves_since_
  Hash root_now_{};                         // the root of all of them according to the writer
  std::optional<Uuid> awaited_seal_;        // a new identity signs nothing before the seal that announces it is durable

  std::optional<Asked> asked_;
  std::optional<std::chrono::steady_clock::time_point> not_before_;     // time of the next signature
  std::optional<std::chrono::steady_clock::time_point> failing_since_;  // since when signing fails
  int failures_ = 0;
  bool told_impossible_ = false;
  bool sign_timer_set_ = false;

  std::int64_t stored_size_ = -1;   // in the database
  std::int64_t storing_size_ = -1;  // on its way there
  std::int64_t storing_epoch_ = 0;
  int store_failures_ = 0;           // refusals by the database itself since the last one stored
  bool store_failure_told_ = false;  // in the log
  bool store_timer_set_ = false;
  std::optional<std::chrono::steady_clock::time_point> stored_at_;
};

}  // namespace vault
