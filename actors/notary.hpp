// The notary owns the signing key and the last checkpoint it signed. It signs only what is durable, only what continues
// what it signed before, and remembers a checkpoint on disk before it lets it out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/actor.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/frontier.hpp"

namespace vault {

// Where the notary's key and memory are kept: files in the state directory, or the simulator's memory.
class NotaryDisk {
 public:
  virtual ~NotaryDisk() = default;
  // The signing key under the name `origin`. Made if there is none and `may_create`.
  // Error: invalid_argument saying what to do.
  virtual Result<SigningKey> load_key(const std::string& origin, bool may_create) = 0;
  // The newest checkpoint remembered (a note); nullopt if none. Error: internal where it cannot be read.
  virtual Result<std::optional<std::string>> load_checkpoint() = 0;
  // Durable when it returns.
  virtual Status save_checkpoint(const std::string& note) = 0;
};

struct NotaryOptions {
  std::string origin;  // empty: the database's, or vault999.local/<ledger_id> for a new one
  std::optional<std::int64_t> accept_rollback;
  std::chrono::milliseconds checkpoint_interval{100};
  std::chrono::milliseconds store_interval{900};  // in the database at most one a second
};

class Notary final : public Actor {
 public:
  // `disk` outlives the notary.
  Notary(NotaryDisk& disk, const NotaryOptions& options) : disk_(disk), options_(options) {}

  void handle(Message message, Effects& effects) override;
  void round_done(Effects& effects) override;
  bool stop(Effects& effects) override;

 private:
  enum Timer : int { sign_timer = 1, store_timer };

  void adopt(Adopt adopt, Effects& effects);
  Status choose_identity(const Adopt& adopt);
  Status accept_rollback(const Adopt& adopt, const LogIdentity& old);
  Status recall(const Adopt& adopt);
  void on_slice(TreeSlice slice, Effects& effects);
  void finish_adoption(Effects& effects);
  void refuse(const std::string& alert, Error error, Effects& effects);
  void follow(Follow follow, Effects& effects);
  std::optional<StoredCheckpoint> load_remembered(const VerifierKey& key);
  void on_committed(Committed committed, Effects& effects);
  void on_stored(const StoreCheckpointAnswer& answer, Effects& effects);
  void sign(Effects& effects);
  void store(Effects& effects);
  bool due(Effects& effects);

  NotaryDisk& disk_;
  NotaryOptions options_;
  std::optional<SigningKey> key_;
  LogIdentity identity_;
  std::optional<Adopt> adopting_;
  bool active_ = false;
  bool stopping_ = false;
  std::string refused_for_;  // the alert raised by the last refusal
  std::int64_t epoch_ = 0;

  std::optional<StoredCheckpoint> signed_;  // the last one: ours, or (standby) the writer's
  Frontier signed_frontier_;                // of signed_->tree_size leaves
  std::vector<Hash> leaves_since_;          // durable, not yet under a checkpoint
  Hash root_now_{};                         // what the writer says the root of all of them is
  std::vector<Seal> first_seals_;
  std::optional<Uuid> awaited_seal_;  // a new identity signs nothing before the seal that tells of it is durable

  std::optional<std::chrono::steady_clock::time_point> signed_at_;
  bool sign_timer_set_ = false;
  std::int64_t stored_size_ = -1;   // in the database
  std::int64_t storing_size_ = -1;  // on its way there
  std::int64_t storing_epoch_ = 0;
  bool store_timer_set_ = false;
  std::optional<std::chrono::steady_clock::time_point> stored_at_;
};

// RFC 9162 consistency proof between a tree of frontier.size() leaves and that tree with `leaves` appended, from those
// two alone. Exposed for tests.
Proof prove_growth(const Frontier& frontier, const std::vector<Hash>& leaves);

}  // namespace vault
