#include "store/postgres/inserts.hpp"

#include "ledger/check.hpp"

namespace vault {

void add_entry(PgParams& params, const Entry& entry) {
  VAULT_CHECK(entry.seal_data.has_value() == entry.data_salt.has_value());
  params.int8(entry.sequence).text(entry.session_id).uuid(entry.seal_id).timestamp(entry.timestamp);
  params.text(entry.authority).text(verdict_name(entry.verdict));
  if (entry.seal_data) {
    params.jsonb(*entry.seal_data).bytea(as_view(*entry.data_salt)).null();
  } else {
    params.null().null().hex(as_view(entry.data_hash));
  }
  params.hex(as_view(entry.entry_hash)).hex(as_view(entry.prev_hash)).hex(as_view(entry.merkle_root));
}

void add_entries(PgParams& params, std::span<const Entry> entries) {
  const std::size_t n = entries.size();
  std::size_t payload_bytes = 0;
  for (const Entry& entry : entries) payload_bytes += entry.seal_data ? entry.seal_data->size() : 0;
  PgArray sequence(PgType::int8, n * 12), session(PgType::text, n * 40), seal_id(PgType::uuid, n * 20);
  PgArray timestamp(PgType::timestamptz, n * 12), authority(PgType::text, n * 24), verdict(PgType::text, n * 12);
  PgArray seal_data(PgType::jsonb, payload_bytes + n * 5), data_salt(PgType::bytea, n * 20);
  PgArray data_hash(PgType::text, n * 4);
  PgArray entry_hash(PgType::text, n * 68), prev_hash(PgType::text, n * 68), merkle_root(PgType::text, n * 68);
  for (const Entry& entry : entries) {
    VAULT_CHECK(entry.seal_data.has_value() == entry.data_salt.has_value());
    sequence.add_int8(entry.sequence);
    session.add_bytes(entry.session_id);
    seal_id.add_bytes(as_view(entry.seal_id.bytes));
    timestamp.add_timestamp(entry.timestamp);
    authority.add_bytes(entry.authority);
    verdict.add_bytes(verdict_name(entry.verdict));
    if (entry.seal_data) {
      seal_data.add_jsonb(*entry.seal_data);
      data_salt.add_bytes(as_view(*entry.data_salt));
      data_hash.add_null();
    } else {
      seal_data.add_null();
      data_salt.add_null();
      data_hash.add_hex(as_view(entry.data_hash));
    }
    entry_hash.add_hex(as_view(entry.entry_hash));
    prev_hash.add_hex(as_view(entry.prev_hash));
    merkle_root.add_hex(as_view(entry.merkle_root));
  }
  for (PgArray* array : {&sequence, &session, &seal_id, &timestamp, &authority, &verdict, &seal_data, &data_salt,
                         &data_hash, &entry_hash, &prev_hash, &merkle_root}) {
    params.array(std::move(*array));
  }
}

void add_tiles(PgParams& params, std::span<const Tile> tiles) {
  PgArray level(PgType::int4), index(PgType::int8), root(PgType::bytea);
  PgArray hashes(PgType::bytea, tiles.size() * 8196);
  for (const Tile& tile : tiles) {
    level.add_int4(static_cast<std::int32_t>(tile.id.level));
    index.add_int8(static_cast<std::int64_t>(tile.id.index));
    hashes.add_bytes(tile.hashes);
    root.add_bytes(as_view(tile.root));
  }
  for (PgArray* array : {&level, &index, &hashes, &root}) params.array(std::move(*array));
}

}  // namespace vault
