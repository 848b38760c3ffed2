#include "ledger/passwords.hpp"

#include <algorithm>

namespace vault {

bool holds_telling_word(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower.find("pass") != std::string::npos || lower.find("pwd") != std::string::npos ||
         lower.find("secret") != std::string::npos;
}

bool may_hold_password(const std::string& text) {
  const bool endpoint = text.starts_with("ipc://") || text.starts_with("tcp://");
  const bool url = text.find("://") != std::string::npos && !endpoint;
  return url || text.find('@') != std::string::npos || holds_telling_word(text);
}

std::string quoted_unless_secret(const std::string& text) {
  return may_hold_password(text) ? "what is there (it is not shown, since it may hold a password)" : '"' + text + '"';
}

std::string without_passwords(std::string message, int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    // In --flag=value, the flag may be shown.
    if (argument.starts_with('-')) argument.erase(0, std::min(argument.find('='), argument.size() - 1) + 1);
    if (argument.empty() || !may_hold_password(argument)) continue;
    for (std::size_t at = 0; (at = message.find(argument, at)) != std::string::npos;) {
      message.replace(at, argument.size(), "(not shown)");
    }
  }
  return message;
}

}  // namespace vault
