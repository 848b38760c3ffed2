#include "wire/scalar.hpp"

#include <fmt/format.h>

#include <utility>

namespace vault {
namespace {

std::string_view kind_name(Scalar::Kind kind) {
  switch (kind) {
    case Scalar::Kind::absent:
      return "absent";
    case Scalar::Kind::nil:
      return "nil";
    case Scalar::Kind::boolean:
      return "a boolean";
    case Scalar::Kind::integer:
    case Scalar::Kind::big_integer:
      return "an integer";
    case Scalar::Kind::number:
      return "a float";
    case Scalar::Kind::string:
      return "a string";
    case Scalar::Kind::bytes:
      return "bin";
    case Scalar::Kind::extension:
      return "ext";
    case Scalar::Kind::array:
      return "an array";
    case Scalar::Kind::map:
      return "a map";
  }
  return "unknown";
}

}  // namespace

std::string member_path(std::string_view owner, std::int64_t index, std::string_view name) {
  std::string path(owner);
  if (index >= 0) path += fmt::format("[{}]", index);
  if (!path.empty() && !name.empty()) path += '.';
  path += name;
  return path;
}

void ScalarReader::refuse(std::string_view name, std::string message) {
  if (error_) return;
  error_ = Error{ErrorCode::invalid_argument, std::move(message), member_path(owner_, index_, name)};
}

void ScalarReader::require(const Scalar& value, std::string_view name) {
  if (!value.present()) refuse(name, fmt::format("{} is required", name));
}

bool ScalarReader::of_kind(const Scalar& value, Scalar::Kind kind, std::string_view what, std::string_view name) {
  if (!value.present()) return false;
  if (value.kind == kind) return true;
  refuse(name, fmt::format("{} must be {}, not {}", name, what, kind_name(value.kind)));
  return false;
}

std::optional<bool> ScalarReader::boolean(const Scalar& value, std::string_view name) {
  if (!of_kind(value, Scalar::Kind::boolean, "a boolean", name)) return std::nullopt;
  return value.boolean;
}

std::optional<std::int64_t> ScalarReader::integer(const Scalar& value, std::string_view name, std::int64_t min,
                                                  std::int64_t max) {
  const bool too_big = value.kind == Scalar::Kind::big_integer;
  if (!too_big && !of_kind(value, Scalar::Kind::integer, "an integer", name)) return std::nullopt;
  if (too_big || value.integer < min || value.integer > max) {
    refuse(name, fmt::format("{} must be from {} to {}", name, min, max));
    return std::nullopt;
  }
  return value.integer;
}

std::optional<std::string_view> ScalarReader::string(const Scalar& value, std::string_view name) {
  if (!of_kind(value, Scalar::Kind::string, "a string", name)) return std::nullopt;
  return value.text;
}

std::optional<std::string> ScalarReader::checked_name(const Scalar& value, std::string_view name) {
  const auto text = string(value, name);
  if (!text) return std::nullopt;
  if (auto checked = check_name(*text, name); !checked) {
    refuse(name, std::move(checked.error().message));
    return std::nullopt;
  }
  return std::string(*text);
}

std::optional<Uuid> ScalarReader::uuid(const Scalar& value, std::string_view name) {
  const auto text = string(value, name);
  if (!text) return std::nullopt;
  auto id = parse_uuid(*text);
  if (!id) refuse(name, fmt::format("{} must be a UUID of 36 characters", name));
  return id;
}

std::optional<Verdict> ScalarReader::verdict(const Scalar& value, std::string_view name) {
  const auto text = string(value, name);
  if (!text) return std::nullopt;
  auto verdict = parse_verdict(*text);
  if (!verdict) refuse(name, fmt::format("{} must be SEAL, PARTIAL, SABAR, VOID, 888_HOLD or SUNSET", name));
  return verdict;
}

std::optional<Timestamp> ScalarReader::timestamp(const Scalar& value, std::string_view name) {
  const auto text = string(value, name);
  if (!text) return std::nullopt;
  auto instant = parse_timestamp(*text);
  if (!instant) refuse(name, fmt::format("{} must be an instant in the form YYYY-MM-DDTHH:MM:SS.ffffffZ", name));
  return instant;
}

std::optional<Order> ScalarReader::order(const Scalar& value, std::string_view name) {
  const auto text = string(value, name);
  if (!text) return std::nullopt;
  if (*text == "asc") return Order::ascending;
  if (*text == "desc") return Order::descending;
  refuse(name, fmt::format("{} must be asc or desc", name));
  return std::nullopt;
}

}  // namespace vault
