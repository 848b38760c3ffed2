#include <algorithm>
#include <utility>

#include "tests/simulation/fake_store.hpp"

namespace vault::sim {
namespace {

// Handlers run one at a time, so the database stands still as long as a snapshot lives.
class FakeSnapshot final : public Snapshot {
 public:
  explicit FakeSnapshot(FakeDatabase& database) : database_(database), state_(database.state) {}

  Result<Head> head() override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    return database_.head_of(state_.entries.size());
  }

  Result<std::optional<Entry>> entry_by_sequence(std::int64_t sequence) override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    if (sequence < 1 || sequence > std::ssize(state_.entries)) return std::optional<Entry>();
    return std::optional<Entry>(state_.entries[static_cast<std::size_t>(sequence - 1)]);
  }

  Result<std::optional<Entry>> entry_by_seal_id(const Uuid& seal_id) override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    const auto found = state_.index_by_seal_id.find(seal_id);
    if (found == state_.index_by_seal_id.end()) return std::optional<Entry>();
    return std::optional<Entry>(state_.entries[found->second]);
  }

  Result<Page> page(const PageRequest& request) override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    Page out;
    const bool ascending = request.order == Order::ascending;
    const std::int64_t count = std::ssize(state_.entries);
    std::int64_t at = ascending ? request.cursor.value_or(0) + 1 : request.cursor.value_or(count + 1) - 1;
    for (; at >= 1 && at <= count; at += ascending ? 1 : -1) {
      const Entry& entry = state_.entries[static_cast<std::size_t>(at - 1)];
      if (!matches(entry, request)) continue;
      if (out.entries.size() == request.limit) {
        out.next_cursor = out.entries.back().sequence;
        break;
      }
      out.entries.push_back(entry);
    }
    return out;
  }

  Status scan(std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row) override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    for (std::int64_t at = std::max<std::int64_t>(from, 1); at <= std::min(to, std::ssize(state_.entries)); ++at) {
      const Entry& entry = state_.entries[static_cast<std::size_t>(at - 1)];
      const std::string entry_hash = to_hex(entry.entry_hash);
      const std::string prev_hash = to_hex(entry.prev_hash);
      const std::string merkle_root = to_hex(entry.merkle_root);
      RowView view;
      view.sequence = entry.sequence;
      view.session_id = entry.session_id;
      view.seal_id = as_view(entry.seal_id.bytes);
      view.timestamp_micros = entry.timestamp.micros;
      view.authority = entry.authority;
      view.verdict = verdict_name(entry.verdict);
      view.seal_data = *entry.seal_data;
      view.data_salt = as_view(*entry.data_salt);
      view.entry_hash = entry_hash;
      view.prev_hash = prev_hash;
      view.merkle_root = merkle_root;
      if (!row(view)) break;
    }
    return {};
  }

  Result<std::vector<Tile>> tiles(unsigned level, std::uint64_t from, std::uint64_t to) override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    std::vector<Tile> out;
    for (auto tile = state_.tiles.lower_bound({level, from}); tile != state_.tiles.end(); ++tile) {
      if (tile->first.level != level || tile->first.index >= to) break;
      out.push_back(tile->second);
    }
    return out;
  }

  Result<std::vector<LogIdentity>> identities() override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    return database_.promises().identities;
  }

  Result<std::vector<StoredCheckpoint>> checkpoints(std::int64_t from, std::int64_t to, std::size_t limit) override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    std::vector<StoredCheckpoint> out;
    for (const StoredCheckpoint& kept : state_.checkpoints) {
      if (kept.tree_size >= from && kept.tree_size <= to) out.push_back(kept);
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.tree_size < b.tree_size; });
    if (out.size() > limit) out.resize(limit);
    return out;
  }

  Result<std::optional<StoredCheckpoint>> newest_checkpoint() override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    return database_.newest_checkpoint();
  }

  Result<std::string> ledger_id() override { return database_.ledger_id; }

  Result<Strays> strays(std::int64_t head) override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    Strays out;
    if (std::ssize(state_.entries) > head) out.row_beyond = head + 1;
    out.row_last = std::min(std::ssize(state_.entries), head);
    for (const auto& [id, tile] : state_.tiles) {
      if (id.index < full_tiles(static_cast<std::uint64_t>(head), id.level)) continue;
      out.tile = {id.level, static_cast<std::int64_t>(id.index)};
      break;
    }
    return out;
  }

  Result<std::vector<StoredCheckpoint>> checkpoints_beyond(std::int64_t size) override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    std::map<std::string, StoredCheckpoint> first;
    for (const StoredCheckpoint& kept : state_.checkpoints) {
      if (kept.tree_size <= size) continue;
      const auto [at, is_new] = first.try_emplace(kept.origin, kept);
      if (!is_new && kept.tree_size < at->second.tree_size) at->second = kept;
    }
    std::vector<StoredCheckpoint> out;
    for (const auto& [origin, kept] : first) out.push_back(kept);
    return out;
  }

  // Level 0 out of the rows, as long as the tile is not finished; above it roots of finished tiles.
  Result<std::string> read_tile(const TileId& id, unsigned width) override {
    if (auto away = maybe_lost()) return tl::unexpected(*away);
    if (const auto full = state_.tiles.find(id); full != state_.tiles.end()) {
      return full->second.hashes.substr(0, std::size_t{32} * width);
    }
    std::string out;
    for (std::uint64_t i = id.index * limits::tile_width; i < id.index * limits::tile_width + width; ++i) {
      if (id.level == 0) {
        if (i >= state_.entries.size()) return vault::fail(ErrorCode::not_found, "the tree is smaller");
        out += as_view(state_.entries[i].entry_hash);
      } else {
        const auto below = state_.tiles.find({id.level - 1, i});
        if (below == state_.tiles.end()) return vault::fail(ErrorCode::not_found, "the tree is smaller");
        out += as_view(below->second.root);
      }
    }
    return out;
  }

 private:
  static bool matches(const Entry& entry, const PageRequest& request) {
    return (!request.session_id || entry.session_id == *request.session_id) &&
           (!request.authority || entry.authority == *request.authority) &&
           (!request.verdict || entry.verdict == *request.verdict) &&
           (!request.from || entry.timestamp >= *request.from) && (!request.to || entry.timestamp < *request.to);
  }

  std::optional<Error> maybe_lost() {
    if (database_.quiet || !database_.random().chance(database_.faults_per_mille / 4)) return std::nullopt;
    database_.note("fault.reader");
    return Error{ErrorCode::unavailable, "database: connection lost", {}};
  }

  FakeDatabase& database_;
  const DatabaseState& state_;
};

}  // namespace

Result<std::unique_ptr<Snapshot>> FakeReaderStore::snapshot() {
  connected_ = !life_.dead && !database_.down;
  if (!connected_) return vault::fail(ErrorCode::unavailable, "database: cannot connect");
  return std::make_unique<FakeSnapshot>(database_);
}

void FakeReaderStore::rest() {
  if (std::exchange(connected_, false)) database_.note("reader.rests");
}

Result<LedgerState> load_state(FakeDatabase& database) {
  const bool quiet = std::exchange(database.quiet, true);
  FakeSnapshot snapshot(database);
  LedgerState state;
  state.head = database.head_of(database.state.entries.size());
  auto edge = load_edge(snapshot, static_cast<std::uint64_t>(state.head.sequence));
  database.quiet = quiet;
  if (!edge) return tl::unexpected(edge.error());
  state.edge = std::move(*edge);
  require(state.edge.root() == state.head.merkle_root, "the tiles and rows stored do not lead to the head");
  return state;
}

Result<TreeView> read_tree(FakeDatabase& database, const TreeRequest& request) {
  const bool quiet = std::exchange(database.quiet, true);
  FakeSnapshot snapshot(database);
  TreeView view;
  Status outcome;
  for (const std::uint64_t size : request.sizes) {
    auto edge = load_edge(snapshot, size);
    if (!edge) outcome = tl::unexpected(edge.error());
    view.roots.push_back(edge ? edge->root() : Hash{});
  }
  auto edge = load_edge(snapshot, request.from);
  if (edge) view.frontier = edge->frontier();
  for (std::uint64_t at = request.from; at < request.to && at < database.state.entries.size(); ++at) {
    view.leaves.push_back(database.state.entries[at].entry_hash);
  }
  database.quiet = quiet;
  if (!edge || !outcome) return vault::fail(ErrorCode::internal, "the ledger is smaller than it was");
  return view;
}

}  // namespace vault::sim
