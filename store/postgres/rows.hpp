// From results to the ledger's own types. Stored values may have been tampered with: nothing here takes a hash on
// trust.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ledger/tile.hpp"
#include "ledger/verifier.hpp"
#include "store/postgres/connection.hpp"
#include "store/store.hpp"

namespace vault {

// What no digest equals in practice; stands for a stored text that is no hash, so that it compares unequal to any.
const Hash& impossible_hash();
Hash hash_or_impossible(std::string_view hex);

// Columns as VAULT_READ_COLUMNS names them; views into `result`.
RowView row_view(const PgResult& result, int row);
Result<Entry> entry_at(const PgResult& result, int row);

// vault_head with its writer_epoch: the first four columns; the fifth, where there is one, is the last entry's
// timestamp.
struct HeadRow {
  Head head;
  std::int64_t epoch = 0;
};
HeadRow head_at(const PgResult& result, int row);

StoredCheckpoint checkpoint_at(const PgResult& result, int row);

// What writer and readers both ask, within whatever transaction is open.
Result<std::string> query_ledger_id(PgConnection& connection);
Result<std::optional<Entry>> query_entry(PgConnection& connection, const PgStatement& statement,
                                         const PgParams& params);

// The first `width` hashes of a tile: from vault_tile where asked for the whole of it, else (and where that is missing)
// from the level below, the rows' entry_hash or the roots of its tiles. Error: not_found where there are fewer.
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
