#include "store/postgres/hosts.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

namespace vault {
namespace {

using Names = std::vector<std::string>;

Names split(const char* list) {
  Names names;
  if (list == nullptr || *list == '\0') return names;
  const std::string text = list;
  std::size_t begin = 0;
  for (std::size_t comma = text.find(','); comma != std::string::npos; comma = text.find(',', begin)) {
    names.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  names.push_back(text.substr(begin));
  return names;
}

std::string join(const Names& names, std::size_t from) {
  std::string list;
  for (std::size_t i = from; i < names.size(); ++i) list += (i == from ? "" : ",") + names[i];
  return list;
}

// A single port is used for all hosts.
std::string port_of(const Names& ports, std::size_t i) {
  const std::string port = ports.empty() ? "" : ports.size() == 1 ? ports[0] : i < ports.size() ? ports[i] : "";
  return port.empty() ? "5432" : port;
}

}  // namespace

std::optional<PgHosts> hosts_behind(pg_conn* failed) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfo(failed), PQconninfoFree);
  if (!options) return std::nullopt;
  Names hosts, addresses, ports;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (std::strcmp(option->keyword, "host") == 0) hosts = split(option->val);
    if (std::strcmp(option->keyword, "hostaddr") == 0) addresses = split(option->val);
    if (std::strcmp(option->keyword, "port") == 0) ports = split(option->val);
  }
  const char* host = PQhost(failed);
  const char* port = PQport(failed);
  const std::size_t count = std::max(hosts.size(), addresses.size());
  if (host == nullptr || port == nullptr) return std::nullopt;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    std::string name = i < hosts.size() ? hosts[i] : "";
    if (name.empty() && i < addresses.size()) name = addresses[i];
    if (name != host || port_of(ports, i) != port) continue;
    return PgHosts{join(hosts, i + 1), join(addresses, i + 1), ports.size() > 1 ? join(ports, i + 1) : join(ports, 0)};
  }
  return std::nullopt;
}

}  // namespace vault
