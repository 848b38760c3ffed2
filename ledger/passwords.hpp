// What of a text that somebody has typed may be repeated in a message: connection strings hold passwords, and end up in
// places that are not for them.
#pragma once

#include <string>
#include <string_view>

namespace vault {

// "pass", "pwd" or "secret", in any case.
bool holds_telling_word(std::string_view text);

// True where `text`, found in a place that is not for it, may be a connection string or a piece of one.
bool may_hold_password(const std::string& text);

// `text` in quotation marks, or words that stand for it where it may hold a password.
std::string quoted_unless_secret(const std::string& text);

// For messages of a command line's parser, which repeat arguments: takes out each that may hold a password.
std::string without_passwords(std::string message, int argc, char** argv);

}  // namespace vault
