// Entries and tiles as parameters of the statements that insert them, for the writer and for restoring.
#pragma once

#include <span>

#include "ledger/entry.hpp"
#include "ledger/tile.hpp"
#include "store/postgres/values.hpp"

namespace vault {

// One entry as twelve values, in the order of VAULT_ROW_COLUMNS. VAULT_CHECK: payload and salt come together.
void add_entry(PgParams& params, const Entry& entry);
// Entries as twelve arrays, in the order of VAULT_ROW_COLUMNS. VAULT_CHECK: payload and salt come together.
void add_entries(PgParams& params, std::span<const Entry> entries);
// Tiles as four arrays: level, index, hashes, root.
void add_tiles(PgParams& params, std::span<const Tile> tiles);

}  // namespace vault
