// Values sent to and received from Postgres in its binary format, both scalars and one-dimensional arrays. Everything
// that a statement depends on is passed this way: nothing is ever spliced into SQL text.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/timestamp.hpp"
#include "ledger/uuid.hpp"

namespace vault {

// Types by their numbers in pg_type.dat; arrays carry the number of their elements' type.
enum class PgType : std::uint32_t {
  bytea = 17,
  int8 = 20,
  int4 = 23,
  text = 25,
  timestamptz = 1184,
  uuid = 2950,
  jsonb = 3802
};

// Postgres counts microseconds from 2000-01-01, the ledger from 1970-01-01.
inline constexpr std::int64_t postgres_epoch_micros = 946'684'800'000'000;

// A one-dimensional array under construction.
class PgArray {
 public:
  // `bytes_expected` only saves reallocation.
  explicit PgArray(PgType element, std::size_t bytes_expected = 0);

  void add_null();
  void add_int4(std::int32_t value);
  void add_int8(std::int64_t value);
  void add_timestamp(Timestamp value);
  void add_bytes(std::string_view value);  // text, bytea, uuid
  void add_hex(std::string_view bytes);    // text: the bytes' lower-case hex
  void add_jsonb(std::string_view text);
  // The finished value; the array is used up.
  std::string take();

 private:
  void add_size(std::size_t size);
  std::string buffer_;
  std::uint32_t count_ = 0;
  bool has_null_ = false;
};

// The parameters of one execution, in order.
class PgParams {
 public:
  PgParams& int4(std::int32_t value);
  PgParams& int8(std::int64_t value);
  PgParams& timestamp(Timestamp value);
  PgParams& text(std::string_view value);
  PgParams& bytea(std::string_view value);
  PgParams& jsonb(std::string_view text);
  PgParams& hex(std::string_view bytes);
  PgParams& uuid(const Uuid& value);
  PgParams& null();
  PgParams& array(PgArray&& value);
  PgParams& optional_text(const std::optional<std::string>& value) { return value ? text(*value) : null(); }

  int size() const { return static_cast<int>(pointers_.size()); }
  const char* const* pointers() const { return pointers_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  PgParams& add(std::string value);
  std::deque<std::string> values_;  // a deque, so that pointers into it stay valid
  std::vector<const char*> pointers_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

// Reading: CHECKs the width, which the statement's own casts determine.
std::int32_t read_int4(std::string_view value);
std::int64_t read_int8(std::string_view value);
Timestamp read_timestamp(std::string_view value);  // infinities stay as they are: the ends of 64 bits, shifted
// Elements of a bigint[] without nulls.
std::vector<std::int64_t> read_int8_array(std::string_view value);

}  // namespace vault
