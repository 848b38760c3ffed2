#include "daemon/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/file_descriptor.hpp"

namespace vault {
namespace {

constexpr std::size_t key_bytes_max = 64 << 10;

tl::unexpected<Error> refuse(const std::string& path, int error) {
  return fail(code_of_file_error(error), fmt::format("{}: {}", path, std::strerror(error)));
}

}  // namespace

Result<InputFile> read_input_file(const std::string& path, std::size_t bytes_max) {
  // O_NONBLOCK is for a FIFO that nobody writes to; it has no effect on a file.
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return refuse(path, errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return refuse(path, errno);
  if (S_ISDIR(status.st_mode)) return refuse(path, EISDIR);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::invalid_argument, path + ": is not a file");
  InputFile read_file{{}, status.st_mode & 07777U, status.st_uid};
  std::string& bytes = read_file.bytes;
  while (bytes.size() <= bytes_max) {
    const std::size_t had = bytes.size();
    bytes.resize(had + 4'096);
    const ssize_t got = read(file.get(), bytes.data() + had, 4'096);
    const int error = errno;
    bytes.resize(had + static_cast<std::size_t>(got < 0 ? 0 : got));
    if (got < 0 && error != EINTR) return refuse(path, error);
    if (got == 0) return read_file;
  }
  return fail(ErrorCode::invalid_argument, fmt::format("{}: has more than {} bytes", path, bytes_max));
}

Status check_secret_mode(const InputFile& file, const std::string& path) {
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
    return tl::unexpected<Error>(std::move(error));
  };
  auto file = read_input_file(path, key_bytes_max);
  if (!file && file.error().code == ErrorCode::not_found) return std::optional<SigningKey>{};
  if (!file) return named(file.error());
  if (const Status secret = check_secret_mode(*file, path); !secret) return named(secret.error());
  auto key = SigningKey::from_pem(origin, file->bytes);
  if (!key) return named({ErrorCode::invalid_argument, path + ": " + key.error().message, {}});
  return std::optional<SigningKey>{std::move(*key)};
}

}  // namespace vault
