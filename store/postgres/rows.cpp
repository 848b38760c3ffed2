#include "store/postgres/rows.hpp"

#include <fmt/format.h>

#include "ledger/limits.hpp"
#include "store/postgres/statements.hpp"

namespace vault {

const Hash& impossible_hash() {
  static const Hash hash = [] {
    Hash all_ones;
    all_ones.fill(0xff);
    return all_ones;
  }();
  return hash;
}

Hash hash_or_impossible(std::string_view hex) {
  return hash_from_hex(hex).value_or(impossible_hash());
}

RowView row_view(const PgResult& result, int row) {
  const auto optional = [&](int column) -> std::optional<std::string_view> {
    if (result.is_null(row, column)) return std::nullopt;
    return result.value(row, column);
  };
  RowView view;
  view.sequence = read_int8(result.value(row, 0));
  view.session_id = result.value(row, 1);
  view.seal_id = result.value(row, 2);
  view.timestamp_micros = read_timestamp(result.value(row, 3)).micros;
  view.authority = result.value(row, 4);
  view.verdict = result.value(row, 5);
  view.seal_data = optional(6);
  if (view.seal_data) view.seal_data->remove_prefix(1);  // the version of jsonb's binary form
  view.data_salt = optional(7);
  view.data_hash = optional(8);
  view.entry_hash = result.value(row, 9);
  view.prev_hash = result.value(row, 10);
  view.merkle_root = result.value(row, 11);
  view.created_at_micros = read_timestamp(result.value(row, 12)).micros;
  return view;
}

Result<Entry> entry_at(const PgResult& result, int row) {
  return entry_from_row(row_view(result, row));
}

HeadRow head_at(const PgResult& result, int row) {
  HeadRow found;
  found.head.sequence = read_int8(result.value(row, 0));
  found.head.entry_hash = hash_or_impossible(result.value(row, 1));
  found.head.merkle_root = hash_or_impossible(result.value(row, 2));
  found.epoch = read_int8(result.value(row, 3));
  return found;
}

StoredCheckpoint checkpoint_at(const PgResult& result, int row) {
  StoredCheckpoint checkpoint;
  checkpoint.origin = result.value(row, 0);
  checkpoint.tree_size = read_int8(result.value(row, 1));
  checkpoint.root = hash_or_impossible(result.value(row, 2));
  checkpoint.note = result.value(row, 3);
  return checkpoint;
}

Result<std::string> query_ledger_id(PgConnection& connection) {
  auto result = connection.execute(sql::ledger_id);
  if (!result) return tl::unexpected(result.error());
  if (result->rows() == 0) return fail(ErrorCode::internal, "vault_meta has no row");
  return std::string(result->value(0, 0));
}

Result<std::optional<Entry>> query_entry(PgConnection& connection, const PgStatement& statement,
                                         const PgParams& params) {
  auto result = connection.execute(statement, params);
  if (!result) return tl::unexpected(result.error());
  if (result->rows() == 0) return std::nullopt;
  auto entry = entry_at(*result, 0);
  if (!entry) return tl::unexpected(entry.error());
  return *std::move(entry);
}

Result<std::string> query_tile(PgConnection& connection, const TileId& id, unsigned width) {
  const auto level = static_cast<std::int32_t>(id.level);
  const auto first = static_cast<std::int64_t>(id.index * limits::tile_width);
  if (width == limits::tile_width) {
    auto stored = connection.execute(sql::full_tile, PgParams().int4(level).int8(static_cast<std::int64_t>(id.index)));
    if (!stored) return tl::unexpected(stored.error());
    if (stored->rows() == 1 && stored->value(0, 0).size() == width * sizeof(Hash)) {
      return std::string(stored->value(0, 0));
    }
  }
  auto parts = id.level == 0
                   ? connection.execute(sql::leaf_hashes, PgParams().int8(first + 1).int8(first + 1 + width))
                   : connection.execute(sql::tile_roots, PgParams().int4(level - 1).int8(first).int8(first + width));
  if (!parts) return tl::unexpected(parts.error());
  if (parts->rows() < static_cast<int>(width)) {
    return fail(ErrorCode::not_found,
                fmt::format("tile {} of level {} has {} hashes, not {}", id.index, id.level, parts->rows(), width));
  }
  std::string hashes;
  hashes.reserve(width * sizeof(Hash));
  for (int i = 0; i < parts->rows(); ++i) {
    const auto value = parts->value(i, 0);
    const auto hash = id.level == 0 ? hash_from_hex(value) : array_from_bytes<32>(value);
    hashes.append(as_view(hash.value_or(impossible_hash())));
  }
  return hashes;
}

}  // namespace vault
