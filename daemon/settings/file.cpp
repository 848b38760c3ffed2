#include "daemon/settings/file.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <iterator>
#include <map>

#include "daemon/settings/fields.hpp"
#include "ledger/passwords.hpp"
#include "os/whole_file.hpp"

namespace vault {
namespace {

constexpr std::size_t file_bytes_max = 1 << 20;

std::string kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return may_hold_password(node.as_string()->get()) ? "what is there"
                                                        : fmt::format("\"{}\"", node.as_string()->get());
    case toml::node_type::integer:
      return std::to_string(node.as_integer()->get());
    case toml::node_type::floating_point:
      return fmt::format("{}", node.as_floating_point()->get());
    case toml::node_type::boolean:
      return node.as_boolean()->get() ? "true" : "false";
    default:
      return "a date or time";
  }
}

Status mismatch(const SettingField& field, const toml::node& node) {
  const bool text = std::holds_alternative<std::string Settings::*>(field.member) ||
                    std::holds_alternative<std::vector<std::string> Settings::*>(field.member) ||
                    std::holds_alternative<std::chrono::milliseconds Settings::*>(field.member);
  const char* quoted = text && node.is_value() ? ", in quotes" : "";
  return fail(ErrorCode::invalid_argument,
              fmt::format("must be {}{}, not {}", describe_wanted(field), quoted, kind_of(node)));
}

Status set_list(const SettingField& field, const toml::array& array, Settings& settings) {
  std::vector<std::string> texts;
  for (const auto& node : array) {
    const auto text = node.value_exact<std::string>();
    if (!text) return mismatch(field, node);
    texts.push_back(*text);
  }
  return set_from_texts(field, texts, settings);
}

Status set_from_node(const SettingField& field, const toml::node& node, Settings& settings) {
  const bool list_wanted = std::holds_alternative<std::vector<std::string> Settings::*>(field.member);
  const bool text_wanted = list_wanted || std::holds_alternative<std::string Settings::*>(field.member);
  const bool boolean_wanted = std::holds_alternative<bool Settings::*>(field.member);
  if (const auto* array = node.as_array(); array != nullptr && list_wanted) return set_list(field, *array, settings);
  if (const auto* text = node.as_string()) {
    // Empty text means "not set", as it does in the environment.
    if (text->get().empty()) return {};
    return set_from_texts(field, {text->get()}, settings);
  }
  if (const auto* boolean = node.as_boolean(); boolean != nullptr && boolean_wanted) {
    return set_from_integer(field, boolean->get() ? 1 : 0, settings);
  }
  if (const auto* number = node.as_integer(); number != nullptr && !text_wanted) {
    const bool seconds = std::holds_alternative<std::chrono::milliseconds Settings::*>(field.member);
    return seconds ? set_from_texts(field, {std::to_string(number->get())}, settings)
                   : set_from_integer(field, number->get(), settings);
  }
  return mismatch(field, node);
}

Status apply_key(std::string_view name, const toml::node& node, Settings& settings) {
  const SettingField* field = find_setting(name);
  if (field != nullptr) return set_from_node(*field, node, settings);
  const auto near = nearest_setting(name);
  return fail(ErrorCode::invalid_argument,
              "no such setting" + (near.empty() ? std::string{} : fmt::format("; did you mean {}?", near)));
}

// Tries all of it, and reports everything that is wrong, a line each, in the order of the file.
Result<std::set<std::string>> apply_table(const std::string& path, const toml::table& table, Settings& settings) {
  std::set<std::string> keys;
  std::map<std::uint32_t, Error> wrong;  // by line
  for (const auto& [key, node] : table) {
    const std::string name{key.str()};
    const auto line = key.source().begin.line;
    if (const Status applied = apply_key(name, node, settings); !applied) {
      const std::string shown =
          may_hold_password(name) ? "a key (it is not shown, since it may hold a password)" : name;
      wrong[line] = {ErrorCode::invalid_argument,
                     fmt::format("{}:{}: {}: {}", path, line, shown, applied.error().message), shown};
      continue;
    }
    const auto* text = node.as_string();
    if (text != nullptr && text->get().empty()) continue;
    keys.insert(name);
    settings.origins[name] = fmt::format("{}:{}", path, line);
  }
  if (wrong.empty()) return keys;
  Error all = wrong.begin()->second;
  for (auto at = std::next(wrong.begin()); at != wrong.end(); ++at) all.message += "\n" + at->second.message;
  return tl::unexpected(std::move(all));
}

}  // namespace

Result<std::set<std::string>> apply_settings_file(const std::string& path, Settings& settings) {
  const auto file = read_whole_file(path, file_bytes_max);
  if (!file) return fail(file.error().code, file.error().message, "config");
  try {
    return apply_table(path, toml::parse(file->bytes, path), settings);
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}:{}: {} (text needs quotes: socket_mode = \"0660\", request_timeout = \"30s\")", path,
                            error.source().begin.line, error.description()));
  }
}

}  // namespace vault
