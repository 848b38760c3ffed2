#include "store/postgres/url.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "ledger/passwords.hpp"

namespace vault {
namespace {

struct Part {
  std::string keyword;
  std::string value;
  bool secret = false;
};
using Parts = std::vector<Part>;

constexpr std::string_view uri_schemes[] = {"postgresql://", "postgres://"};  // libpq knows these, in lower case

std::string_view scheme_of(std::string_view text) {
  for (const auto scheme : uri_schemes) {
    if (text.starts_with(scheme)) return scheme;
  }
  return {};
}

// The given parts, in libpq's order; nullopt if libpq does not accept the text. Its message is dropped because it
// quotes the text.
std::optional<Parts> parse(const std::string& text) {
  char* quoting = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(text.c_str(), &quoting),
                                                                             PQconninfoFree);
  PQfreemem(quoting);
  if (!options || text.find('\0') != std::string::npos) return std::nullopt;
  Parts parts;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr || *option->val == '\0') continue;
    parts.push_back({option->keyword, option->val, option->dispchar != nullptr && *option->dispchar == '*'});
  }
  return parts;
}

std::string value_of(const Parts& parts, std::string_view keyword) {
  const auto found =
      std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.keyword == keyword; });
  return found == parts.end() ? std::string{} : found->value;
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> items;
  while (true) {
    const std::size_t comma = list.find(',');
    items.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return items;
    list.remove_prefix(comma + 1);
  }
}

bool made_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return plain || static_cast<unsigned char>(c) >= 0x80 || more.find(c) != std::string_view::npos;
  });
}

bool is_path(std::string_view host) {
  return host.starts_with('/') || host.starts_with('@');  // '@': an abstract socket
}

bool is_host(std::string_view host) {
  return is_path(host) || made_of(host, "._:%-");
}

bool is_port(std::string_view port) {
  return port.size() <= 5 && port.find_first_not_of("0123456789") == std::string_view::npos;
}

bool all_of_list(const std::string& list, bool (*fits)(std::string_view)) {
  const auto items = split(list);
  return std::all_of(items.begin(), items.end(), fits);
}

// True if the part is plausible in its place, so that it can hold no piece of a password.
bool is_innocent(const Part& part) {
  const std::string_view value = part.value;
  if (part.keyword == "host") return all_of_list(part.value, is_host);
  if (part.keyword == "hostaddr") return made_of(value, ".:%,");
  if (part.keyword == "port") return all_of_list(part.value, is_port);
  if (part.keyword == "user") return value.find_first_of(":/;") == std::string_view::npos;
  if (part.keyword == "dbname") return value.find_first_of("@:/?&=;") == std::string_view::npos;
  if (value.find("://") != std::string_view::npos || value.find_first_of("@;&") != std::string_view::npos) return false;
  const bool names_file = part.keyword == "passfile" || part.keyword.starts_with("ssl");
  return names_file || !holds_telling_word(value);
}

std::string percent_encoded(std::string_view text, std::string_view more = "") {
  std::string out;
  for (const char c : text) {
    const bool plain = made_of({&c, 1}, "._~-") && static_cast<unsigned char>(c) < 0x80;
    if (plain || more.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// host[:port],host[:port] ...
std::string authority(const std::string& hosts, const std::string& ports) {
  const auto port_list = split(ports);
  std::string out;
  std::size_t i = 0;
  for (const auto& host : split(hosts)) {
    if (i > 0) out += ',';
    out += host.find(':') == std::string::npos ? host : '[' + host + ']';
    if (i < port_list.size() && !port_list[i].empty()) out += ':' + port_list[i];
    ++i;
  }
  return out;
}

std::string as_uri(std::string_view scheme, const Parts& parts) {
  const std::string hosts = value_of(parts, "host");
  const std::string ports = value_of(parts, "port");
  const bool in_front = all_of_list(hosts, [](std::string_view host) { return !is_path(host); }) && !hosts.empty() &&
                        split(ports).size() <= split(hosts).size();
  std::string out(scheme);
  if (const auto user = value_of(parts, "user"); !user.empty()) out += percent_encoded(user) + '@';
  if (in_front) out += authority(hosts, ports);
  if (const auto name = value_of(parts, "dbname"); !name.empty()) out += '/' + percent_encoded(name);
  char mark = '?';
  for (const Part& part : parts) {
    if (part.secret || part.keyword == "user" || part.keyword == "dbname") continue;
    if (in_front && (part.keyword == "host" || part.keyword == "port")) continue;
    out += fmt::format("{}{}={}", mark, part.keyword, percent_encoded(part.value, "/:,"));
    mark = '&';
  }
  return out;
}

std::string as_keywords(const Parts& parts) {
  std::string out;
  for (const Part& part : parts) {
    if (part.secret) continue;
    if (!out.empty()) out += ' ';
    out += part.keyword + '=';
    if (made_of(part.value, "._:/,@%+-")) {
      out += part.value;
      continue;
    }
    out += '\'';
    for (const char c : part.value) out += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    out += '\'';
  }
  return out;
}

Status refuse(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message));
}

constexpr const char* encode_hint =
    "in the user and the password of a URI write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23 and % as %25";

}  // namespace

Status check_connection_string(const std::string& text) {
  const auto parts = parse(text);
  if (!parts) {
    return refuse(fmt::format(
        "not a connection string or URI of libpq (it is not shown, since it may hold a password). A URI begins with "
        "postgresql:// in lower case; {}; a connection string is made of keyword=value, a value with blanks in single "
        "quotes",
        encode_hint));
  }
  const bool uri = !scheme_of(text).empty();
  const std::string database = value_of(*parts, "dbname");
  const char* wrong = !all_of_list(value_of(*parts, "host"), is_host)   ? "host"
                      : !all_of_list(value_of(*parts, "port"), is_port) ? "port"
                      : uri && database.find('@') != std::string::npos  ? "database's name"
                                                                        : nullptr;
  if (wrong == nullptr) return {};
  return refuse(fmt::format("what would be the {} is none (it is not shown, since it may be a part of a password); {}",
                            wrong, encode_hint));
}

std::optional<std::string> show_connection_string(const std::string& text) {
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (ascii && made_of(text, "._-") && !holds_telling_word(text)) return text;  // one word: a name, if anything
  const auto parts = parse(text);
  if (!parts || !check_connection_string(text)) return std::nullopt;
  const bool innocent =
      std::all_of(parts->begin(), parts->end(), [](const Part& part) { return part.secret || is_innocent(part); });
  if (!innocent) return std::nullopt;
  // Built anew, never cut out of the text: a keyword that is given twice is in the text twice, but counts once.
  const auto scheme = scheme_of(text);
  return scheme.empty() ? as_keywords(*parts) : as_uri(scheme, *parts);
}

}  // namespace vault
