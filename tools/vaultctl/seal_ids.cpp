#include "tools/vaultctl/seal_ids.hpp"

#include <sys/random.h>

#include <chrono>

#include "ledger/check.hpp"

namespace vault::ctl {

Uuid draw_seal_id() {
  std::array<std::uint8_t, 16> random{};
  VAULT_CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return make_uuid_v7(Timestamp{std::chrono::duration_cast<std::chrono::microseconds>(now).count()}, random);
}

}  // namespace vault::ctl
