#include "tools/bench/baseline_rows.hpp"

#include <algorithm>

#include "os/clock.hpp"
#include "store/postgres/values.hpp"

namespace vault {
namespace {

constexpr std::size_t array_header_bytes = 20;  // PgArray

void write_u64(char* at, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) at[i] = static_cast<char>(value >> (56 - 8 * i));
}

void add_field(std::string& out, std::string_view value) {
  append_u32(out, static_cast<std::uint32_t>(value.size()));
  out.append(value);
}

void add_int8(std::string& out, std::int64_t value) {
  append_u32(out, 8);
  append_u64(out, static_cast<std::uint64_t>(value));
}

}  // namespace

void SealIds::write_next(char* at) {
  if (drawn_++ % 256 == 0) {
    now_.micros = wall_clock_micros();
  }
  std::array<char, 16> bytes;
  write_u64(bytes.data(), engine_());
  write_u64(bytes.data() + 8, engine_());
  std::array<std::uint8_t, 16> random;
  std::copy(bytes.begin(), bytes.end(), random.begin());
  const Uuid id = make_uuid_v7(now_, random);
  std::copy(id.bytes.begin(), id.bytes.end(), at);
}

RowBytes::RowBytes(const Entry& entry) {
  append_u16(bytes, baseline_columns);
  sequence_at = bytes.size() + 4;
  add_int8(bytes, entry.sequence);
  add_field(bytes, entry.session_id);
  seal_id_at = bytes.size() + 4;
  add_field(bytes, as_view(entry.seal_id.bytes));
  add_int8(bytes, entry.timestamp.micros - postgres_epoch_micros);
  add_field(bytes, entry.authority);
  add_field(bytes, verdict_name(entry.verdict));
  add_field(bytes, "\x01" + entry.seal_data.value());  // jsonb's version
  add_field(bytes, as_view(entry.data_salt.value()));
  append_u32(bytes, UINT32_MAX);  // data_hash: null
  for (const Hash* hash : {&entry.entry_hash, &entry.prev_hash, &entry.merkle_root}) add_field(bytes, to_hex(*hash));
}

void RowBytes::renew(std::int64_t sequence, SealIds& ids) {
  write_u64(bytes.data() + sequence_at, static_cast<std::uint64_t>(sequence));
  ids.write_next(bytes.data() + seal_id_at);
}

RowParameters::RowParameters(const RowBytes& row) {
  formats.fill(1);
  std::size_t at = 2;
  for (std::size_t i = 0; i < baseline_columns; ++i) {
    std::uint32_t length = 0;
    for (int byte = 0; byte < 4; ++byte) length = length << 8 | static_cast<std::uint8_t>(row.bytes[at++]);
    if (length == UINT32_MAX) continue;
    values[i] = row.bytes.data() + at;
    lengths[i] = static_cast<int>(length);
    at += length;
  }
}

CopyBatch::CopyBatch(std::span<const Entry> rows) {
  bytes.assign("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
  for (const Entry& entry : rows) {
    const RowBytes row(entry);
    sequences_at_.push_back(bytes.size() + row.sequence_at);
    seal_ids_at_.push_back(bytes.size() + row.seal_id_at);
    bytes += row.bytes;
  }
  append_u16(bytes, UINT16_MAX);
}

void CopyBatch::renew(std::int64_t first_sequence, SealIds& ids) {
  for (std::size_t i = 0; i < sequences_at_.size(); ++i) {
    write_u64(bytes.data() + sequences_at_[i], static_cast<std::uint64_t>(first_sequence) + i);
    ids.write_next(bytes.data() + seal_ids_at_[i]);
  }
}

ArrayBatch::ArrayBatch(std::span<const Entry> rows) : rows_(rows.size()) {
  PgArray sequence(PgType::int8), session(PgType::text), seal_id(PgType::uuid), timestamp(PgType::timestamptz);
  PgArray authority(PgType::text), verdict(PgType::text), seal_data(PgType::jsonb), data_salt(PgType::bytea);
  PgArray data_hash(PgType::text), entry_hash(PgType::text), prev_hash(PgType::text), merkle_root(PgType::text);
  for (const Entry& entry : rows) {
    sequence.add_int8(entry.sequence);
    session.add_bytes(entry.session_id);
    seal_id.add_bytes(as_view(entry.seal_id.bytes));
    timestamp.add_timestamp(entry.timestamp);
    authority.add_bytes(entry.authority);
    verdict.add_bytes(verdict_name(entry.verdict));
    seal_data.add_jsonb(entry.seal_data.value());
    data_salt.add_bytes(as_view(entry.data_salt.value()));
    data_hash.add_null();
    entry_hash.add_hex(as_view(entry.entry_hash));
    prev_hash.add_hex(as_view(entry.prev_hash));
    merkle_root.add_hex(as_view(entry.merkle_root));
  }
  std::size_t i = 0;
  for (PgArray* array : {&sequence, &session, &seal_id, &timestamp, &authority, &verdict, &seal_data, &data_salt,
                         &data_hash, &entry_hash, &prev_hash, &merkle_root}) {
    arrays[i++] = array->take();
  }
}

void ArrayBatch::renew(std::int64_t first_sequence, SealIds& ids) {
  for (std::size_t i = 0; i < rows_; ++i) {
    write_u64(arrays[0].data() + array_header_bytes + i * 12 + 4, static_cast<std::uint64_t>(first_sequence) + i);
    ids.write_next(arrays[2].data() + array_header_bytes + i * 20 + 4);
  }
}

}  // namespace vault
