#include "daemon/key_directory.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <sstream>
#include <vector>

#include "actors/runtime/authenticator.hpp"
#include "os/log.hpp"
#include "os/whole_file.hpp"

namespace vault {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> bad_key_file(const fs::path& file, const std::string& what) {
  return fail(ErrorCode::invalid_argument, file.string() + ": " + what);
}

Result<toml::table> parse(const fs::path& file) {
  const auto text = read_whole_file(file.string(), key_file_bytes_max);
  if (!text) return tl::unexpected(text.error());
  try {
    return toml::parse(text->bytes, file.string());
  } catch (const toml::parse_error& error) {
    std::ostringstream where;
    where << "line " << error.source().begin.line << ": " << error.description();
    return bad_key_file(file, where.str());
  }
}

Result<std::string> z85_member(const toml::table& table, const fs::path& file, const char* name) {
  const auto value = table[name].value<std::string>();
  if (!value || !is_curve_key(*value)) return bad_key_file(file, std::string(name) + " must be 40 characters of Z85");
  return *value;
}

Result<std::vector<std::string>> strings(const toml::table& table, const fs::path& file, const char* name) {
  std::vector<std::string> out;
  if (!table.contains(name)) return out;
  const toml::array* array = table[name].as_array();
  if (!array) return bad_key_file(file, std::string(name) + " must be a list of strings");
  for (const toml::node& node : *array) {
    const auto text = node.value<std::string>();
    if (!text) return bad_key_file(file, std::string(name) + " must be a list of strings");
    out.push_back(*text);
  }
  return out;
}

Status add_client(const fs::path& file, KeyRing& ring) {
  auto table = parse(file);
  if (!table) return tl::unexpected(table.error());
  auto public_key = z85_member(*table, file, "public_key");
  if (!public_key) return tl::unexpected(public_key.error());
  auto roles = strings(*table, file, "roles");
  if (!roles) return tl::unexpected(roles.error());
  auto authorities = strings(*table, file, "authorities");
  if (!authorities) return tl::unexpected(authorities.error());
  PeerKey key;
  key.name = file.stem().string();
  key.authorities = std::move(*authorities);
  for (const std::string& role : *roles) {
    if (role == "producer") {
      key.producer = true;
    } else if (role == "reader") {
      key.reader = true;
    } else if (role == "public") {
      key.strangers = true;
    } else if (role == "admin") {
      key.admin = true;
    } else {
      return bad_key_file(file, "there is no role \"" + role + "\"; roles are producer, reader, public and admin");
    }
  }
  if (!ring.emplace(*public_key, std::move(key)).second) {
    return bad_key_file(file, "another file in the directory has the same public_key");
  }
  return {};
}

}  // namespace

Result<ServerKey> load_server_key(const std::string& path) {
  auto table = parse(path);
  if (!table) return tl::unexpected(table.error());
  auto public_key = z85_member(*table, path, "public_key");
  if (!public_key) return tl::unexpected(public_key.error());
  auto secret_key = z85_member(*table, path, "secret_key");
  if (!secret_key) return tl::unexpected(secret_key.error());
  return ServerKey{*public_key, *secret_key};
}

Result<std::shared_ptr<const KeyRing>> KeyDirectory::load_changed() {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(path_, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".toml") files.push_back(entry->path());
  }
  if (error) return fail(ErrorCode::invalid_argument, "curve_clients: cannot read " + path_ + ": " + error.message());
  std::sort(files.begin(), files.end());
  std::ostringstream fingerprint;
  for (const fs::path& file : files) {
    const auto written = fs::last_write_time(file, error).time_since_epoch().count();
    fingerprint << file.string() << '\n' << written << ' ' << fs::file_size(file, error) << '\n';
  }
  if (fingerprint.str() + "#" == fingerprint_) return std::shared_ptr<const KeyRing>();
  auto ring = std::make_shared<KeyRing>();
  for (const fs::path& file : files) {
    const Status added = add_client(file, *ring);
    if (!added) return tl::unexpected(added.error());
  }
  fingerprint_ = fingerprint.str() + "#";
  return std::shared_ptr<const KeyRing>(std::move(ring));
}

}  // namespace vault
