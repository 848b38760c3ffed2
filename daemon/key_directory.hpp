// CURVE keys on disk, in the TOML that `vaultctl keygen --curve` writes.
//
//   server key file:     public_key = "<Z85>"   secret_key = "<Z85>"
//   clients directory:   one NAME.toml per client: public_key = "<Z85>",
//                        roles = ["producer", "reader", "public", "admin"] (some of them),
//                        authorities = ["..."] (optional: the only ones on which this producer may seal)
#pragma once

#include <memory>
#include <string>

#include "actors/message.hpp"
#include "daemon/sockets.hpp"
#include "ledger/result.hpp"

namespace vault {

inline constexpr std::size_t key_file_bytes_max = 64 << 10;

// Error: invalid_argument naming file and key; those of read_whole_file() if it cannot be read.
Result<ServerKey> load_server_key(const std::string& path);

class KeyDirectory {
 public:
  explicit KeyDirectory(std::string path) : path_(std::move(path)) {}

  // The keys, or nullptr if no file has changed since the last successful call. Cost of an unchanged directory: one
  // stat per file. Error: invalid_argument naming file, key and what was expected.
  Result<std::shared_ptr<const KeyRing>> load_changed();

 private:
  std::string path_;
  std::string fingerprint_;
};

}  // namespace vault
