#include "wire/members.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "ledger/member_path.hpp"
#include "ledger/nearest.hpp"

namespace vault {
namespace {

constexpr std::array<std::string_view, 5> members_of_a_seal = {"session_id", "authority", "verdict", "seal_id",
                                                               "seal_data"};
constexpr std::size_t compared_bytes_max = 32;  // of a name; no known name is longer
constexpr std::size_t part_bytes_min = 4;       // "data" is near "seal_data", but "id" is too short to be near anything

// People read "sealId", "Seal-ID" and "seal_id" as one name.
std::string plain(std::string_view name) {
  std::string out;
  for (char c : name.substr(0, compared_bytes_max)) {
    if (c == '_' || c == '-') continue;
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

bool is_part(std::string_view part, std::string_view whole) {
  return part.size() >= part_bytes_min && whole.find(part) != std::string_view::npos;
}

// The known name that `name` was most likely meant to be; empty if none is near.
std::string_view nearest(std::string_view name, std::span<const std::string_view> known) {
  const std::string wanted = plain(name);
  std::string_view found;
  std::size_t found_at = wanted.size() >= 5 ? 3 : 2;  // only nearer names count, if any
  for (const std::string_view candidate : known) {
    const std::string there = plain(candidate);
    const std::size_t away = is_part(wanted, there) || is_part(there, wanted) ? 1 : count_mistakes(wanted, there);
    if (away >= found_at) continue;
    found = candidate;
    found_at = away;
  }
  return found;
}

std::string offer(std::string_view name, std::span<const std::string_view> known) {
  if (const std::string_view meant = nearest(name, known); !meant.empty()) {
    return fmt::format("; did you mean {}?", meant);
  }
  return fmt::format("; there are: {}", fmt::join(known, ", "));
}

}  // namespace

std::span<const std::string_view> seal_members() {
  return members_of_a_seal;
}

bool is_ignored_member(std::string_view name) {
  return name.starts_with("x-");
}

Error unknown_member(std::string_view what, std::string owner, std::string_view name,
                     std::span<const std::string_view> known) {
  std::string shown;
  append_member(shown, name);
  std::string message = fmt::format("{} has no member {}", what, shown) + offer(name, known);
  append_member(owner, name);
  return Error{ErrorCode::invalid_argument, std::move(message), std::move(owner)};
}

Error unknown_operation(std::optional<std::string_view> name, std::span<const std::string_view> known) {
  if (!name) {
    return Error{ErrorCode::unknown_op,
                 fmt::format("op is missing, or no string; there are: {}", fmt::join(known, ", ")), "op"};
  }
  std::string shown;
  append_member(shown, *name);
  return Error{ErrorCode::unknown_op, fmt::format("unknown operation {}", shown) + offer(*name, known), "op"};
}

}  // namespace vault
