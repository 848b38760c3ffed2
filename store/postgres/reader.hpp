// ReaderStore over one Postgres connection. Pages: page.cpp; the rest: reader.cpp.
#pragma once

#include <memory>

#include "store/postgres/connection.hpp"
#include "store/postgres/scan.hpp"
#include "store/postgres/store.hpp"
#include "store/postgres/tile_cache.hpp"

namespace vault {

// 512 tiles: 4 MiB, and 131,072 leaves below each of the topmost levels' nodes that proofs share.
inline constexpr std::size_t cached_tiles_max = 512;

// A connection with the knowledge that lasts only as long as it does: after a loss, the next connection may lead to a
// server that was restored to another history.
struct ReaderSession {
  std::unique_ptr<PgConnection> connection;
  TileCache tiles{cached_tiles_max};
  ScanPace pace;
};

class PostgresSnapshot final : public Snapshot {
 public:
  // The transaction begins with the first query, in the same round trip.
  explicit PostgresSnapshot(ReaderSession& session) : session_(session) {}
  ~PostgresSnapshot() override;

  Result<Head> head() override;
  Result<std::optional<Entry>> entry_by_sequence(std::int64_t sequence) override;
  Result<std::optional<Entry>> entry_by_seal_id(const Uuid& seal_id) override;
  Result<Page> page(const PageRequest& request) override;
  Status scan(std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row) override;
  Result<std::vector<Tile>> tiles(unsigned level, std::uint64_t from, std::uint64_t to) override;
  Result<std::vector<LogIdentity>> identities() override;
  Result<std::vector<StoredCheckpoint>> checkpoints(std::int64_t from, std::int64_t to, std::size_t limit) override;
  Result<std::optional<StoredCheckpoint>> newest_checkpoint() override;
  Result<std::string> ledger_id() override;
  Result<bool> is_replica() override;
  Result<std::optional<std::int64_t>> database_bytes() override;
  Result<Strays> strays(std::int64_t head) override;
  Result<std::vector<StoredCheckpoint>> checkpoints_beyond(std::int64_t size) override;
  Result<std::vector<StoredCheckpoint>> contradictions() override;
  Result<std::optional<AnnouncementSeen>> announcement() override;
  Result<bool> prepared_open() override;
  Result<std::string> read_tile(const TileId& id, unsigned width) override;

 private:
  // The connection, with the snapshot's transaction begun (in flight, ahead of the next query).
  PgConnection& begun();

  ReaderSession& session_;
  bool begun_ = false;
};

class PostgresReader final : public ReaderStore {
 public:
  explicit PostgresReader(const PostgresOptions& options) : options_(options) {}
  Result<std::unique_ptr<Snapshot>> snapshot() override;
  void rest() override { session_.reset(); }

 private:
  PostgresOptions options_;
  std::unique_ptr<ReaderSession> session_;
};

// Fills a page; within an open transaction.
Result<Page> query_page(PgConnection& connection, const PageRequest& request);
// The statements that query_page() uses.
std::span<const PgStatement> page_statements();

}  // namespace vault
