#include "tools/web/access.hpp"

#include <algorithm>
#include <cctype>

namespace vault::web {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

// Without the port and the brackets of an IPv6 address; empty if it is malformed.
std::string host_name(std::string_view host) {
  if (!host.empty() && host.front() == '[') {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return {};
    const std::string_view after = host.substr(end + 1);
    return after.empty() || after.front() == ':' ? lower(host.substr(1, end - 1)) : std::string();
  }
  const std::size_t colon = host.find(':');
  if (colon != std::string_view::npos && host.find(':', colon + 1) != std::string_view::npos) return {};
  return lower(host.substr(0, colon));
}

// 127.0.0.0/8, in the only form that everybody reads alike: four decimal numbers.
bool is_loopback_literal(std::string_view name) {
  if (name == "::1") return true;
  if (!name.starts_with("127.")) return false;
  int parts = 0;
  for (std::size_t from = 0; from <= name.size(); ++parts) {
    const std::size_t end = std::min(name.find('.', from), name.size());
    const auto number = parse_integer(name.substr(from, end - from));
    if (!number || *number < 0 || *number > 255 || end - from > 3) return false;
    from = end + 1;
  }
  return parts == 4;
}

}  // namespace

Access decide_access(const AccessPolicy& policy, Audience audience, Asker asker, bool token_good) {
  if (audience == Audience::seals && !policy.allow_seal) return Access::forbidden;
  if (token_good) return Access::allowed;
  // A proxy that says nothing of itself looks like a user of this machine; with --public, one is expected.
  const bool local = asker == Asker::here && !policy.is_public;
  const Access otherwise = policy.has_token ? Access::unauthenticated : Access::forbidden;
  switch (audience) {
    case Audience::strangers:
      return asker != Asker::elsewhere || policy.is_public ? Access::allowed : otherwise;
    case Audience::metrics:
      return local || policy.public_metrics ? Access::allowed : otherwise;
    case Audience::page:  // the files hold no secret: the page that asks for the token must load without it
      return policy.has_token || (local && policy.trust_local_users) ? Access::allowed : Access::forbidden;
    case Audience::api:
      return local && policy.trust_local_users ? Access::allowed : otherwise;
    case Audience::seals:  // --allow-seal
      return local ? Access::allowed : otherwise;
  }
  return Access::forbidden;
}

bool is_own_host(std::string_view host, std::string_view listener_address, const std::vector<std::string>& names) {
  const std::string name = host_name(host);
  if (name.empty()) return false;
  if (name == "localhost" || name == listener_address || is_loopback_literal(name)) return true;
  return std::any_of(names.begin(), names.end(), [&](const std::string& own) { return lower(own) == name; });
}

Asker asker_on_loopback(std::string_view host, std::string_view listener_address, bool forwarded) {
  return forwarded || !is_own_host(host, listener_address, {}) ? Asker::proxied : Asker::here;
}

bool is_cross_origin(const RequestOrigin& request) {
  const std::string& site = request.sec_fetch_site;
  if (!site.empty() && site != "same-origin" && site != "none") return true;
  if (request.origin.empty()) return false;
  // A proxy may have terminated TLS: accept either scheme with our own name.
  const std::string origin = lower(request.origin), host = lower(request.host);
  return origin != "http://" + host && origin != "https://" + host;
}

}  // namespace vault::web
