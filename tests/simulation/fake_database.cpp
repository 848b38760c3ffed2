#include "tests/simulation/fake_database.hpp"

#include <algorithm>

namespace vault::sim {

Fault FakeDatabase::draw(const char* call, bool append) {
  const std::string name = std::string("fault.") + call;
  if (down) {
    note("fault.database_down");
    return Fault::before;
  }
  if (quiet || !random_.chance(faults_per_mille)) return Fault::none;
  switch (random_.below(append ? 4 : 2)) {
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

Head FakeDatabase::head_of(std::size_t size) const {
  if (size == 0) return empty_head();
  const Entry& entry = state.entries.at(size - 1);
  return {entry.sequence, entry.entry_hash, entry.merkle_root, entry.timestamp};
}

}  // namespace vault::sim
