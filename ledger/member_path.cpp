#include "ledger/member_path.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ledger/bytes.hpp"
#include "ledger/canonical_json.hpp"

namespace vault {
namespace {

constexpr std::size_t name_bytes_shown = 64;

// True for a name that is unambiguous after a dot; others are quoted.
bool is_plain_name(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return code <= 0x20 || code == 0x7F || c == '.' || c == '[' || c == ']' || c == '"' || c == '\\';
  });
}

std::string with_hex(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const auto code = static_cast<unsigned char>(c);
    out += code < 0x80 ? std::string(1, c) : fmt::format("<{:02x}>", code);
  }
  return out;
}

}  // namespace

void append_member(std::string& path, std::string_view name) {
  const bool whole = name.size() <= name_bytes_shown;
  if (!whole) {
    std::size_t end = name_bytes_shown;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;  // not inside a character
    name = name.substr(0, end);
  }
  const bool is_text = is_valid_utf8(name);
  if (is_text && is_plain_name(name)) {
    if (!path.empty()) path.push_back('.');
    path.append(name);
    if (!whole) path.append("…");
    return;
  }
  path.push_back('[');
  append_string(is_text ? name : with_hex(name), path);
  if (!whole) path.append("…");
  path.push_back(']');
}

}  // namespace vault
