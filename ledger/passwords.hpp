// Decides which parts of a text that somebody typed may be repeated in a message: connection strings hold passwords,
// and end up in places that are not meant for them.
#pragma once

#include <string>
#include <string_view>

namespace vault {

// True if `text` contains "pass", "pwd" or "secret", in any case.
bool holds_telling_word(std::string_view text);

// True if `text`, found where it does not belong, may be a connection string or a piece of one.
bool may_hold_password(const std::string& text);

// `text` in quotation marks, or a placeholder if it may hold a password.
std::string quoted_unless_secret(const std::string& text);

// For messages of a command-line parser, which repeat arguments: removes every argument that may hold a password.
std::string without_passwords(std::string message, int argc, char** argv);

}  // namespace vault
