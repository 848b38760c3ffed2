// Sets up Boost.Log once: one line per event, with severity; as text, as JSON, or as fields of the journal.
#pragma once

#include <string>

#include "ledger/result.hpp"

namespace vault {

// Under systemd (JOURNAL_STREAM is set and is stderr) lines of text go to the journal with their fields. One that it
// does not take is written to stderr, beginning with its priority, <n>.
Status set_up_logging(const std::string& level, const std::string& format);
// For SIGHUP.
Status set_log_level(const std::string& level);

}  // namespace vault
