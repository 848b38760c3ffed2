// Entries and tiles as parameters of the statements that insert them; for the writer and for restoring.
#pragma once

#include <span>

#include "ledger/entry.hpp"
#include "ledger/tile.hpp"
#include "store/postgres_values.hpp"

namespace vault {

// A statement inserts at most so many rows and so many bytes of payload: libpq holds one statement's parameters whole.
inline constexpr std::size_t insert_rows_max = 1024;
inline constexpr std::size_t insert_bytes_max = std::size_t{2} << 20;

// For sql::insert_entries. CHECK: payload and salt come together. `payload_bytes` only saves reallocation.
PgParams entry_params(std::span<const Entry> entries, std::size_t payload_bytes);
// For sql::insert_tiles.
PgParams tile_params(std::span<const Tile> tiles);

}  // namespace vault
