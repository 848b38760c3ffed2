// One vocabulary of refusals for the whole project.
//
// Expected refusals travel as Result<T>; broken invariants abort through CHECK (check.hpp); exceptions never cross a
// file boundary. The codes are those of docs/protocol.md, so that a refusal found deep in the ledger reaches the peer
// under the name it was given there.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace vault {

enum class ErrorCode : std::uint8_t {
  invalid_message,
  unsupported_version,
  unknown_op,
  invalid_argument,
  too_large,
  seal_id_conflict,
  not_found,
  forbidden,
  busy,
  unavailable,
  deadline_exceeded,
  internal,
};

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;     // what was wrong, where, and what to do; never holds payloads or secrets
  std::string field;       // path of the offending member ("seal.seal_data.score"), or empty
  std::string sqlstate{};  // where a database server said no: its five characters

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string field = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(field)});
}

}  // namespace vault
