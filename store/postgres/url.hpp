// Connection strings and URIs of libpq, as people write them: what is wrong with one, and what of it may be shown.
//
// A URL that is written badly puts its password where a host, a port or a database should be
// (postgresql://me:pass/word@host/db has the host `me` and the port `pass`). So nothing of a text is repeated unless
// every part of it is what its place is for.
#pragma once

#include <optional>
#include <string>

#include "ledger/result.hpp"

namespace vault {

// Error: invalid_argument where libpq does not take `text`, or takes it for something that cannot be meant: a host or a
// port that is none, an '@' in the database's name of a URI. Its message repeats no part of `text`.
Status check_connection_string(const std::string& text);

// `text` without its secrets, in the form in which it was given (URI or keywords), so that it can be used again.
// nullopt where some part could be a piece of a password: then nothing of it may be shown, nor of what libpq says
// about it.
std::optional<std::string> show_connection_string(const std::string& text);

}  // namespace vault
