// Results in a few words, with hashes cut to 16 digits: what a model reads instead of the JSON beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tools/common/entry_view.hpp"
#include "wire/message.hpp"

namespace vault::mcp {

inline constexpr std::size_t summary_bytes_max = 24U << 10;  // when encoded in JSON

std::string summarize(const AnyReceipt& receipt);
std::string summarize(const ctl::EntryView& entry);
std::string summarize(const ctl::PageView& page);  // a line for each of the first entries
std::string summarize(const VerifyResult& result);
std::string summarize(const ProofResult& result);

// The cursor of the page that begins after this entry.
std::int64_t cursor_after(const ctl::EntryView& entry);

}  // namespace vault::mcp
