#include "tests/simulation/invariants.hpp"

#include <bit>
#include <msgpack.hpp>

#include "ledger/checkpoint.hpp"
#include "ledger/hash_chain.hpp"
#include "ledger/merkle_hash.hpp"
#include "tests/property/naive_merkle.hpp"

namespace vault::sim {
namespace {

std::string content(const std::string& session, const std::string& authority, Verdict verdict,
                    const std::string& data) {
  return session + '\n' + authority + '\n' + std::string(verdict_name(verdict)) + '\n' + data;
}

// One member of an event's map, as text; integers in decimal. Empty if there is none.
std::string member(const msgpack::object& map, std::string_view name) {
  for (std::uint32_t i = 0; i < map.via.map.size; ++i) {
    const auto& [key, value] = map.via.map.ptr[i];
    if (key.as<std::string>() != name) continue;
    if (value.type == msgpack::type::STR) return value.as<std::string>();
    if (value.type == msgpack::type::POSITIVE_INTEGER) return std::to_string(value.via.u64);
    if (value.type == msgpack::type::BOOLEAN) return value.via.boolean ? "true" : "false";
    return "?";
  }
  return {};
}

// The member `consistency` of a checkpoint event.
Proof proof_member(const msgpack::object& map) {
  Proof proof;
  for (std::uint32_t i = 0; i < map.via.map.size; ++i) {
    if (map.via.map.ptr[i].key.as<std::string>() != "consistency") continue;
    for (const auto& digits : map.via.map.ptr[i].val.as<std::vector<std::string>>()) {
      const auto hash = hash_from_hex(digits);
      require(hash.has_value(), "a proof that is no hex");
      proof.push_back(*hash);
    }
  }
  return proof;
}

}  // namespace

std::string content_of(const Seal& seal) {
  return content(seal.session_id, seal.authority, seal.verdict, seal.seal_data);
}
std::string content_of(const Entry& entry) {
  return content(entry.session_id, entry.authority, entry.verdict, entry.seal_data.value_or(""));
}

void Invariants::submitted(const Seal& seal, std::uint64_t request) {
  if (seal.seal_id) {
    requests_by_id_[*seal.seal_id][content_of(seal)].insert(request);
  } else {
    anonymous_.insert(content_of(seal));
  }
}

bool Invariants::contested(const Seal& seal) const {
  if (!seal.seal_id) return false;
  const auto found = requests_by_id_.find(*seal.seal_id);
  return found != requests_by_id_.end() && found->second.size() > 1;
}

std::size_t Invariants::times_stored(const Seal& seal) const {
  if (!seal.seal_id) {
    const auto found = stored_contents_.find(content_of(seal));
    return found == stored_contents_.end() ? 0 : found->second;
  }
  return database_.state.index_by_seal_id.contains(*seal.seal_id) ? 1 : 0;
}

// --- Rows ------------------------------------------------------------------------------------------------------------

void Invariants::committed(const SequencedBatch& batch) {
  for (const Entry& entry : batch.entries) row(entry);
  for (const Tile& tile : batch.tiles) {
    const std::size_t width = std::size_t{1} << (limits::tile_height * (tile.id.level + 1));
    require(tile.root == subtree(tile.id.index * width, (tile.id.index + 1) * width),
            "a tile's root is not its subtree's");
  }
}

void Invariants::row(const Entry& entry) {
  const auto expected = static_cast<std::int64_t>(leaves_.size()) + 1;
  require(entry.sequence <= expected, "fork: a sequence was given twice");
  require(entry.sequence == expected, "gap: a sequence was left out");
  require(entry.prev_hash == (leaves_.empty() ? zero_hash : leaves_.back()), "fork: prev_hash is not the last entry's");
  require(entry.timestamp.micros >= last_micros_, "a timestamp is smaller than the one before");
  last_micros_ = entry.timestamp.micros;
  require(ids_.insert(entry.seal_id).second, "a seal_id is in the ledger twice");
  Entry again = entry;
  link_entry(again, entry.prev_hash);
  require(again.entry_hash == entry.entry_hash && again.data_hash == entry.data_hash, "an entry's hash is not its own");
  leaves_.push_back(entry.entry_hash);
  require(entry.merkle_root == root(leaves_.size()), "an entry's root is not that of RFC 6962");
  const std::string text = content_of(entry);
  ++stored_contents_[text];
  if (!committed_history_) return;
  if (entry.authority == "vaultd") {
    ++own_seals_;
    return;
  }
  const auto by_id = requests_by_id_.find(entry.seal_id);
  if (by_id != requests_by_id_.end()) {
    require(by_id->second.contains(text), "an entry's content is not what was submitted under its seal_id");
  } else {
    require(anonymous_.contains(text), "an entry nobody submitted");
    require(stored_contents_[text] == 1, "a seal without seal_id was stored twice");
  }
}

Hash Invariants::root(std::size_t size) {
  require(size <= leaves_.size(), "the root of more than the ledger was asked for");
  return size == 0 ? empty_root() : subtree(0, size);
}

Hash Invariants::subtree(std::size_t begin, std::size_t end) {
  const std::size_t count = end - begin;
  if (count == 1) return leaves_.at(begin);
  const bool perfect = std::has_single_bit(count);
  const std::uint64_t key = begin * 64 + static_cast<std::uint64_t>(std::bit_width(count));
  if (perfect) {
    if (const auto known = perfect_.find(key); known != perfect_.end()) return known->second;
  }
  const std::size_t middle = begin + naive::split(count);
  const Hash hash = naive::node(subtree(begin, middle), subtree(middle, end));
  if (perfect) perfect_.emplace(key, hash);
  return hash;
}

void Invariants::forget_after(std::size_t size) {
  leaves_.resize(size);
  perfect_.clear();
  last_micros_ = database_.head_of(size).timestamp.micros;
  first_receipts_.erase(first_receipts_.upper_bound(static_cast<std::int64_t>(size)), first_receipts_.end());
  acknowledged_.erase(acknowledged_.upper_bound(static_cast<std::int64_t>(size)), acknowledged_.end());
  stored_contents_.clear();
  ids_.clear();
  for (const Entry& entry : database_.state.entries) {
    ++stored_contents_[content_of(entry)];
    ids_.insert(entry.seal_id);
  }
}

void Invariants::whole_ledger() {
  const DatabaseState& state = database_.state;
  require(state.entries.size() == leaves_.size(), "rows have vanished");
  std::set<Uuid> ids;
  for (std::size_t i = 0; i < state.entries.size(); ++i) {
    require(state.entries[i].entry_hash == leaves_[i], "a row has changed");
    require(ids.insert(state.entries[i].seal_id).second, "a seal_id is in the ledger twice");
  }
  require(naive::root(leaves_) == state.head.merkle_root, "the head's root is not that of RFC 6962");
  require(state.head.sequence == std::ssize(leaves_), "the head's sequence is not the last");
  for (const auto& [sequence, hash] : acknowledged_) {
    require(sequence <= std::ssize(leaves_) && leaves_[static_cast<std::size_t>(sequence - 1)] == hash,
            "an acknowledged seal is not in the ledger");
  }
}

// --- Output ----------------------------------------------------------------------------------------------------------

Invariants::Known Invariants::durable_tree(const std::string& origin, std::size_t size, const Hash& its_root) {
  Known known{origin, size, its_root, nullptr};
  if (size <= leaves_.size() && root(size) == its_root) {
    known.leaves =
        std::make_shared<const std::vector<Hash>>(leaves_.begin(), leaves_.begin() + static_cast<std::ptrdiff_t>(size));
  }
  for (const std::vector<Hash>& history : histories_) {
    if (known.leaves || history.size() < size) continue;
    std::vector<Hash> leaves(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(size));
    if (naive::root(leaves) == its_root) known.leaves = std::make_shared<const std::vector<Hash>>(std::move(leaves));
  }
  require(known.leaves != nullptr,
          "rows are signed or told of that are not durable, or not consistent with the ledger");
  return known;
}

const Invariants::Known& Invariants::signed_note(const std::string& note) {
  if (const auto known = notes_.find(note); known != notes_.end()) return known->second;
  const auto checkpoint = peek_checkpoint(note);
  require(checkpoint.has_value(), "a checkpoint that cannot be read");
  const std::size_t size = checkpoint->tree_size;
  Known known = durable_tree(checkpoint->origin, size, checkpoint->root);
  const auto [same_size, fresh] =
      checkpoints_.emplace(std::pair(checkpoint->origin, static_cast<std::int64_t>(size)), checkpoint->root);
  require(same_size->second == checkpoint->root || split_is_fine, "two checkpoints of one size with different roots");
  same_size->second = checkpoint->root;
  last_checkpoint_size_ = std::max(last_checkpoint_size_, static_cast<std::int64_t>(size));
  ++coverage_["checkpoint.signed"];
  return notes_.emplace(note, std::move(known)).first->second;
}

// An entry's hash covers that of the previous one: if the last common leaf is the same, all before it are.
bool Invariants::consistent(const Known& a, const Known& b) {
  const std::size_t common = std::min(a.size, b.size);
  return a.origin != b.origin || common == 0 || (*a.leaves)[common - 1] == (*b.leaves)[common - 1];
}

void Invariants::signed_checkpoint(const std::string& note) {
  signed_note(note);
}

void Invariants::remembered(int vaultd, int incarnation, const std::string& note) {
  const Known& next = signed_note(note);
  std::set<std::string> notes = knowledge_[{vaultd, 0}];
  notes.merge(std::set<std::string>(knowledge_[{vaultd, incarnation}]));
  for (const std::string& other : notes) {
    const Known& known = signed_note(other);
    require(consistent(known, next) && (known.origin != next.origin || known.size <= next.size),
            "a checkpoint of size " + std::to_string(next.size) +
                " is signed or remembered by a vaultd that knows of one of size " + std::to_string(known.size) +
                " which it does not continue");
  }
  if (const auto told = told_heads_.find({vaultd, next.origin}); told != told_heads_.end()) {
    require(consistent(told->second, next),
            "a checkpoint is signed or remembered by a vaultd that has told of another tree");
  }
}

void Invariants::told_head(int vaultd, const Checkpoint& head) {
  const auto told = told_heads_.find({vaultd, head.origin});
  if (told != told_heads_.end() && told->second.root == head.root) return;  // saved again, durably
  Known next = durable_tree(head.origin, head.tree_size, head.root);
  if (told != told_heads_.end()) {
    require(consistent(told->second, next), "a vaultd tells of a tree that contradicts what it has told before");
  }
  told_heads_.insert_or_assign({vaultd, head.origin}, std::move(next));
}

void Invariants::knows(int vaultd, int incarnation, const std::string& note) {
  signed_note(note);
  knowledge_[{vaultd, incarnation}].insert(note);
}

void Invariants::history_switched(const DatabaseState& before) {
  histories_.push_back(leaves_);
  const auto& entries = database_.state.entries;
  for (const Entry& entry : before.entries) {
    const auto at = static_cast<std::size_t>(entry.sequence - 1);
    if (at >= entries.size() || entries[at].entry_hash != entry.entry_hash) lost_.emplace(entry.entry_hash, entry);
  }
  leaves_.clear();
  for (const Entry& entry : entries) {
    leaves_.push_back(entry.entry_hash);
    lost_.erase(entry.entry_hash);
  }
  perfect_.clear();
  last_micros_ = database_.head_of(entries.size()).timestamp.micros;
  std::erase_if(acknowledged_, [&](const auto& told) {
    const auto at = static_cast<std::size_t>(told.first - 1);
    return at >= leaves_.size() || leaves_[at] != told.second;
  });
  std::erase_if(first_receipts_, [&](std::int64_t sequence) { return !acknowledged_.contains(sequence); });
  stored_contents_.clear();
  ids_.clear();
  for (const Entry& entry : entries) {
    ++stored_contents_[content_of(entry)];
    ids_.insert(entry.seal_id);
  }
}

void Invariants::one_told(EventFeed& feed, std::int64_t sequence, const Hash& entry_hash) {
  const auto [told, fresh] = feed.told.emplace(sequence, entry_hash);
  require(told->second == entry_hash, "one process gives two receipts for one sequence");
}

void Invariants::lease_granted(std::int64_t epoch, const std::optional<StoredCheckpoint>& newest) {
  granted_epoch_ = epoch;
  granted_newest_ = newest;
}

void Invariants::stored_checkpoint(std::int64_t epoch, const StoredCheckpoint& checkpoint) {
  const auto known = checkpoints_.find({checkpoint.origin, checkpoint.tree_size});
  require((known != checkpoints_.end() && known->second == checkpoint.root) || notes_.contains(checkpoint.note),
          "a checkpoint is stored that was not remembered on disk");
  if (epoch >= granted_epoch_ || history_lost()) return;
  require(granted_newest_ && granted_newest_->origin == checkpoint.origin &&
              granted_newest_->tree_size >= checkpoint.tree_size,
          "a former writer stores a checkpoint newer than what the one after it builds on");
}

void Invariants::receipt(EventFeed& feed, const Receipt& receipt, const Seal& seal) {
  const Entry& told = receipt.entry;
  one_told(feed, told.sequence, told.entry_hash);
  if (lost_.contains(told.entry_hash)) return;  // given for a server that no longer exists
  const auto& entries = database_.state.entries;
  require(told.sequence >= 1 && told.sequence <= std::ssize(entries), "a receipt for a row that is not there");
  const Entry& stored = entries[static_cast<std::size_t>(told.sequence - 1)];
  Entry expected = stored;
  expected.seal_data.reset();
  require(expected == told, "a receipt that differs from the row");
  require(content_of(stored) == content_of(seal), "a receipt for another seal");
  require(!seal.seal_id || *seal.seal_id == stored.seal_id, "a receipt for another seal_id");
  if (receipt.duplicate) {
    ++coverage_["receipt.duplicate"];
  } else {
    require(first_receipts_.insert(told.sequence).second, "two receipts of one entry without duplicate");
  }
  acknowledged_[told.sequence] = told.entry_hash;
  ++coverage_["receipt"];
}

void Invariants::conflict(const std::vector<Seal>& seals, std::uint64_t request) const {
  bool real = false;
  for (const Seal& seal : seals) {
    real = real || contested(seal);
    if (!seal.seal_id) {
      require(!stored_contents_.contains(content_of(seal)), "a seal of a refused batch was stored");
      continue;
    }
    const auto& users = requests_by_id_.at(*seal.seal_id).at(content_of(seal));
    const auto at = database_.state.index_by_seal_id.find(*seal.seal_id);
    const bool stored = at != database_.state.index_by_seal_id.end() &&
                        content_of(database_.state.entries[at->second]) == content_of(seal);
    require(!stored || users.size() > 1 || !users.contains(request), "a seal of a refused batch was stored");
  }
  require(real, "a conflict where no seal_id was used twice with different content");
}

void Invariants::event(EventFeed& feed, const std::vector<std::string>& frames) {
  require(frames.size() == 2, "an event is topic and map");
  const msgpack::object_handle handle = msgpack::unpack(frames[1].data(), frames[1].size());
  const msgpack::object& map = handle.get();
  require(map.type == msgpack::type::MAP, "an event is topic and map");
  const std::string name = frames[0].substr(0, frames[0].find('.'));
  require(member(map, "event") == name, "an event's name is its topic's first word");
  // Entries between the two that were never reported count as well.
  if (name == "entry" && feed.entry != 0) {
    feed.seq +=
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, std::stoll(member(map, "sequence")) - feed.entry - 1));
  }
  require(member(map, "seq") == std::to_string(++feed.seq), "seq counts every event");
  ++coverage_["event." + name];
  if (name == "entry") {
    entry_event(feed, std::stoll(member(map, "sequence")), member(map, "entry_hash"));
  } else if (name == "receipt" && member(map, "error").empty()) {
    const std::int64_t sequence = std::stoll(member(map, "sequence"));
    const auto hash = hash_from_hex(member(map, "entry_hash"));
    require(hash.has_value(), "a receipt event without hash");
    one_told(feed, sequence, *hash);
    if (lost_.contains(*hash)) return;
    require(sequence >= 1 && sequence <= std::ssize(leaves_), "a receipt event for a row that is not there");
    require(member(map, "entry_hash") == to_hex(leaves_[static_cast<std::size_t>(sequence - 1)]),
            "a receipt event that differs from the row");
  } else if (name == "checkpoint") {
    const std::int64_t size = std::stoll(member(map, "tree_size"));
    require(size > feed.checkpoint, "checkpoint events do not grow");
    feed.checkpoint = size;
    const auto told = peek_checkpoint(member(map, "checkpoint"));
    const auto known = notes_.find(member(map, "checkpoint"));
    require(known != notes_.end(), "a checkpoint event of what was not remembered on disk");
    if (history_lost()) return;
    checkpoint_growth(std::stoull(member(map, "previous_size")), static_cast<std::uint64_t>(size), proof_member(map));
  } else if (name == "alert") {
    ++coverage_[frames[0]];
    require(tamper_is_fine || frames[0] != "alert.tamper",
            "alert.tamper where nobody tampered: " + member(map, "message"));
    require(rollback_is_fine || frames[0] != "alert.rollback",
            "alert.rollback where nothing was restored: " + member(map, "message"));
    require(split_is_fine || frames[0] != "alert.split", "alert.split where nothing was restored");
  }
}

void Invariants::checkpoint_growth(std::uint64_t from, std::uint64_t to, const Proof& proof) {
  if (from == 0) return;  // every tree continues the empty one
  require(from <= to && verify_consistency(from, to, root(from), root(to), proof).has_value(),
          "a checkpoint event whose consistency proof does not check");
}

void Invariants::entry_event(EventFeed& feed, std::int64_t sequence, const std::string& entry_hash) {
  require(sequence > feed.entry, "entry events are not in ledger order");
  feed.entry = sequence;
  const auto hash = hash_from_hex(entry_hash);
  require(hash.has_value(), "an entry event without hash");
  one_told(feed, sequence, *hash);
  if (lost_.contains(*hash)) return;
  require(sequence <= std::ssize(leaves_), "an entry event before the entry is durable");
  require(entry_hash == to_hex(leaves_[static_cast<std::size_t>(sequence - 1)]), "an entry event differs from the row");
}

}  // namespace vault::sim
