#include "store/postgres/values.hpp"

#include <limits>

#include "ledger/bytes.hpp"
#include "ledger/check.hpp"

namespace vault {

namespace {

// Array header: dimensions, null flag, element type, then length and lower bound of the one dimension.
constexpr std::size_t header_bytes = 20;
constexpr char jsonb_version = '\x01';  // of jsonb's binary form; the text follows

std::uint32_t read_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

std::uint64_t read_u64(std::string_view bytes) {
  return std::uint64_t{read_u32(bytes)} << 32 | read_u32(bytes.substr(4));
}

void write_u32(std::string& out, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) out[at + i] = static_cast<char>(value >> (24 - 8 * i));
}

std::int64_t to_postgres_micros(Timestamp value) {
  return value.micros - postgres_epoch_micros;
}

}  // namespace

PgArray::PgArray(PgType element, std::size_t bytes_expected) {
  buffer_.reserve(header_bytes + bytes_expected);
  append_u32(buffer_, 1);
  append_u32(buffer_, 0);
  append_u32(buffer_, static_cast<std::uint32_t>(element));
  append_u32(buffer_, 0);
  append_u32(buffer_, 1);
}

void PgArray::add_size(std::size_t size) {
  VAULT_CHECK(size <= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()));
  append_u32(buffer_, static_cast<std::uint32_t>(size));
  ++count_;
}

void PgArray::add_null() {
  append_u32(buffer_, std::numeric_limits<std::uint32_t>::max());
  ++count_;
  has_null_ = true;
}

void PgArray::add_int4(std::int32_t value) {
  add_size(4);
  append_u32(buffer_, static_cast<std::uint32_t>(value));
}

void PgArray::add_int8(std::int64_t value) {
  add_size(8);
  append_u64(buffer_, static_cast<std::uint64_t>(value));
}

void PgArray::add_timestamp(Timestamp value) {
  add_int8(to_postgres_micros(value));
}

void PgArray::add_bytes(std::string_view value) {
  add_size(value.size());
  buffer_.append(value);
}

void PgArray::add_hex(std::string_view bytes) {
  add_size(2 * bytes.size());
  const std::size_t at = buffer_.size();
  buffer_.resize(at + 2 * bytes.size());
  write_hex(bytes, buffer_.data() + at);
}

void PgArray::add_jsonb(std::string_view text) {
  add_size(text.size() + 1);
  buffer_.push_back(jsonb_version);
  buffer_.append(text);
}

std::string PgArray::take() {
  write_u32(buffer_, 4, has_null_ ? 1 : 0);
  write_u32(buffer_, 12, count_);
  return std::move(buffer_);
}

PgParams& PgParams::add(std::string value) {
  VAULT_CHECK(value.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  values_.push_back(std::move(value));
  pointers_.push_back(values_.back().data());
  lengths_.push_back(static_cast<int>(values_.back().size()));
  formats_.push_back(1);
  return *this;
}

PgParams& PgParams::int4(std::int32_t value) {
  std::string bytes;
  append_u32(bytes, static_cast<std::uint32_t>(value));
  return add(std::move(bytes));
}

PgParams& PgParams::int8(std::int64_t value) {
  std::string bytes;
  append_u64(bytes, static_cast<std::uint64_t>(value));
  return add(std::move(bytes));
}

PgParams& PgParams::timestamp(Timestamp value) {
  return int8(to_postgres_micros(value));
}
PgParams& PgParams::text(std::string_view value) {
  return add(std::string(value));
}
PgParams& PgParams::bytea(std::string_view value) {
  return add(std::string(value));
}
PgParams& PgParams::jsonb(std::string_view text) {
  std::string value;
  value.reserve(text.size() + 1);
  value += jsonb_version;
  return add(std::move(value.append(text)));
}
PgParams& PgParams::hex(std::string_view bytes) {
  return add(to_hex(bytes));
}
PgParams& PgParams::uuid(const Uuid& value) {
  return add(std::string(as_view(value.bytes)));
}
PgParams& PgParams::array(PgArray&& value) {
  return add(value.take());
}

PgParams& PgParams::null() {
  pointers_.push_back(nullptr);
  lengths_.push_back(0);
  formats_.push_back(1);
  return *this;
}

std::int32_t read_int4(std::string_view value) {
  VAULT_CHECK(value.size() == 4);
  return static_cast<std::int32_t>(read_u32(value));
}

std::int64_t read_int8(std::string_view value) {
  VAULT_CHECK(value.size() == 8);
  return static_cast<std::int64_t>(read_u64(value));
}

Timestamp read_timestamp(std::string_view value) {
  const std::int64_t micros = read_int8(value);
  const bool overflows = micros > std::numeric_limits<std::int64_t>::max() - postgres_epoch_micros;
  return {overflows ? std::numeric_limits<std::int64_t>::max() : micros + postgres_epoch_micros};
}

std::vector<std::int64_t> read_int8_array(std::string_view value) {
  VAULT_CHECK(value.size() >= 12);
  std::vector<std::int64_t> elements;
  if (read_u32(value) == 0) return elements;  // no dimension: empty
  VAULT_CHECK(value.size() >= header_bytes);
  const std::size_t count = read_u32(value.substr(12));
  VAULT_CHECK(value.size() == header_bytes + 12 * count);
  elements.reserve(count);
  for (std::size_t i = 0; i < count; ++i) elements.push_back(read_int8(value.substr(header_bytes + 12 * i + 4, 8)));
  return elements;
}

}  // namespace vault
