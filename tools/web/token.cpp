#include "tools/web/token.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "ledger/sha256.hpp"
#include "os/durable_file.hpp"
#include "os/whole_file.hpp"

namespace vault::web {
namespace {

constexpr std::string_view scheme = "bearer ";
constexpr std::size_t token_file_bytes_max = 4'096;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t from = text.find_first_not_of(blanks);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(blanks) - from + 1);
}

tl::unexpected<Error> cannot_make(const std::string& path, int error) {
  const auto code = error == ENOENT ? ErrorCode::not_found : ErrorCode::forbidden;
  return fail(code, "cannot make " + path + ": " + std::strerror(error), "token_file");
}

Status write_new(const std::string& path, int group) {
  std::array<std::uint8_t, 32> random{};
  if (RAND_bytes(random.data(), random.size()) != 1) return fail(ErrorCode::internal, "no random numbers");
  const std::string text = to_hex(random) + "\n";
  // Published whole, so that readers never see a part of it, and only if there is none, so that two programs starting
  // at once agree on one.
  auto file = PendingFile::create(path, 0640, PendingFile::Name::unique);
  if (!file) return cannot_make(path, file.error());
  const bool owned = group < 0 || ::fchown(file->fd(), static_cast<uid_t>(-1), static_cast<gid_t>(group)) == 0;
  if (!owned || ::fchmod(file->fd(), 0640) != 0) return cannot_make(path, errno);
  if (const int failure = file->write(text); failure != 0) return cannot_make(path, failure);
  const auto published = file->publish(PendingFile::Existing::keep);
  if (!published && published.error().error != EEXIST) return cannot_make(path, published.error().error);
  return {};
}

}  // namespace

Token::Token(std::string_view text) : hash_(sha256(text)) {}

bool Token::matches(std::string_view authorization) const {
  if (authorization.size() <= scheme.size()) return false;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    if ((authorization[i] | 0x20) != scheme[i]) return false;
  }
  const Hash given = sha256(trimmed(authorization.substr(scheme.size())));
  return CRYPTO_memcmp(given.data(), hash_.data(), hash_.size()) == 0;
}

Result<Token> read_token(const std::string& path) {
  const auto file = read_whole_file(path, token_file_bytes_max);
  if (!file) {
    const bool missing = file.error().code == ErrorCode::not_found;
    return fail(missing ? ErrorCode::not_found : ErrorCode::forbidden, "cannot read " + file.error().message,
                "token_file");
  }
  if ((file->mode & S_IROTH) != 0) {
    return fail(ErrorCode::forbidden, path + " can be read by everybody: take that away (chmod o-r)", "token_file");
  }
  const std::string_view text = trimmed(file->bytes);
  const bool blanks = text.find_first_of(" \t\r\n") != std::string_view::npos;
  if (text.size() < Token::bytes_min || blanks) {
    return fail(ErrorCode::invalid_argument,
                path + " must hold one token of at least " + std::to_string(Token::bytes_min) + " bytes without blanks",
                "token_file");
  }
  return Token(text);
}

Result<Token> read_or_make_token(const std::string& path, int group) {
  if (::access(path.c_str(), F_OK) != 0) {
    if (const Status made = write_new(path, group); !made) return tl::unexpected(made.error());
  }
  return read_token(path);
}

}  // namespace vault::web
