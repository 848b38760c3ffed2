// Directories in which vaultctl keeps CURVE keys. A key directory, as `vaultctl keygen --curve -o DIR` starts it, holds
//   secret.toml  public_key, secret_key   this peer's pair; mode 0600
//   public.toml  public_key, roles        to be copied into vaultd's `curve_clients` directory as <name>.toml
//   server.toml  public_key               vaultd's public key; put there by hand
// Keys are Z85 text of 40 characters.
#pragma once

#include <string>

#include "ledger/result.hpp"
#include "wire/client/client.hpp"

namespace vault::ctl {

// Error: invalid_argument naming the file and what is missing from it.
Result<CurveKeys> read_key_dir(const std::string& directory);

// Draws a pair and writes secret.toml and public.toml; makes the directory (0700) if it is missing. Overwrites nothing.
// Returns the public key.
Result<std::string> write_key_dir(const std::string& directory);

}  // namespace vault::ctl
