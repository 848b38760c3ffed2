// --check-config: the effective settings as TOML that can be loaded again.
#include <fmt/format.h>

#include "daemon/settings/fields.hpp"
#include "daemon/settings/settings.hpp"
#include "ledger/quantity.hpp"
#include "store/postgres/url.hpp"

namespace vault {
namespace {

std::string toml_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

struct FormatMember {
  const SettingField& field;
  const Settings& settings;

  std::string operator()(std::string Settings::*member) const {
    const std::string& text = settings.*member;
    if (text.empty() || (field.name != "database" && field.name != "reader_database")) return toml_string(text);
    const auto shown = show_connection_string(text);
    return shown ? toml_string(*shown) : "\"\"  # set, but not shown: a part of it may belong to a password";
  }
  std::string operator()(std::vector<std::string> Settings::*member) const {
    std::string out = "[";
    for (const auto& text : settings.*member) out += (out.size() > 1 ? ", " : "") + toml_string(text);
    return out + "]";
  }
  std::string operator()(bool Settings::*member) const { return settings.*member ? "true" : "false"; }
  std::string operator()(std::size_t Settings::*member) const { return std::to_string(settings.*member); }
  std::string operator()(std::chrono::milliseconds Settings::*member) const {
    return toml_string(format_duration(settings.*member));
  }
  std::string operator()(std::optional<std::int64_t> Settings::*member) const {
    return settings.*member ? std::to_string(*(settings.*member)) : std::string{};
  }
};

}  // namespace

std::string format_default(const SettingField& field) {
  if (std::holds_alternative<bool Settings::*>(field.member)) return {};  // off: a flag turns it on
  std::string value = std::visit(FormatMember{field, Settings{}}, field.member);
  std::erase(value, '"');
  if (value.starts_with('[')) value = value.substr(1, value.size() - 2);
  return value;
}

std::string format_given_settings(const Settings& settings) {
  std::string out;
  for (const auto& field : setting_fields()) {
    const auto origin = settings.origins.find(std::string(field.name));
    if (origin == settings.origins.end()) continue;
    const std::string value = std::visit(FormatMember{field, settings}, field.member);
    out += fmt::format("{} = {}  # {}\n", field.name, value, origin->second);
  }
  return out;
}

std::string format_settings(const Settings& settings) {
  std::string out;
  for (const auto& field : setting_fields()) {
    const std::string value = std::visit(FormatMember{field, settings}, field.member);
    if (!value.empty()) out += fmt::format("{} = {}\n", field.name, value);
  }
  return out;
}

}  // namespace vault
