#include "ledger/reserved_names.hpp"

#include <fmt/format.h>

namespace vault {

bool is_reserved_authority(std::string_view authority) {
  return authority == reserved_authority;
}

bool is_reserved_session(std::string_view session_id) {
  return session_id == "vaultd" || session_id.starts_with("vaultd/");
}

Status check_not_reserved(std::string_view session_id, std::string_view authority, std::string_view owner) {
  const auto refuse = [&](std::string_view name, std::string_view rule) {
    return fail(ErrorCode::forbidden,
                fmt::format("{} is vaultd's own, and nobody else seals under it: choose another", rule),
                owner.empty() ? std::string(name) : fmt::format("{}.{}", owner, name));
  };
  if (is_reserved_authority(authority)) return refuse("authority", "the authority vaultd");
  if (is_reserved_session(session_id))
    return refuse("session_id", "a session_id that is vaultd or begins with vaultd/");
  return {};
}

}  // namespace vault
