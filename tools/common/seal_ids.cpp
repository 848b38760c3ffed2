#include "tools/common/seal_ids.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "ledger/check.hpp"
#include "os/clock.hpp"
#include "tools/common/files.hpp"

namespace vault::ctl {
namespace {

// A random UUID, drawn once for this purpose: b6bd6f56-6c9f-4a4d-8a20-6f3c2a5c1d4e.
constexpr Uuid resume_namespace{0xb6, 0xbd, 0x6f, 0x56, 0x6c, 0x9f, 0x4a, 0x4d,
                                0x8a, 0x20, 0x6f, 0x3c, 0x2a, 0x5c, 0x1d, 0x4e};

}  // namespace

Uuid draw_seal_id() {
  std::array<std::uint8_t, 16> random{};
  VAULT_CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  return make_uuid_v7(Timestamp{wall_clock_micros()}, random);
}

Result<FileSealIds> FileSealIds::open(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr), std::free);
  if (!resolved) return cannot("open", path, errno);
  return FileSealIds(resolved.get());
}

Uuid FileSealIds::of_line(std::size_t number) const {
  return make_uuid_v5(resume_namespace, path_ + "\n" + std::to_string(number));
}

}  // namespace vault::ctl
