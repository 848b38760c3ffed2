#include "daemon/state_directory.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "daemon/secret_file.hpp"
#include "ledger/check.hpp"
#include "ledger/sha256.hpp"
#include "os/clock.hpp"
#include "os/durable_file.hpp"
#include "os/log.hpp"
#include "os/whole_file.hpp"

namespace vault {
namespace {

tl::unexpected<Error> file_error(const std::string& what, const std::string& path) {
  return fail(ErrorCode::internal, what + " " + path + ": " + std::strerror(errno));
}

// A configured path that leads nowhere is a wrong setting; a full disk is not, and may have room again later.
ErrorCode state_error(int error) {
  const ErrorCode code = code_of_file_error(error);
  return code == ErrorCode::not_found ? ErrorCode::invalid_argument : code;
}

Status make_durable(const std::string& directory) {
  const int failure = sync_directory(directory.empty() ? "." : directory);
  errno = failure;
  return failure == 0 ? Status{} : file_error("cannot sync", directory);
}

constexpr std::size_t state_file_bytes_max = std::size_t{1} << 20;

// nullopt if there is no such file. Error: internal naming the path.
Result<std::optional<std::string>> read_file(const std::string& path) {
  auto file = read_whole_file(path, state_file_bytes_max);
  if (file) return std::move(file->bytes);
  if (file.error().code == ErrorCode::not_found) return std::nullopt;
  return fail(ErrorCode::internal, "cannot read " + file.error().message);
}

}  // namespace

Result<std::unique_ptr<StateDirectory>> StateDirectory::open(const std::string& path, const std::string& key_file) {
  // Durable before anything is kept in it: a key that is lost with its directory would already have signed.
  if (const int failure = make_durable_directory(path, 0777); failure != 0) {
    return fail(state_error(failure),
                "state_dir: cannot make " + path + ": " + std::strerror(failure) + ". Choose another with --state-dir");
  }
  std::unique_ptr<StateDirectory> state(new StateDirectory);
  state->path_ = path;
  state->own_key_ = key_file.empty();
  state->key_file_ = key_file.empty() ? path + "/signing.pem" : key_file;
  const std::string lock_path = path + "/lock";
  state->lock_ = UniqueFd(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!state->lock_) {
    return fail(state_error(errno), "state_dir: cannot write to " + path + ": " + std::strerror(errno));
  }
  if (flock(state->lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::invalid_argument,
                "state_dir: " + path + " is in use by another vaultd; a standby needs one of its own");
  }
  auto instance = read_file(path + "/instance");
  if (!instance) return tl::unexpected(instance.error());
  if (*instance && parse_uuid((*instance)->substr(0, 36))) {
    state->instance_ = (*instance)->substr(0, 36);
    return state;
  }
  std::array<std::uint8_t, 16> random{};
  VAULT_CHECK(RAND_bytes(random.data(), static_cast<int>(random.size())) == 1);
  state->instance_ = format_uuid(make_uuid_v7({wall_clock_micros()}, random));
  const Status written = write_file_durably(path + "/instance", state->instance_ + "\n", 0600);
  if (!written) return tl::unexpected(written.error());
  return state;
}

Result<SigningKey> StateDirectory::load_key(const std::string& origin, bool may_create) {
  auto found = read_signing_key(key_file_, origin);
  // The notary distinguishes two refusals: the configuration does not work, or the disk does not at present.
  if (!found && found.error().code == ErrorCode::internal) return tl::unexpected(found.error());
  if (!found) return fail(ErrorCode::invalid_argument, found.error().message);
  if (*found) return std::move(**found);
  if (!own_key_) return fail(ErrorCode::invalid_argument, "signing_key: there is no file " + key_file_);
  if (!may_create) {
    return fail(ErrorCode::invalid_argument, "this ledger has been signed before, and its key is not in " + path_ +
                                                 ". Give vaultd the key that signs it (--signing-key)");
  }
  auto key = SigningKey::generate(origin);
  if (!key) return fail(ErrorCode::invalid_argument, "origin: " + key.error().message);
  auto text = key->to_pem();
  if (!text) return tl::unexpected(text.error());
  const Status written = write_file_durably(key_file_, *text, 0600);
  if (!written) return tl::unexpected(written.error());
  log_info("notary", "signing key made", {{"file", key_file_}, {"vkey", key->verifier().format()}});
  return key;
}

Result<std::optional<std::string>> StateDirectory::load_checkpoint() {
  return read_file(path_ + "/checkpoint");
}

Status StateDirectory::save_checkpoint(const std::string& note) {
  return write_file_durably(path_ + "/checkpoint", note, 0644);
}

// --- Contradictions --------------------------------------------------------------------------------------------------

Result<std::vector<std::string>> StateDirectory::load_evidence() {
  std::vector<std::string> notes;
  std::error_code error;
  const std::filesystem::path directory = path_ + "/contradictions";
  if (!std::filesystem::exists(directory, error) && !error) return notes;
  std::filesystem::directory_iterator files(directory, error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    if (files->path().extension() != ".note") continue;  // temporary file of an unfinished write
    auto note = read_file(files->path());
    if (!note) return tl::unexpected(note.error());
    if (*note) notes.push_back(std::move(**note));
  }
  if (error) return fail(ErrorCode::internal, "cannot read " + directory.string() + ": " + error.message());
  return notes;
}

Status StateDirectory::keep_evidence(const std::string& note) {
  const std::string directory = path_ + "/contradictions";
  if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) return file_error("cannot make", directory);
  // Even if it already existed: whoever made it may not have done this yet.
  if (const Status synced = make_durable(path_); !synced) return synced;
  return write_file_durably(directory + "/" + to_hex(sha256(note)) + ".note", note, 0644);
}

// --- The last acknowledged head --------------------------------------------------------------------------------------

namespace {

// One write within one page, so the end of this process cannot tear it; after a crash of the machine it is checked.
constexpr std::size_t told_bytes = 512;

}  // namespace

Result<std::optional<std::string>> StateDirectory::load_told() {
  auto saved = read_file(path_ + "/told");
  if (!saved || !*saved) return saved;
  std::string& text = **saved;
  text.erase(text.find_last_not_of('\n') + 1);
  text += '\n';
  return saved;
}

Status StateDirectory::save_told(const std::string& text, bool durably) {
  const std::string file = path_ + "/told";
  if (text.size() > told_bytes) return fail(ErrorCode::internal, "the acknowledged head does not fit " + file);
  if (!told_) {
    UniqueFd opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!opened) return file_error("cannot write", file);
    // Kept open only once its name is durable, or nobody would try that again.
    if (const Status synced = make_durable(path_); !synced) return synced;
    told_ = std::move(opened);
  }
  std::string block = text;
  block.resize(told_bytes, '\n');
  if (pwrite(told_.get(), block.data(), block.size(), 0) != static_cast<ssize_t>(block.size()) ||
      (durably && fdatasync(told_.get()) != 0)) {
    return file_error("cannot write", file);
  }
  return {};
}

}  // namespace vault
