// Lines for systemd's journal, with fields and MESSAGE_IDs that `journalctl` can select by.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "os/log.hpp"

namespace vault {

// The id of an event in the journal's form: 32 hex digits; "" for none. They never change: docs/operating.md lists
// them, and people's alerts refer to them.
std::string_view message_id(LogEvent event);
std::string_view event_name(LogEvent event);  // "alert_raised"; "" for none

// "NAME=value", one for each field: MESSAGE (`text`), PRIORITY (of syslog), MESSAGE_ID, VAULT_COMPONENT, VAULT_<FIELD>.
std::vector<std::string> journal_fields(const LogLine& line, std::string_view text, int priority);

// False if the journal does not accept it.
bool send_to_journal(const std::vector<std::string>& fields);

}  // namespace vault
