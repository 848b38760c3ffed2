#include "store/checkpoint_check.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace vault {

namespace {

// Number of signatures verified at a time.
constexpr std::size_t batch_signatures = 1'024;
constexpr const char* no_signature = "the signature by the log's key does not verify";

Finding unsigned_because(std::int64_t sequence, std::int64_t tree_size, const std::string& why) {
  return {sequence, FindingReason::checkpoint_signature_invalid,
          fmt::format("checkpoint of size {}: {}", tree_size, why)};
}

}  // namespace

void CheckpointCheck::use_identities(std::vector<LogIdentity> identities) {
  std::vector<Identity> known;
  for (std::size_t i = 0; i < identities.size(); ++i) {
    const bool last = i + 1 == identities.size();
    Identity identity;
    identity.counts_up_to = last ? std::numeric_limits<std::int64_t>::max() : identities[i + 1].accepted_sequence;
    if (auto key = VerifierKey::parse(identities[i].vkey)) {
      identity.key_id = key->key_id();
      identity.key = *std::move(key);
    }
    identity.stored = std::move(identities[i]);
    known.push_back(std::move(identity));
  }
  identities_ = std::move(known);
}

const CheckpointCheck::Identity* CheckpointCheck::find(const std::string& origin) const {
  for (const Identity& identity : identities_) {
    if (identity.stored.origin == origin) return &identity;
  }
  return nullptr;
}

bool CheckpointCheck::given_up(const StoredCheckpoint& checkpoint) const {
  const Identity* identity = find(checkpoint.origin);
  return identity != nullptr && checkpoint.tree_size > identity->counts_up_to;
}

bool CheckpointCheck::is_current(const StoredCheckpoint& checkpoint) const {
  return !identities_.empty() && identities_.back().stored.origin == checkpoint.origin;
}

std::optional<Finding> CheckpointCheck::check(const StoredCheckpoint& checkpoint, std::int64_t sequence,
                                              const Hash& root) {
  if (!given_up(checkpoint) && (checkpoint.root != root || checkpoint.tree_size != sequence)) {
    return Finding{sequence, FindingReason::checkpoint_mismatch,
                   fmt::format("the stored checkpoint of size {} has another root", checkpoint.tree_size)};
  }
  if (auto bad = compare_note(checkpoint, sequence, messages_)) return bad;
  pending_.resize(messages_.size(), {sequence, checkpoint.tree_size});
  return pending_.size() < batch_signatures ? std::nullopt : settle();
}

std::optional<Finding> CheckpointCheck::check_note(const StoredCheckpoint& checkpoint, std::int64_t sequence) const {
  std::vector<KeyedMessage> messages;
  if (auto bad = compare_note(checkpoint, sequence, messages)) return bad;
  if (!first_bad_signature(messages, 1)) return std::nullopt;
  return unsigned_because(sequence, checkpoint.tree_size, no_signature);
}

std::optional<Finding> CheckpointCheck::settle() {
  std::optional<Finding> bad;
  if (const auto first = first_bad_signature(messages_, threads_)) {
    bad = unsigned_because(pending_[*first].sequence, pending_[*first].tree_size, no_signature);
  }
  pending_.clear();
  messages_.clear();
  return bad;
}

std::optional<Finding> CheckpointCheck::compare_note(const StoredCheckpoint& checkpoint, std::int64_t sequence,
                                                     std::vector<KeyedMessage>& out) const {
  const auto refuse = [&](const std::string& why) { return unsigned_because(sequence, checkpoint.tree_size, why); };
  const Identity* identity = find(checkpoint.origin);
  if (identity == nullptr) return refuse("its origin is not one of this ledger's");
  const auto note = parse_note(checkpoint.note);
  if (!note) return refuse(note.error().message);
  const auto said = parse_checkpoint(note->text);
  if (!said) return refuse(said.error().message);
  if (*said != static_cast<const Checkpoint&>(checkpoint)) {
    return Finding{
        sequence, FindingReason::checkpoint_mismatch,
        fmt::format("checkpoint of size {} is stored beside a note that says otherwise", checkpoint.tree_size)};
  }
  if (!identity->key || identity->key->name != checkpoint.origin || identity->key->type != KeyType::ed25519) {
    return refuse("the vkey stored for its origin is not its key");
  }
  // As in verify_note(): every line of this key counts, and there must be at least one.
  const std::size_t before = out.size();
  for (const NoteSignature& line : note->signatures) {
    if (line.key_id == identity->key_id && line.name == checkpoint.origin) {
      out.push_back({identity->key->public_key, {note->text, line.signature}});
    }
  }
  if (out.size() == before) return refuse("no signature by the log's key");
  return std::nullopt;
}

}  // namespace vault
