// vaultd's exit codes (docs/operating.md, "Exit codes"): systemd does not restart it after `exit_configuration` and
// `exit_environment`.
#pragma once

#include "ledger/result.hpp"

namespace vault {

inline constexpr int exit_stopped = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_configuration = 2;
inline constexpr int exit_environment = 4;  // a file, a directory or a right is missing

// invalid_argument: configuration; forbidden and not_found: environment; anything else may pass by itself.
inline int exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
      return exit_configuration;
    case ErrorCode::forbidden:
    case ErrorCode::not_found:
      return exit_environment;
    default:
      return exit_failure;
  }
}

}  // namespace vault
