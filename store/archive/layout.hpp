// Names and sizes that the writer and the checker of an archive share, and how often both report progress.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "ledger/bytes.hpp"
#include "ledger/limits.hpp"

namespace vault {

inline constexpr std::chrono::milliseconds archive_progress_interval{
    100};  // shortest time between two progress reports
inline constexpr const char* archive_checkpoint_name = "checkpoint";
inline constexpr std::size_t archive_checkpoint_bytes_max = std::size_t{1} << 20;
inline constexpr std::uint64_t archive_tile_width = limits::tile_width;
inline constexpr std::size_t archive_tile_bytes = limits::tile_width * sizeof(Hash);
inline constexpr std::size_t archive_bundle_bytes_max = limits::tile_width * (2 + limits::leaf_data_bytes_max);

}  // namespace vault
