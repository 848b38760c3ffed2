// Connection strings and URIs of libpq, as people write them: checks them, and decides what may be shown.
//
// A badly written URL puts its password where a host, a port or a database should be (postgresql://me:pass/word@host/db
// has the host `me` and the port `pass`). So no part of a text is repeated unless every part of it is plausible in its
// place.
#pragma once

#include <optional>
#include <string>

#include "ledger/result.hpp"

namespace vault {

// Error: invalid_argument if libpq does not accept `text`, or takes it for something that cannot be meant: an invalid
// host or port, an '@' in the database name of a URI. The message repeats no part of `text`.
Status check_connection_string(const std::string& text);

// `text` without its secrets, in the form in which it was given (URI or keywords), so that it can be used again.
// nullopt if some part could be a piece of a password: then nothing of it may be shown, nor anything that libpq says
// about it.
std::optional<std::string> show_connection_string(const std::string& text);

}  // namespace vault
