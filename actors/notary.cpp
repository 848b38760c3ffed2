#include "actors/notary.hpp"

#include <utility>

#include "actors/log.hpp"
#include "ledger/check.hpp"
#include "ledger/merkle_hash.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

// Nodes of a grown tree out of the old tree's frontier and the leaves added since.
class GrowthNodes final : public NodeReader {
 public:
  GrowthNodes(const Frontier& frontier, const std::vector<Hash>& leaves) : frontier_(frontier), leaves_(leaves) {}

  Result<Hash> read_node(unsigned level, std::uint64_t index) override {
    const std::uint64_t begin = index << level;
    const std::uint64_t end = begin + (std::uint64_t{1} << level);
    if (end <= frontier_.size()) return old_node(begin, end);
    if (level == 0) return leaves_[begin - frontier_.size()];
    auto left = read_node(level - 1, 2 * index);
    if (!left) return left;
    auto right = read_node(level - 1, 2 * index + 1);
    if (!right) return right;
    return hash_node(*left, *right);
  }

 private:
  // A consistency proof asks for old nodes only where they are perfect subtrees of the old frontier.
  Result<Hash> old_node(std::uint64_t begin, std::uint64_t end) const {
    std::uint64_t at = 0;
    std::size_t which = 0;
    for (int bit = 63; bit >= 0; --bit) {
      const std::uint64_t width = std::uint64_t{1} << bit;
      if ((frontier_.size() & width) == 0) continue;
      if (at == begin && at + width == end) return frontier_.roots()[which];
      at += width;
      ++which;
    }
    return fail(ErrorCode::internal, "a node inside the old frontier was asked for");
  }

  const Frontier& frontier_;
  const std::vector<Hash>& leaves_;
};

}  // namespace

Proof prove_growth(const Frontier& frontier, const std::vector<Hash>& leaves) {
  GrowthNodes nodes(frontier, leaves);
  auto proof = prove_consistency(nodes, frontier.size(), frontier.size() + leaves.size());
  VAULT_CHECK(proof.has_value());
  return std::move(*proof);
}

void Notary::handle(Message message, Effects& effects) {
  if (auto* committed = std::get_if<Committed>(&message)) {
    on_committed(std::move(*committed), effects);
  } else if (auto* refused = std::get_if<IngestRefused>(&message)) {
    for (const auto& [seal_id, error] : refused->refusals) {
      if (awaited_seal_ == seal_id) awaited_seal_.reset();  // another of this identity is in the ledger already
    }
    effects.send(ActorId::publisher, std::move(*refused));
  } else if (auto* timer = std::get_if<TimerFired>(&message)) {
    if (timer->id == sign_timer) sign_timer_set_ = false;
    if (timer->id == store_timer) {
      store_timer_set_ = false;
      store(effects);
    }
  } else if (auto* stored = std::get_if<StoreCheckpointAnswer>(&message)) {
    on_stored(*stored, effects);
  } else if (auto* adopt_message = std::get_if<Adopt>(&message)) {
    adopt(std::move(*adopt_message), effects);
  } else if (auto* slice = std::get_if<TreeSlice>(&message)) {
    on_slice(std::move(*slice), effects);
  } else if (auto* follow_message = std::get_if<Follow>(&message)) {
    follow(std::move(*follow_message), effects);
  } else if (auto* epoch = std::get_if<Epoch>(&message)) {
    epoch_ = epoch->epoch;
  }
}

void Notary::round_done(Effects& effects) {
  if (active_ && due(effects)) sign(effects);
}

bool Notary::stop(Effects& effects) {
  stopping_ = true;
  if (!active_ || awaited_seal_) return true;
  if (!leaves_since_.empty() || !signed_) sign(effects);
  if (!active_ || !signed_ || stored_size_ >= signed_->tree_size) return true;
  stored_at_.reset();
  store(effects);
  return false;
}

// --- Signing ---------------------------------------------------------------------------------------------------------

void Notary::on_committed(Committed committed, Effects& effects) {
  if (active_ && committed.entries) {
    for (const Entry& entry : *committed.entries) leaves_since_.push_back(entry.entry_hash);
    if (!committed.entries->empty()) root_now_ = committed.entries->back().merkle_root;
  }
  for (const Committed::IngestReceipt& ingest : committed.ingest) {
    if (awaited_seal_ == ingest.receipt.entry.seal_id) awaited_seal_.reset();
  }
  effects.send(ActorId::publisher, std::move(committed));
}

bool Notary::due(Effects& effects) {
  if (awaited_seal_ || (signed_ && leaves_since_.empty())) return false;
  if (!signed_at_ || effects.clock() - *signed_at_ >= options_.checkpoint_interval) return true;
  if (!sign_timer_set_) {
    const auto left = options_.checkpoint_interval - (effects.clock() - *signed_at_);
    effects.set_timer(sign_timer, std::chrono::ceil<milliseconds>(left));
    sign_timer_set_ = true;
  }
  return false;
}

void Notary::sign(Effects& effects) {
  Frontier grown = signed_frontier_;
  for (const Hash& leaf : leaves_since_) grown.append(leaf);
  if (grown.root() != root_now_) {
    active_ = false;
    refuse("tamper", {ErrorCode::internal, "the writer's tree does not continue the last checkpoint signed", {}},
           effects);
    return;
  }
  const Checkpoint checkpoint{key_->name(), grown.size(), grown.root()};
  StoredCheckpoint next{checkpoint.origin, static_cast<std::int64_t>(checkpoint.tree_size), checkpoint.root,
                        sign_checkpoint(checkpoint, *key_)};
  signed_at_ = effects.clock();
  if (const Status saved = disk_.save_checkpoint(next.note); !saved) {
    log_error("notary", "checkpoint not remembered, so not released", {{"reason", saved.error().message}});
    if (!sign_timer_set_) effects.set_timer(sign_timer, milliseconds(1'000));
    sign_timer_set_ = true;
    return;
  }
  CheckpointEvent event{next.note, next.tree_size, next.root, static_cast<std::int64_t>(signed_frontier_.size()),
                        prove_growth(signed_frontier_, leaves_since_)};
  signed_ = std::move(next);
  signed_frontier_ = std::move(grown);
  leaves_since_.clear();
  CheckpointSigned message{*signed_, identity_.vkey, std::move(event)};
  effects.send(ActorId::gateway, message);
  effects.send(ActorId::auditor, message);
  effects.send(ActorId::publisher, std::move(message));
  store(effects);
}

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
  effects.send(ActorId::steward, StoreCheckpoint{epoch_, *signed_, identity_});
}

void Notary::on_stored(const StoreCheckpointAnswer& answer, Effects& effects) {
  if (answer.tree_size != storing_size_ || answer.epoch != storing_epoch_) return;  // of before an adoption
  storing_size_ = -1;
  if (answer.status) {
    stored_size_ = answer.tree_size;
  } else {
    log_warning("notary", "checkpoint not stored yet", {{"reason", answer.status.error().message}});
    if (stopping_) active_ = false;  // it is on disk; a database that is away must not hold up the end
  }
  store(effects);
}

// --- Standing by -----------------------------------------------------------------------------------------------------

// The checkpoint on disk, if it is one that `key` has signed.
std::optional<StoredCheckpoint> Notary::load_remembered(const VerifierKey& key) {
  const auto note = disk_.load_checkpoint();
  if (!note || !*note) return std::nullopt;
  const auto opened = open_checkpoint(**note, key);
  if (!opened) return std::nullopt;
  return StoredCheckpoint{opened->origin, static_cast<std::int64_t>(opened->tree_size), opened->root, **note};
}

void Notary::follow(Follow follow, Effects& effects) {
  active_ = false;
  adopting_.reset();
  leaves_since_.clear();
  if (!follow.newest || follow.identities.empty()) return;
  const auto key = VerifierKey::parse(follow.identities.back().vkey);
  if (!key) return;
  // What is on disk may be newer than what the database keeps, and must not be overwritten by that.
  const bool first = !signed_;
  if (first) signed_ = load_remembered(*key);
  const bool newer =
      !signed_ || signed_->origin != follow.newest->origin || follow.newest->tree_size > signed_->tree_size;
  if (newer) {
    // A copy is kept only of what the log's key has signed.
    if (!open_checkpoint(follow.newest->note, *key)) {
      log_error("notary", "the writer's checkpoint does not verify; not kept", {{"origin", follow.newest->origin}});
      return;
    }
    if (const Status saved = disk_.save_checkpoint(follow.newest->note); !saved) {
      log_warning("notary", "copy of the checkpoint not kept", {{"reason", saved.error().message}});
      return;
    }
    signed_ = follow.newest;
  } else if (!first) {
    return;
  }
  CheckpointSigned message{*signed_, follow.identities.back().vkey, std::nullopt};
  effects.send(ActorId::auditor, message);
  effects.send(ActorId::gateway, std::move(message));
}

}  // namespace vault
