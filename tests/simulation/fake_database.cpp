#include "tests/simulation/fake_database.hpp"

#include <algorithm>
#include <utility>

#include "ledger/announcement.hpp"
#include "ledger/reserved_names.hpp"

namespace vault::sim {
namespace {

// For the writers' sessions.
constexpr Micros lock_timeout = 3 * second;

}  // namespace

Fault FakeDatabase::draw(const char* call, bool transaction) {
  const std::string name = std::string("fault.") + call;
  if (down) {
    note("fault.database_down");
    return Fault::before;
  }
  if (now < cancelled_until && !quiet && random_.chance(500)) {
    note(name + ".cancelled");
    return Fault::cancelled;
  }
  if (quiet || !random_.chance(faults_per_mille)) return Fault::none;
  switch (random_.below(transaction ? 4 : 2)) {
    case 0:
      note(name + ".before");
      return Fault::before;
    case 1:
      note(name + ".after");
      return Fault::after;
    case 2:
      note(name + ".under_way");
      return Fault::under_way;
    default:
      note(name + ".rolled_back");
      return Fault::rolled_back;
  }
}

Micros FakeDatabase::draw_stall() {
  if (quiet || !random_.chance(faults_per_mille)) return static_cast<Micros>(random_.below(3 * millisecond));
  note("fault.stall");
  return random_.between(50 * millisecond, random_.chance(200) ? 8 * second : second);
}

bool FakeDatabase::lock_head(Micros& stall) {
  if (!lost) return true;
  note("fault.lock_wait");
  if (random_.chance(600)) {
    stall += random_.between(0, 2 * second);
    end_lost_transaction();
    return true;
  }
  note("fault.lock_timeout");
  stall += random_.between(second, 3 * second);
  return false;
}

bool FakeDatabase::lock_lease(Micros& stall) {
  if (storing.empty() || breakage == Breakage::no_lease_fence) return true;
  note("fault.lease_wait");
  Micros last = now;
  for (const CheckpointTransaction& transaction : storing) last = std::max(last, transaction.ends_at);
  stall += std::min(last - now, lock_timeout);
  end_storing(now + lock_timeout);
  if (storing.empty()) return true;
  note("fault.lease_timeout");
  return false;
}

void FakeDatabase::commit(const AppendRequest& request) {
  for (const Entry& entry : request.batch.entries) {
    state.index_by_seal_id.emplace(entry.seal_id, state.entries.size());
    state.entries.push_back(entry);
  }
  for (const Tile& tile : request.batch.tiles) state.tiles.emplace(tile.id, tile);
  state.head = request.next;
  if (on_commit) on_commit(request.batch);
}

void FakeDatabase::end_lost_transaction() {
  LostTransaction transaction = std::move(*lost);
  lost.reset();
  note(transaction.commits ? "lost_transaction.committed" : "lost_transaction.rolled_back");
  if (transaction.commits) commit(transaction.request);
}

void FakeDatabase::end_storing(Micros until) {
  const auto first_left = std::stable_partition(storing.begin(), storing.end(),
                                                [&](const auto& transaction) { return transaction.ends_at <= until; });
  std::vector<CheckpointTransaction> ended(std::move_iterator(storing.begin()), std::move_iterator(first_left));
  storing.erase(storing.begin(), first_left);
  for (const CheckpointTransaction& transaction : ended) {
    note(transaction.commits ? "storing.committed" : "storing.rolled_back");
    if (transaction.commits) keep_checkpoint(transaction.epoch, transaction.checkpoint, transaction.identity);
  }
}

void FakeDatabase::end_due_transactions() {
  if (lost && lost->ends_at <= now) end_lost_transaction();
  end_storing(now);
}

Micros FakeDatabase::next_end() const {
  Micros next = lost ? lost->ends_at : std::numeric_limits<Micros>::max();
  for (const CheckpointTransaction& transaction : storing) next = std::min(next, transaction.ends_at);
  return next;
}

// --- Checkpoints -----------------------------------------------------------------------------------------------------

Status FakeDatabase::check_identity(const LogIdentity& identity) const {
  const auto known = std::find_if(state.identities.begin(), state.identities.end(),
                                  [&](const LogIdentity& other) { return other.origin == identity.origin; });
  if (known == state.identities.end() || (known->vkey == identity.vkey && known + 1 == state.identities.end())) {
    return {};
  }
  return vault::fail(ErrorCode::invalid_argument, "this log identity is not the ledger's");
}

void FakeDatabase::keep_checkpoint(std::int64_t epoch, const StoredCheckpoint& checkpoint,
                                   const LogIdentity& identity) {
  on_checkpoint(epoch, checkpoint);
  const bool known = std::any_of(state.identities.begin(), state.identities.end(),
                                 [&](const LogIdentity& other) { return other.origin == identity.origin; });
  if (!known) state.identities.push_back(identity);
  for (const StoredCheckpoint& stored : state.checkpoints) {
    if (stored.origin != checkpoint.origin || stored.tree_size != checkpoint.tree_size) continue;
    require(stored.root == checkpoint.root, "a checkpoint of this size with another root is in the database already");
    return;
  }
  state.checkpoints.push_back(checkpoint);
  note("checkpoint.stored");
}

std::optional<StoredCheckpoint> FakeDatabase::newest_checkpoint() const {
  return promises().newest;
}

Promises FakeDatabase::promises() const {
  Promises promises;
  for (const LogIdentity& identity : state.identities) {
    const auto accepted = static_cast<std::size_t>(identity.accepted_sequence);
    const bool announced =
        promises.identities.empty() || identity.accepted_sequence == 0 ||
        (accepted < state.entries.size() && is_announcement_of(state.entries[accepted].seal_id, identity.origin));
    if (announced) promises.identities.push_back(identity);
    if (!announced) promises.unannounced.push_back(identity.origin);
  }
  std::optional<StoredCheckpoint>& newest = promises.newest;
  for (const StoredCheckpoint& kept : state.checkpoints) {
    if (kept.origin != promises.identities.back().origin) continue;
    if (!newest || kept.tree_size > newest->tree_size) newest = kept;
  }
  for (const StoredCheckpoint& told : state.contradictions) {
    promises.contradictions.push_back(told);
  }
  promises.contradiction_rows = std::ssize(state.contradictions);
  for (const Entry& entry : state.entries) {
    if (entry.session_id != rollback_session) continue;
    promises.announcement = AnnouncementSeen{entry.sequence, entry.seal_id, {}};
    const std::string member = "\"root\":\"";
    for (auto at = entry.seal_data->find(member); at != std::string::npos; at = entry.seal_data->find(member, at + 1)) {
      const auto root = hash_from_hex(entry.seal_data->substr(at + member.size(), 64));
      if (root) promises.announcement->given_up.push_back(*root);
    }
  }
  return promises;
}

void FakeDatabase::fail_over(DatabaseState to) {
  note("fault.fail_over");
  state = std::move(to);
  lost.reset();
  storing.clear();
  ++server;
}

Head FakeDatabase::head_of(std::size_t size) const {
  if (size == 0) return empty_head();
  const Entry& entry = state.entries.at(size - 1);
  return {entry.sequence, entry.entry_hash, entry.merkle_root, entry.timestamp};
}

}  // namespace vault::sim
