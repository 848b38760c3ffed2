#include "tools/common/key_dir.hpp"

#include <sys/stat.h>

#include <toml++/toml.h>
#include <cerrno>
#include <filesystem>

#include "tools/common/files.hpp"
#include "wire/client/curve_keys.hpp"

namespace vault::ctl {
namespace {

constexpr std::size_t key_file_bytes_max = 64 << 10;
constexpr std::size_t z85_key_chars = 40;

Result<std::string> read_key(const std::string& file, const char* name) {
  const auto text = read_input(file, key_file_bytes_max);
  if (!text) return fail(text.error().code, text.error().message, "key_dir");
  try {
    const toml::table table = toml::parse(*text, file);
    const auto key = table[name].value<std::string>();
    if (key && key->size() == z85_key_chars) return *key;
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::invalid_argument, file + " is not TOML: " + std::string(error.description()), "key_dir");
  }
  return fail(ErrorCode::invalid_argument, file + " needs " + name + " = \"<40 characters of Z85>\"", "key_dir");
}

}  // namespace

Result<CurveKeys> read_key_dir(const std::string& directory) {
  CurveKeys keys;
  struct Wanted {
    const char* file;
    const char* name;
    std::string* out;
  };
  for (const Wanted& wanted : {Wanted{"/secret.toml", "public_key", &keys.client_public},
                               Wanted{"/secret.toml", "secret_key", &keys.client_secret},
                               Wanted{"/server.toml", "public_key", &keys.server_public}}) {
    auto key = read_key(directory + wanted.file, wanted.name);
    if (!key) return tl::unexpected(key.error());
    *wanted.out = std::move(*key);
  }
  return keys;
}

Result<std::string> write_key_dir(const std::string& directory) {
  const auto pair = make_curve_key_pair();
  if (!pair) return tl::unexpected(pair.error());
  std::error_code ignored;  // mkdir() reports errors
  std::filesystem::create_directories(std::filesystem::path(directory + "/").parent_path().parent_path(), ignored);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return cannot("create", directory, errno);
  }
  const std::string secret =
      "# A CURVE key pair. Keep it secret: who has it can speak to vaultd in your name.\n"
      "public_key = \"" +
      pair->public_key + "\"\nsecret_key = \"" + pair->secret_key + "\"\n";
  const std::string open =
      "# Of a client: copy into vaultd's curve_clients directory as <name>.toml and give it roles.\n"
      "# Of vaultd: copy beside each client's secret.toml as server.toml; roles mean nothing there.\n"
      "public_key = \"" +
      pair->public_key +
      "\"\n"
      "roles = []  # \"producer\" (seal), \"reader\" (queries, events), \"public\" (checkpoints, tiles), \"admin\"\n"
      "# authorities = [\"deploy-bot\"]  # a producer that may seal on these only\n";
  if (const Status made = create_file(directory + "/secret.toml", secret, 0600); !made) {
    return tl::unexpected(made.error());
  }
  if (const Status made = create_file(directory + "/public.toml", open, 0644); !made) {
    return tl::unexpected(made.error());
  }
  return pair->public_key;
}

}  // namespace vault::ctl
