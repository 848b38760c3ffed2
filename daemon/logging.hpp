// Sets up Boost.Log once: one line per event, with severity. text, json, or with <n> priorities under the journal.
#pragma once

#include <string>

#include "ledger/result.hpp"

namespace vault {

// Under systemd (JOURNAL_STREAM is set and is stderr) each text line begins with <n>.
Status set_up_logging(const std::string& level, const std::string& format);
// For SIGHUP.
Status set_log_level(const std::string& level);

}  // namespace vault
