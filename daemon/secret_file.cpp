#include "daemon/secret_file.hpp"

#include <fmt/format.h>

namespace vault {
namespace {

constexpr std::size_t key_bytes_max = 64 << 10;

}  // namespace

Status check_secret_mode(const WholeFile& file, const std::string& path) {
  // As PostgreSQL does for its own keys: a key that the system provides for a service belongs to root, and the
  // service's group may read it.
  const mode_t closed = file.owner == 0 ? 0037 : 0077;
  if ((file.mode & closed) == 0) return {};
  return fail(ErrorCode::forbidden,
              fmt::format("{}: others than its owner may read or change it (mode {:04o}), so it is no secret; "
                          "chmod 0600 {}",
                          path, static_cast<unsigned>(file.mode), path));
}

Result<std::optional<SigningKey>> read_signing_key(const std::string& path, const std::string& origin) {
  const auto named = [](Error error) {
    error.message = "signing_key: " + error.message;
    error.field = "signing_key";
    return tl::unexpected(std::move(error));
  };
  auto file = read_whole_file(path, key_bytes_max);
  if (!file && file.error().code == ErrorCode::not_found) return std::optional<SigningKey>{};
  if (!file) return named(file.error());
  if (const Status secret = check_secret_mode(*file, path); !secret) return named(secret.error());
  auto key = SigningKey::from_pem(origin, file->bytes);
  if (!key) return named({ErrorCode::invalid_argument, path + ": " + key.error().message, {}});
  return std::optional<SigningKey>{std::move(*key)};
}

}  // namespace vault
