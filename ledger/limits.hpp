// Every limit of the format in one place. These are the hard limits; those that an operator may lower live in
// daemon/settings/settings.hpp. Source: docs/ledger-format.md, docs/protocol.md.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vault::limits {

inline constexpr std::size_t name_bytes_max = 256;  // session_id, authority
inline constexpr std::size_t json_depth_max = 64;   // {} is depth 1
inline constexpr std::size_t seal_bytes_default = std::size_t{1} << 20;
inline constexpr std::size_t seal_bytes_max = std::size_t{16} << 20;
// jsonb knows no exponents: it stores 5e-324 as 326 characters, and returns them to every reader. So the numbers of a
// payload, written out in this way, may take at most this many times max_seal_bytes in all.
inline constexpr std::size_t written_out_factor = 4;
inline constexpr std::size_t message_bytes_default = std::size_t{16} << 20;
inline constexpr std::size_t batch_seals_max = 4096;
inline constexpr std::size_t list_limit_max = 1000;
inline constexpr std::size_t list_limit_default = 50;
inline constexpr std::size_t page_bytes_max = std::size_t{4} << 20;
inline constexpr std::size_t scan_rows_max = 100'000;  // rows that a filtered page may scan before it ends short
inline constexpr std::size_t tile_width = 256;
inline constexpr unsigned tile_height = 8;                  // 2^8 = 256
inline constexpr unsigned tile_levels_max = 8;              // 2^64 leaves
inline constexpr std::size_t leaf_data_bytes_max = 65'535;  // a tlog-tiles bundle holds a uint16 length
inline constexpr std::int64_t sequence_max = INT64_MAX;

}  // namespace vault::limits
