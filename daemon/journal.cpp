#include "daemon/journal.hpp"

#include <sys/uio.h>
// Otherwise every line would claim to come from this file.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include <array>

namespace vault {
namespace {

struct KnownEvent {
  std::string_view name, id;
};
// In the order of LogEvent. The ids are random (systemd-id128 new) and permanent.
constexpr std::array<KnownEvent, 9> events{{
    {"", ""},
    {"starting", "aaef1873b97140f4880b3cba3f3c7521"},
    {"ready", "fa2703beda86490c9edc151ac0ecd9be"},
    {"state_changed", "25417092347e4ecf965e5b74ed04d649"},
    {"stopping", "6f4ba5d0c52d47c4a436b593406ff911"},
    {"settings_reloaded", "7ff76ed308d342b6b1fbfdf23e7a3916"},
    {"alert_raised", "a2ef79312afb4c5d85fca120fa28016d"},
    {"alert_cleared", "fef87e0e227a406f8207b4d98bd175d8"},
    {"lease_taken", "83cca900eba9487ba6a9140137c7a98c"},
}};
static_assert(events.size() == static_cast<std::size_t>(LogEvent::lease_taken) + 1);

}  // namespace

std::string_view message_id(LogEvent event) {
  return events[static_cast<std::size_t>(event)].id;
}

std::string_view event_name(LogEvent event) {
  return events[static_cast<std::size_t>(event)].name;
}

std::vector<std::string> journal_fields(const LogLine& line, std::string_view text, int priority) {
  std::vector<std::string> out{"MESSAGE=" + std::string(text), "PRIORITY=" + std::to_string(priority),
                               "SYSLOG_IDENTIFIER=vaultd", "VAULT_COMPONENT=" + std::string(line.component)};
  if (line.event != LogEvent::none) out.push_back("MESSAGE_ID=" + std::string(message_id(line.event)));
  for (const LogField& field : line.fields) {
    std::string name = "VAULT_";
    for (const char c : field.key) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    out.push_back(name + '=' + field.value);
  }
  return out;
}

bool send_to_journal(const std::vector<std::string>& fields) {
  std::vector<iovec> parts;
  for (const std::string& field : fields) parts.push_back({const_cast<char*>(field.data()), field.size()});
  return sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) >= 0;
}

}  // namespace vault
