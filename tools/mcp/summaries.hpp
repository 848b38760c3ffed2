// Results in a few words, hashes cut to 16 digits: what a model reads instead of the JSON beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "wire/message.hpp"

namespace vault::mcp {

inline constexpr std::size_t summary_bytes_max = 24U << 10;  // as it stands in JSON

std::string summarize(const Receipt& receipt);
std::string summarize(const Entry& entry);
std::string summarize(const Page& page);  // a line for each of the first entries
std::string summarize(const VerifyResult& result);
std::string summarize(const ProofResult& result);

// The cursor of the page that begins behind this entry.
std::int64_t cursor_after(const Entry& entry);

}  // namespace vault::mcp
