// One vocabulary of refusals for the whole project.
//
// Expected refusals travel as Result<T>; broken invariants abort through VAULT_CHECK (check.hpp); exceptions never
// cross a file boundary. The codes are those of docs/protocol.md, so that a refusal found deep in the ledger reaches
// the peer under the name it was given there.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "ledger/sqlstate.hpp"

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
  SqlState sqlstate;    // set if a database server refused; costs a Result no space here
  std::string message;  // what was wrong, where, and what to do; never holds payloads or secrets
  std::string field;    // path of the offending member ("seal.seal_data.score"), or empty

  Error() = default;
  Error(ErrorCode what, std::string text, std::string path = {}, SqlState state = {})
      : code(what), sqlstate(state), message(std::move(text)), field(std::move(path)) {}

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;
// Every call that can be refused returns one, and JSON makes a dozen such calls for each payload. GCC clears larger
// objects with a microcoded loop that takes longer than most of those calls.
static_assert(sizeof(Status) <= 80);

inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string field = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(field)});
}

// A refusal because an argument is not what it must be.
inline tl::unexpected<Error> refuse_argument(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message));
}

}  // namespace vault
