#include "store/postgres_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "store/postgres_promises.hpp"
#include "store/postgres_rows.hpp"
#include "store/postgres_statements.hpp"

namespace vault {

namespace {

// A scan asks for so many rows at a time, and for the next before it reads the last: the server is never idle, nor does
// anybody hold more than a few rows.
constexpr std::int64_t scan_chunk_rows = 1024;

const PgStatement reader_statements[] = {
    sql::commit,         sql::begin_snapshot, sql::head,        sql::entry_by_sequence, sql::entry_by_seal_id,
    sql::rows_ascending, sql::next_sequence,  sql::full_tile,   sql::leaf_hashes,       sql::tile_roots,
    sql::tiles,          sql::identities,     sql::checkpoints, sql::newest_checkpoints, sql::ledger_id,
    sql::in_recovery,
};

// Every question is a range of some index. The planner, which may know nothing of a young table, is told so.
constexpr const char* session_settings =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off;"
    "SET enable_sort = off; SET jit = off; SET max_parallel_workers_per_gather = 0;"
    "SET statement_timeout = '60s'; SET lock_timeout = '5s'; SET default_transaction_read_only = on";

class RowScan {
 public:
  RowScan(PgConnection& connection, std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row)
      : connection_(connection), row_(row), next_(from), to_(to) {}

  Status run() {
    while (going() || in_flight_ > 0) {
      if (connection_.lost()) return fail(ErrorCode::unavailable, connection_.last_error());
      if (in_flight_ == 0 && hole_ && !skip_hole()) return outcome_;
      while (in_flight_ < 2 && going() && !hole_) ask();
      if (in_flight_ > 0) take();
    }
    return outcome_;
  }

 private:
  bool going() const { return wanted_ && outcome_ && !asked_all_ && next_ <= to_; }

  void ask() {
    const std::int64_t last = to_ - next_ < scan_chunk_rows ? to_ : next_ + scan_chunk_rows - 1;
    connection_.send(sql::rows_ascending, PgParams().int8(next_).int8(last).int8(scan_chunk_rows));
    connection_.sync();
    ++in_flight_;
    if (last == to_) {
      asked_all_ = true;  // to_ may be the last of all numbers
    } else {
      next_ = last + 1;
    }
  }

  void take() {
    bool empty = true;
    PgResult result = connection_.stream_next();
    for (; result.single_row(); result = connection_.stream_next()) {
      empty = false;
      if (wanted_) wanted_ = row_(row_view(result, 0));
    }
    if (!result.ok() && !connection_.lost() && outcome_) outcome_ = tl::unexpected(error_of(result));
    if (!connection_.lost()) connection_.receive();
    --in_flight_;
    hole_ = empty;
  }

  // Rows have been deleted: go on at the next that is there, however far. False where there is none.
  bool skip_hole() {
    auto found = connection_.execute(sql::next_sequence, PgParams().int8(next_).int8(to_));
    if (!found) outcome_ = tl::unexpected(found.error());
    if (!found || found->rows() == 0) return false;
    next_ = read_int8(found->value(0, 0));
    hole_ = false;
    return true;
  }

  PgConnection& connection_;
  const std::function<bool(const RowView&)>& row_;
  std::int64_t next_;
  std::int64_t to_;
  int in_flight_ = 0;
  bool wanted_ = true;
  bool hole_ = false;
  bool asked_all_ = false;
  Status outcome_;
};

}  // namespace

std::unique_ptr<ReaderStore> make_postgres_reader(const PostgresOptions& options) {
  return std::make_unique<PostgresReader>(options);
}

Result<std::unique_ptr<Snapshot>> PostgresReader::snapshot() {
  if (!session_ || !session_->connection->probe()) {
    session_.reset();
    std::vector<PgStatement> statements(std::begin(reader_statements), std::end(reader_statements));
    statements.insert(statements.end(), page_statements().begin(), page_statements().end());
    auto opened = PgConnection::open(
        {options_.url, options_.application_name, options_.connect_timeout, std::chrono::milliseconds(90'000)},
        session_settings, statements);
    if (!opened) return tl::unexpected(opened.error());
    session_ = std::make_unique<ReaderSession>();
    session_->connection = *std::move(opened);
  }
  return std::make_unique<PostgresSnapshot>(*session_);
}

PostgresSnapshot::~PostgresSnapshot() {
  if (begun_) session_.connection->execute_and_forget(sql::commit);
}

PgConnection& PostgresSnapshot::begun() {
  if (!begun_) {
    session_.connection->execute_and_forget(sql::begin_snapshot);
    begun_ = true;
  }
  return *session_.connection;
}

Result<Head> PostgresSnapshot::head() {
  auto result = begun().execute(sql::head);
  if (!result) return tl::unexpected(result.error());
  if (result->rows() == 0) return fail(ErrorCode::not_found, "vault_head has no row");
  Head head = head_at(*result, 0).head;
  if (!result->is_null(0, 4)) head.timestamp = read_timestamp(result->value(0, 4));
  return head;
}

Result<std::optional<Entry>> PostgresSnapshot::entry_by_sequence(std::int64_t sequence) {
  return query_entry(begun(), sql::entry_by_sequence, PgParams().int8(sequence));
}

Result<std::optional<Entry>> PostgresSnapshot::entry_by_seal_id(const Uuid& seal_id) {
  return query_entry(begun(), sql::entry_by_seal_id, PgParams().uuid(seal_id));
}

Result<Page> PostgresSnapshot::page(const PageRequest& request) {
  return query_page(begun(), request);
}

Status PostgresSnapshot::scan(std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row) {
  return RowScan(begun(), from, to, row).run();
}

Result<std::vector<Tile>> PostgresSnapshot::tiles(unsigned level, std::uint64_t from, std::uint64_t to) {
  auto result = begun().execute(sql::tiles, PgParams()
                                                .int4(static_cast<std::int32_t>(level))
                                                .int8(static_cast<std::int64_t>(from))
                                                .int8(static_cast<std::int64_t>(to)));
  if (!result) return tl::unexpected(result.error());
  std::vector<Tile> tiles;
  tiles.reserve(static_cast<std::size_t>(result->rows()));
  for (int i = 0; i < result->rows(); ++i) {
    Tile tile;
    tile.id = {level, static_cast<std::uint64_t>(read_int8(result->value(i, 0)))};
    tile.hashes = result->value(i, 1);
    tile.root = array_from_bytes<32>(result->value(i, 2)).value_or(impossible_hash());
    tiles.push_back(std::move(tile));
  }
  return tiles;
}

Result<std::vector<LogIdentity>> PostgresSnapshot::identities() {
  auto identities = query_identities(begun());
  if (!identities) return tl::unexpected(identities.error());
  return std::move(identities->announced);
}

Result<std::vector<StoredCheckpoint>> PostgresSnapshot::checkpoints(std::int64_t from, std::int64_t to,
                                                                    std::size_t limit) {
  const std::int64_t rows = static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX));
  auto result = begun().execute(sql::checkpoints, PgParams().int8(from).int8(to).int8(rows));
  if (!result) return tl::unexpected(result.error());
  std::vector<StoredCheckpoint> checkpoints;
  for (int i = 0; i < result->rows(); ++i) checkpoints.push_back(checkpoint_at(*result, i));
  return checkpoints;
}

Result<std::optional<StoredCheckpoint>> PostgresSnapshot::newest_checkpoint() {
  auto known = identities();
  if (!known) return tl::unexpected(known.error());
  if (known->empty()) return std::nullopt;
  return query_newest_checkpoint(begun(), known->back());
}

Result<std::string> PostgresSnapshot::ledger_id() {
  return query_ledger_id(begun());
}

Result<bool> PostgresSnapshot::is_replica() {
  auto result = begun().execute(sql::in_recovery);
  if (!result) return tl::unexpected(result.error());
  return result->value(0, 0) == std::string_view("\1", 1);
}

Result<std::string> PostgresSnapshot::read_tile(const TileId& id, unsigned width) {
  if (auto known = session_.tiles.find(id, width * sizeof(Hash))) return *std::move(known);
  auto hashes = query_tile(begun(), id, width);
  if (hashes) session_.tiles.put(id, *hashes);
  return hashes;
}

}  // namespace vault
