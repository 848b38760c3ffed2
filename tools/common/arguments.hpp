// Strict reading of command-line values: a value that is not understood is refused with a hint at what was expected.
// All add_* helpers throw CLI::ValidationError while the command line is being parsed, which main turns into exit code
// 2.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/page.hpp"
#include "ledger/quantity.hpp"
#include "ledger/result.hpp"
#include "ledger/signed_note.hpp"

namespace vault::ctl {

// --timeout: a duration in the form of ledger/quantity.hpp, more than 0, at most a day.
CLI::Option* add_timeout(CLI::App& command, std::chrono::milliseconds& out, const std::string& help);
// nullopt if `text` is not such a duration.
std::optional<std::chrono::milliseconds> parse_timeout(std::string_view text);

// An integer option or positional between `min` and `max`.
CLI::Option* add_integer(CLI::App& command, const std::string& name, std::optional<std::int64_t>& out, std::int64_t min,
                         const std::string& help, std::int64_t max = std::numeric_limits<std::int64_t>::max());

// --cursor and --limit, and with `with_order` --order.
void add_paging(CLI::App& command, PageRequest& page, bool with_order);

// --vkey: the key itself or a file that holds it.
CLI::Option* add_vkey(CLI::App& command, std::string& out);
// Error: invalid_argument, field "vkey".
Result<VerifierKey> load_vkey(const std::string& text_or_file);

}  // namespace vault::ctl
