#include "tools/web/settings.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>
#include <variant>

#include "ledger/nearest.hpp"
#include "ledger/passwords.hpp"
#include "ledger/quantity.hpp"
#include "os/whole_file.hpp"
#include "tools/common/connect.hpp"
#include "tools/web/request_target.hpp"
#include "version.hpp"

namespace vault::web {
namespace {

using std::chrono::milliseconds;
using Names = std::vector<std::string>;
using Member = std::variant<std::string Settings::*, Names Settings::*, bool Settings::*, std::int64_t Settings::*,
                            milliseconds Settings::*>;

constexpr std::size_t settings_file_bytes_max = 1 << 20;

struct Field {
  const char* name;
  const char* help;
  Member member;
  std::int64_t min = 0, max = 0;
};

using S = Settings;
const Field fields[] = {
    {"listen", "address and port to listen on; several are possible", &S::listen},
    {"endpoint", "vaultd's requests socket", &S::endpoint},
    {"events", "vaultd's events socket", &S::events},
    {"key_dir", "directory of CURVE keys, for tcp endpoints", &S::key_dir},
    {"token_file", "file with the token that opens page and API; default: one is made in /run/vault-web",
     &S::token_file},
    {"public", "strangers may see what is public: checkpoints, tiles, health", &S::is_public},
    {"public_metrics", "with public: they may see /metrics too", &S::public_metrics},
    {"trust_local_users", "no token on loopback: every user of this machine sees payloads", &S::trust_local_users},
    {"allow_seal", "POST /api/v1/seals: with the token, and for every user of this machine on loopback",
     &S::allow_seal},
    {"host", "name by which a proxy reaches loopback listeners; who asks by it needs the token; several are possible",
     &S::host},
    {"max_connections", "connections at a time; beyond: 503", &S::max_connections, 1, 100'000},
    {"max_remote_connections", "of one remote address, beyond loopback", &S::max_remote_connections, 1, 100'000},
    {"max_remote_requests", "requests a second of one remote address, beyond loopback; beyond: 429",
     &S::max_remote_requests, 1, 1'000'000},
    {"max_message_bytes", "largest body; beyond: 413", &S::max_message_bytes, 1'024, std::int64_t{64} << 20},
    {"tile_cache_bytes", "of full tiles that are kept", &S::tile_cache_bytes, 0, std::int64_t{1} << 40},
    {"header_timeout", "for a request's head (of 16 KiB at most)", &S::header_timeout, 1, 600'000},
    {"idle_timeout", "between requests, for a body, and for each 256 KiB of an answer", &S::idle_timeout, 1, 3'600'000},
    {"timeout", "for vaultd's answer", &S::timeout, 1, 3'600'000},
};

std::string replaced(std::string text, char from, char to) {
  std::replace(text.begin(), text.end(), from, to);
  return text;
}
std::string flag_of(const Field& field) {
  return "--" + replaced(field.name, '_', '-');
}
std::string variable_of(const Field& field) {
  std::string name = std::string("VAULT_WEB_") + field.name;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  return name;
}

tl::unexpected<Error> refuse(const std::string& where, const std::string& what) {
  return fail(ErrorCode::invalid_argument, where + ": " + what, where);
}

Names split_list(const std::string& text) {
  Names out;
  std::istringstream in(text);
  for (std::string one; std::getline(in, one, ',');) {
    const auto from = one.find_first_not_of(' ');
    if (from != std::string::npos) out.push_back(one.substr(from, one.find_last_not_of(' ') - from + 1));
  }
  return out;
}

// Stores one value in text form. `where` names it for people.
Status put(Settings& settings, const Field& field, const std::string& text, const std::string& where) {
  if (const auto* member = std::get_if<std::string S::*>(&field.member)) {
    settings.*(*member) = text;
  } else if (const auto* list = std::get_if<Names S::*>(&field.member)) {
    settings.*(*list) = split_list(text);
  } else if (const auto* boolean = std::get_if<bool S::*>(&field.member)) {
    const bool yes = text == "1" || text == "true";
    if (!yes && text != "0" && text != "false")
      return refuse(where, "must be true or false, not " + quoted_unless_secret(text));
    settings.*(*boolean) = yes;
  } else {
    const auto* duration = std::get_if<milliseconds S::*>(&field.member);
    std::optional<std::int64_t> number;
    if (duration != nullptr) {
      if (const auto parsed = parse_duration(text)) number = parsed->count();
    } else {
      number = std::string_view(field.name).ends_with("_bytes") ? parse_size(text) : parse_integer(text);
    }
    if (!number || *number < field.min || *number > field.max) {
      const bool size = std::string_view(field.name).ends_with("_bytes");
      const char* unit = duration != nullptr ? "ms" : "";
      return refuse(where, fmt::format("must be {} from {}{} to {}{}, not {}",
                                       duration != nullptr ? fmt::format("{},", duration_form)
                                       : size              ? "a size such as 64KiB, or bytes,"
                                                           : "a number",
                                       field.min, unit, field.max, unit, quoted_unless_secret(text)));
    }
    if (duration != nullptr) {
      settings.*(*duration) = milliseconds(*number);
    } else {
      settings.*std::get<std::int64_t S::*>(field.member) = *number;
    }
  }
  return {};
}

Result<std::string> text_of(const toml::node& node, const std::string& where) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto flag = node.value_exact<bool>()) return std::string(*flag ? "1" : "0");
  if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  if (const toml::array* list = node.as_array()) {
    std::string out;
    for (const toml::node& one : *list) {
      const auto text = one.value_exact<std::string>();
      if (!text) return refuse(where, "must be a list of strings");
      out += (out.empty() ? "" : ",") + *text;
    }
    return out;
  }
  return refuse(where, "must be a string, a whole number, true or false, or a list of strings");
}

// ", did you mean …?", or nothing.
std::string suggestion_for(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Field& field : fields) known.emplace_back(field.name);
  const std::string_view near = nearest(name, known);
  return near.empty() ? std::string() : fmt::format(", did you mean \"{}\"?", near);
}

// " [30s]": the value without a setting; nothing if that is empty or off.
std::string default_of(const Field& field) {
  const Settings settings;
  const std::string text = std::visit(
      [&](auto member) -> std::string {
        const auto& value = settings.*member;
        using Kind = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Kind, Names>) {
          return fmt::format("{}", fmt::join(value, ", "));
        } else if constexpr (std::is_same_v<Kind, milliseconds>) {
          return format_duration(value);
        } else if constexpr (std::is_same_v<Kind, bool>) {
          return {};
        } else {
          return fmt::format("{}", value);
        }
      },
      field.member);
  return text.empty() ? text : " [" + text + "]";
}

Status read_file(const std::string& path, Settings& settings) {
  const auto file = read_whole_file(path, settings_file_bytes_max);
  if (!file) return fail(ErrorCode::not_found, "cannot read " + file.error().message, "config");
  toml::table table;
  try {
    table = toml::parse(file->bytes, path);
  } catch (const toml::parse_error& error) {
    return refuse(fmt::format("{}:{}", path, error.source().begin.line), std::string(error.description()));
  }
  for (const auto& [key, node] : table) {
    const std::string name = replaced(std::string(key.str()), '-', '_');
    const std::string where = fmt::format("{}:{}: {}", path, node.source().begin.line, name);
    const auto* field =
        std::find_if(std::begin(fields), std::end(fields), [&](const Field& f) { return name == f.name; });
    if (field == std::end(fields)) return refuse(where, "there is no such setting" + suggestion_for(name));
    const auto value = text_of(node, where);
    if (!value) return tl::unexpected(value.error());
    if (const Status done = put(settings, *field, *value, where); !done) return done;
  }
  return {};
}

Status read_environment(Settings& settings) {
  if (const char* port = std::getenv("PORT"); port != nullptr && *port != '\0') {
    settings.listen = {std::string("0.0.0.0:") + port};  // so hosting platforms say where to listen
  }
  for (const Field& field : fields) {
    const std::string name = variable_of(field);
    if (const char* text = std::getenv(name.c_str()); text != nullptr && *text != '\0') {  // empty: not set
      if (const Status done = put(settings, field, text, name); !done) return done;
    }
  }
  return {};
}

constexpr const char* description =
    "vault-web shows a vault over HTTP: health, metrics, tiles, JSON, and a page that checks.\n"
    "Settings: flags, VAULT_WEB_… in the environment, a TOML file, in this order. The environment's PORT means\n"
    "0.0.0.0:$PORT.\n"
    "Limits: a head of 16 KiB within header_timeout; a body of max_message_bytes; max_connections; beyond loopback\n"
    "max_remote_connections and max_remote_requests an address; 256 questions waiting for vaultd; 256 followers of\n"
    "/api/v1/events; 64 MiB of bodies and large answers together. A client that does not accept 256 KiB of an answer\n"
    "within idle_timeout is disconnected.";

}  // namespace

Result<Invocation> read_settings(int argc, const char* const* argv) {
  Invocation out;
  CLI::App app(description, "vault-web");
  app.set_version_flag("--version", std::string("vault-web ") + version_text);
  bool check = false;
  std::vector<Names> given(std::size(fields));
  std::array<bool, std::size(fields)> flags{};
  for (std::size_t i = 0; i < std::size(fields); ++i) {
    const Field& field = fields[i];
    if (std::holds_alternative<bool S::*>(field.member)) {
      app.add_flag(flag_of(field), flags[i], field.help);
    } else {
      app.add_option(flag_of(field), given[i], field.help + default_of(field))->allow_extra_args(false)->type_name("");
    }
  }
  app.add_option("--config", out.settings.config, "TOML file with settings (VAULT_WEB_CONFIG)")
      ->envname("VAULT_WEB_CONFIG");
  app.add_flag("--check-config", check, "print the effective settings and exit");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream text, problem;
    const int code = app.exit(error, text, problem);
    const std::string unknown = describe_unknown_option(app);
    if (code != 0) return refuse("command line", unknown.empty() ? problem.str() : unknown + " (see --help)\n");
    out.kind = Invocation::Kind::told;
    out.text = text.str();
    return out;
  }
  Settings& settings = out.settings;
  if (!settings.config.empty()) {
    if (const Status done = read_file(settings.config, settings); !done) return tl::unexpected(done.error());
  }
  if (const Status done = read_environment(settings); !done) return tl::unexpected(done.error());
  for (std::size_t i = 0; i < std::size(fields); ++i) {
    if (app.count(flag_of(fields[i])) == 0) continue;
    std::string text = flags[i] ? "1" : "0";
    if (std::holds_alternative<Names S::*>(fields[i].member)) {
      text.clear();
      for (const std::string& one : given[i]) text += (text.empty() ? "" : ",") + one;
    } else if (!given[i].empty()) {
      text = given[i].back();
    }
    if (const Status done = put(settings, fields[i], text, flag_of(fields[i])); !done) {
      return tl::unexpected(done.error());
    }
  }
  if (check) out.kind = Invocation::Kind::check;
  return out;
}

Result<std::pair<std::string, unsigned short>> split_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string address = text.substr(0, colon);
  const auto port = colon == std::string::npos ? std::nullopt : parse_integer(text.substr(colon + 1));
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string::npos) {
    address.clear();
  }
  if (address == "localhost") address = "127.0.0.1";
  boost::system::error_code error;
  boost::asio::ip::make_address(address, error);
  if (error || !port || *port < 0 || *port > 65'535) {
    return refuse("listen", "\"" + text + "\" is not an IP address and port, as in 127.0.0.1:9999 or [::1]:9999");
  }
  return std::pair{address, static_cast<unsigned short>(*port)};
}

Status check_settings(const Settings& settings) {
  if (settings.listen.empty()) return refuse("listen", "one address at least");
  for (const std::string& text : settings.listen) {
    const auto address = split_address(text);
    if (!address) return tl::unexpected(address.error());
    const bool loopback = boost::asio::ip::make_address(address->first).is_loopback();
    if (!loopback && settings.token_file.empty() && !settings.is_public) {
      return refuse("listen", text + " can be reached from elsewhere: that needs --token-file, or --public");
    }
  }
  if (settings.public_metrics && !settings.is_public) return refuse("public_metrics", "only goes with public");
  if (settings.is_public && settings.trust_local_users) {
    return refuse("trust_local_users", "does not go with public: behind a proxy strangers look like local users");
  }
  for (const auto& [name, endpoint] :
       {std::pair{"endpoint", settings.endpoint}, std::pair{"events", settings.events}}) {
    if (const Status good = ctl::check_endpoint(endpoint); !good) return refuse(name, good.error().message);
  }
  return {};
}

std::string format_settings(const Settings& settings) {
  std::ostringstream out;
  toml::table table;
  for (const Field& field : fields) {
    std::visit(
        [&](auto member) {
          const auto& value = settings.*member;
          using Kind = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<Kind, Names>) {
            toml::array list;
            for (const std::string& one : value) list.push_back(one);
            table.insert(field.name, list);
          } else if constexpr (std::is_same_v<Kind, milliseconds>) {
            table.insert(field.name, format_duration(value));
          } else {
            table.insert(field.name, value);
          }
        },
        field.member);
  }
  out << table << "\n";
  return out.str();
}

}  // namespace vault::web
