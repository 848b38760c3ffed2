// What whoever writes an archive and whoever checks it both know of it: names, sizes, and how often progress is told.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "ledger/bytes.hpp"
#include "ledger/limits.hpp"

namespace vault {

inline constexpr std::chrono::milliseconds archive_progress_interval{100};  // progress is told so often at most
inline constexpr const char* archive_checkpoint_name = "checkpoint";
inline constexpr std::size_t archive_checkpoint_bytes_max = std::size_t{1} << 20;
inline constexpr std::uint64_t archive_tile_width = limits::tile_width;
inline constexpr std::size_t archive_tile_bytes = limits::tile_width * sizeof(Hash);
inline constexpr std::size_t archive_bundle_bytes_max = limits::tile_width * (2 + limits::leaf_data_bytes_max);

}  // namespace vault
