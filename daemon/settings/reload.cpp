// The settings that SIGHUP changes.
#include <algorithm>
#include <array>

#include "daemon/settings/fields.hpp"
#include "daemon/settings/settings.hpp"

namespace vault {
namespace {

constexpr std::array<std::string_view, 6> live{"log_level",   "max_seal_bytes", "max_message_bytes",
                                               "queue_seals", "queue_bytes",    "slow_request"};

bool differs(const SettingField& field, const Settings& a, const Settings& b) {
  return std::visit([&](auto member) { return a.*member != b.*member; }, field.member);
}

}  // namespace

std::vector<std::string> changed_settings(const Settings& before, const Settings& now) {
  std::vector<std::string> names;
  for (const auto& field : setting_fields()) {
    if (differs(field, before, now)) names.emplace_back(field.name);
  }
  return names;
}

bool is_live_setting(std::string_view name) {
  return std::find(live.begin(), live.end(), name) != live.end();
}

void take_live_settings(const Settings& now, Settings& in_force) {
  for (const std::string_view name : live) {
    std::visit([&](auto member) { in_force.*member = now.*member; }, find_setting(name)->member);
  }
}

}  // namespace vault
