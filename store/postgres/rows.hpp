// Converts results to the ledger's own types. Stored values may have been tampered with: no hash is taken on trust
// here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ledger/tile.hpp"
#include "ledger/verifier.hpp"
#include "store/postgres/connection.hpp"
#include "store/store.hpp"

namespace vault {

// A value that no digest equals in practice; stands for stored text that is not a hash, so that it compares unequal to
// any.
const Hash& impossible_hash();
Hash hash_or_impossible(std::string_view hex);

// Columns as VAULT_READ_COLUMNS names them; views into `result`.
RowView row_view(const PgResult& result, int row);
Result<Entry> entry_at(const PgResult& result, int row);

// vault_head with its writer_epoch: the first four columns; the fifth, if present, is the last entry's timestamp.
struct HeadRow {
  Head head;
  std::int64_t epoch = 0;
};
HeadRow head_at(const PgResult& result, int row);

StoredCheckpoint checkpoint_at(const PgResult& result, int row);

// Queries that writer and readers share, within whatever transaction is open.
Result<std::string> query_ledger_id(PgConnection& connection);
Result<std::optional<Entry>> query_entry(PgConnection& connection, const PgStatement& statement,
                                         const PgParams& params);

// The first `width` hashes of a tile: from vault_tile if the whole tile is requested, otherwise (and if it is missing)
// from the level below, the rows' entry_hash or the roots of its tiles. Error: not_found if there are fewer.
Result<std::string> query_tile(PgConnection& connection, const TileId& id, unsigned width);

// query_tile() as a TileReader.
class PgTileReader final : public TileReader {
 public:
  explicit PgTileReader(PgConnection& connection) : connection_(connection) {}
  Result<std::string> read_tile(const TileId& id, unsigned width) override {
    return query_tile(connection_, id, width);
  }

 private:
  PgConnection& connection_;
};

}  // namespace vault
