#include "store/postgres/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "store/postgres/promises.hpp"
#include "store/postgres/rows.hpp"
#include "store/postgres/statements.hpp"

namespace vault {

namespace {

const PgStatement reader_statements[] = {
    sql::commit,         sql::begin_snapshot,     sql::head,           sql::entry_by_sequence,  sql::entry_by_seal_id,
    sql::rows_ascending, sql::next_sequence,      sql::full_tile,      sql::leaf_hashes,        sql::tile_roots,
    sql::tiles,          sql::identities,         sql::checkpoints,    sql::newest_checkpoints, sql::ledger_id,
    sql::strays,         sql::checkpoints_beyond, sql::contradictions, sql::announcement,       sql::prepared_open,
    sql::in_recovery,    sql::database_bytes,     sql::savepoint_scan, sql::release_scan,       sql::rollback_to_scan,
};

// Every query is a range of some index. The planner may know nothing about a young table, so the settings make it use
// indexes.
constexpr const char* session_settings =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off;"
    "SET enable_sort = off; SET jit = off; SET max_parallel_workers_per_gather = 0;"
    "SET lock_timeout = '5s'; SET default_transaction_read_only = on";

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
        {options_.url, options_.application_name, options_.connect_timeout,
         options_.statement_timeout + std::chrono::seconds(30), options_.schema},
        fmt::format("{}; SET statement_timeout = {}", session_settings, options_.statement_timeout.count()),
        statements);
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
  return scan_rows(begun(), session_.pace, from, to, row);
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

Result<std::optional<std::int64_t>> PostgresSnapshot::database_bytes() {
  auto result = begun().execute(sql::database_bytes);
  if (!result) return tl::unexpected(result.error());
  return std::optional(read_int8(result->value(0, 0)));
}

Result<Strays> PostgresSnapshot::strays(std::int64_t head) {
  auto result = begun().execute(sql::strays, PgParams().int8(head));
  if (!result) return tl::unexpected(result.error());
  const auto number = [&](int column) -> std::optional<std::int64_t> {
    if (result->is_null(0, column)) return std::nullopt;
    return read_int8(result->value(0, column));
  };
  Strays found;
  found.row_below = number(0);
  found.row_beyond = number(1);
  if (const auto level = number(2)) found.tile = {*level, number(3).value_or(0)};
  found.head_rows = number(4).value_or(0);
  found.row_last = number(5).value_or(0);
  return found;
}

Result<std::vector<StoredCheckpoint>> PostgresSnapshot::checkpoints_beyond(std::int64_t size) {
  auto result = begun().execute(sql::checkpoints_beyond, PgParams().int8(size));
  if (!result) return tl::unexpected(result.error());
  std::vector<StoredCheckpoint> checkpoints;
  for (int i = 0; i < result->rows(); ++i) checkpoints.push_back(checkpoint_at(*result, i));
  return checkpoints;
}

Result<std::vector<StoredCheckpoint>> PostgresSnapshot::contradictions() {
  auto result = begun().execute(sql::contradictions, PgParams().int8(sql::contradictions_read_max));
  if (!result) return tl::unexpected(result.error());
  std::vector<StoredCheckpoint> reported;
  for (int i = 0; i < result->rows(); ++i) reported.push_back(checkpoint_at(*result, i));
  return reported;
}

Result<std::optional<AnnouncementSeen>> PostgresSnapshot::announcement() {
  return query_announcement(begun());
}

Result<bool> PostgresSnapshot::prepared_open() {
  auto result = begun().execute(sql::prepared_open);
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
