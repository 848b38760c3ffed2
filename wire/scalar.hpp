// One member's value as a message holds it, and its conversion to types. Private to wire/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/entry.hpp"
#include "ledger/page.hpp"
#include "ledger/result.hpp"

namespace vault {

struct Scalar {
  enum class Kind : std::uint8_t {
    absent,
    nil,
    boolean,
    integer,
    big_integer,  // beyond INT64_MAX
    number,
    string,
    bytes,
    extension,
    array,
    map,
  };
  Kind kind = Kind::absent;
  bool boolean = false;
  std::int64_t integer = 0;
  std::string_view text{};  // string, bytes: into the message

  // nil counts as absent.
  bool present() const { return kind != Kind::absent && kind != Kind::nil; }
};

// Reads scalars and keeps the first refusal, so that an operation's arguments are read in a row and checked once. Every
// reader returns nullopt for an absent value and for a refused one; `name` is the member's, and `field` of the refusal
// is the path: "name", "seal.name", or "seals[index].name".
class ScalarReader {
 public:
  ScalarReader() = default;
  // Members of the map `owner` ("seal"), or of its element `index` where that is not negative ("seals[3]").
  explicit ScalarReader(std::string_view owner, std::int64_t index = -1) : owner_(owner), index_(index) {}

  std::optional<bool> boolean(const Scalar& value, std::string_view name);
  // min <= value <= max
  std::optional<std::int64_t> integer(const Scalar& value, std::string_view name, std::int64_t min,
                                      std::int64_t max = INT64_MAX);
  std::optional<std::string> checked_name(const Scalar& value, std::string_view name);
  std::optional<Uuid> uuid(const Scalar& value, std::string_view name);
  std::optional<Verdict> verdict(const Scalar& value, std::string_view name);
  std::optional<Timestamp> timestamp(const Scalar& value, std::string_view name);
  std::optional<Order> order(const Scalar& value, std::string_view name);

  // Refuses an absent value.
  void require(const Scalar& value, std::string_view name);
  void refuse(std::string_view name, std::string message);

  const std::optional<Error>& error() const { return error_; }

 private:
  std::optional<std::string_view> string(const Scalar& value, std::string_view name);
  bool of_kind(const Scalar& value, Scalar::Kind kind, std::string_view what, std::string_view name);

  std::string_view owner_;
  std::int64_t index_ = -1;
  std::optional<Error> error_;
};

// "owner", "owner[index]" where index is not negative, followed by ".name" where there is one.
std::string member_path(std::string_view owner, std::int64_t index, std::string_view name);

}  // namespace vault
