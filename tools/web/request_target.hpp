// The target of a request, taken apart: path segments and query, percent-decoded. Pure; strict, since differences in
// how two programs read a target can be used to get past the checks of one of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/quantity.hpp"
#include "ledger/result.hpp"

namespace vault::web {

struct RequestTarget {
  std::string path;                   // as received, without the query
  std::vector<std::string> segments;  // decoded one by one, so that %2F is part of a name; "/" has none
  std::vector<std::pair<std::string, std::string>> query;
};

// Origin form only ("/a/b?c=d"). Error: invalid_argument for anything else, for percent signs without two hex digits,
// for NUL, other control characters and invalid UTF-8 after decoding, and for empty segments or "." and "..".
Result<RequestTarget> parse_target(std::string_view target);

// A query's arguments, each taken by name. The first that is wrong is kept as the error; finish() also refuses
// arguments that were not taken, and duplicates.
class QueryArguments {
 public:
  explicit QueryArguments(const RequestTarget& target) : query_(target.query), taken_(target.query.size()) {}

  std::optional<std::string> text(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max);
  // "0", "1", "true", "false"; absent: false.
  bool flag(std::string_view name);
  void refuse(std::string_view name, std::string message);
  Status finish();

 private:
  std::span<const std::pair<std::string, std::string>> query_;
  std::vector<bool> taken_;
  std::optional<Error> error_;
};

}  // namespace vault::web
