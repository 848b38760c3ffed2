// The baseline's rows in Postgres' binary format: for COPY, and as arrays for unnest(). A batch is encoded once;
// whatever must differ between uses (sequence, seal_id) is overwritten in place. Private to the baseline.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "ledger/entry.hpp"

namespace vault {

inline constexpr std::size_t baseline_columns = 12;  // VAULT_ROW_COLUMNS

// New seal_ids (UUIDv7) at almost no cost: they need not be secret.
class SealIds {
 public:
  void write_next(char* at);  // 16 bytes

 private:
  std::mt19937_64 engine_{std::random_device{}()};
  std::uint64_t drawn_ = 0;
  Timestamp now_;
};

// One row in binary COPY form, and the positions of its sequence and seal_id.
struct RowBytes {
  std::string bytes;
  std::size_t sequence_at = 0;
  std::size_t seal_id_at = 0;

  explicit RowBytes(const Entry& entry);
  void renew(std::int64_t sequence, SealIds& ids);
};

// The fields of a COPY row, used as a statement's binary parameters. `row` must outlive it.
struct RowParameters {
  std::array<const char*, baseline_columns> values{};
  std::array<int, baseline_columns> lengths{}, formats{};

  explicit RowParameters(const RowBytes& row);
};

struct CopyBatch {
  std::string bytes;

  explicit CopyBatch(std::span<const Entry> rows);
  void renew(std::int64_t first_sequence, SealIds& ids);

 private:
  std::vector<std::size_t> sequences_at_, seal_ids_at_;
};

struct ArrayBatch {
  std::array<std::string, baseline_columns> arrays;

  explicit ArrayBatch(std::span<const Entry> rows);
  void renew(std::int64_t first_sequence, SealIds& ids);

 private:
  std::size_t rows_;
};

}  // namespace vault
