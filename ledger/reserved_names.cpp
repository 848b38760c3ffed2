#include "ledger/reserved_names.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace vault {

bool is_reserved_authority(std::string_view authority) {
  return authority == reserved_authority;
}

bool is_reserved_session(std::string_view session_id) {
  return session_id == "vaultd" || session_id.starts_with("vaultd/");
}

bool is_reserved_seal_id(const Uuid& seal_id) {
  return std::equal(reserved_authority.begin(), reserved_authority.end(), seal_id.bytes.begin()) &&
         seal_id.bytes[6] >> 4 == 8;
}

Uuid make_reserved_seal_id(const Uuid& name_space, std::string_view name) {
  Uuid made = make_uuid_v5(name_space, name);
  std::copy(reserved_authority.begin(), reserved_authority.end(), made.bytes.begin());
  made.bytes[6] = static_cast<std::uint8_t>(0x80 | (made.bytes[6] & 0x0f));
  return made;
}

Status check_not_reserved(std::string_view session_id, std::string_view authority, std::string_view owner,
                          const std::optional<Uuid>& seal_id) {
  const auto refuse = [&](std::string_view name, std::string_view rule) {
    return fail(ErrorCode::forbidden,
                fmt::format("{} is vaultd's own, and nobody else seals under it: choose another", rule),
                owner.empty() ? std::string(name) : fmt::format("{}.{}", owner, name));
  };
  if (is_reserved_authority(authority)) return refuse("authority", "the authority vaultd");
  if (is_reserved_session(session_id))
    return refuse("session_id", "a session_id that is vaultd or begins with vaultd/");
  if (seal_id && is_reserved_seal_id(*seal_id)) return refuse("seal_id", "a seal_id that begins with 7661756c-7464-8");
  return {};
}

}  // namespace vault
