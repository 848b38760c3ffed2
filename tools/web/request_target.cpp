#include "tools/web/request_target.hpp"

#include "ledger/bytes.hpp"

namespace vault::web {
namespace {

tl::unexpected<Error> malformed(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message), "target");
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// nullopt if malformed. A plus sign means a blank in a query, as forms send it, and itself in a path.
std::optional<std::string> decode(std::string_view text, bool in_query) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && in_query) {
      c = ' ';
    } else if (static_cast<unsigned char>(c) <= 0x20 || c == '#') {
      return std::nullopt;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    out += c;
  }
  if (!is_valid_utf8(out)) return std::nullopt;
  return out;
}

}  // namespace

Result<RequestTarget> parse_target(std::string_view target) {
  RequestTarget out;
  const std::size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  if (path.empty() || path.front() != '/') return malformed("the request's target must be a path");
  out.path = path;
  if (path.size() > 1) {
    for (std::size_t from = 1;;) {
      const std::size_t slash = path.find('/', from);
      auto segment = decode(path.substr(from, slash - from), false);
      if (!segment) return malformed("the path is not well formed");
      if (segment->empty() || *segment == "." || *segment == "..")
        return malformed("the path holds an empty name, . or ..");
      out.segments.push_back(std::move(*segment));
      if (slash == std::string_view::npos) break;
      from = slash + 1;
    }
  }
  if (question == std::string_view::npos) return out;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    const std::size_t equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), true);
    auto value =
        equals == std::string_view::npos ? std::optional<std::string>("") : decode(pair.substr(equals + 1), true);
    if (!name || !value || name->empty()) return malformed("the query is not well formed");
    out.query.emplace_back(std::move(*name), std::move(*value));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return out;
}

void QueryArguments::refuse(std::string_view name, std::string message) {
  if (!error_) error_ = Error{ErrorCode::invalid_argument, std::move(message), std::string(name)};
}

std::optional<std::string> QueryArguments::text(std::string_view name) {
  std::optional<std::string> found;
  for (std::size_t i = 0; i < query_.size(); ++i) {
    if (query_[i].first != name) continue;
    if (found) refuse(name, std::string(name) + " stands twice in the query");
    taken_[i] = true;
    found = query_[i].second;
  }
  return found;
}

std::optional<std::int64_t> QueryArguments::integer(std::string_view name, std::int64_t min, std::int64_t max) {
  const auto value = text(name);
  if (!value) return std::nullopt;
  const auto number = parse_integer(*value);
  if (number && *number >= min && *number <= max) return number;
  refuse(name,
         std::string(name) + " must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

bool QueryArguments::flag(std::string_view name) {
  const auto value = text(name);
  if (value && *value != "0" && *value != "1" && *value != "true" && *value != "false") {
    refuse(name, std::string(name) + " must be 0 or 1");
  }
  return value && (*value == "1" || *value == "true");
}

Status QueryArguments::finish() {
  for (std::size_t i = 0; i < query_.size() && !error_; ++i) {
    if (!taken_[i]) refuse(query_[i].first, "there is no argument of that name here");
  }
  if (error_) return tl::unexpected(*error_);
  return {};
}

}  // namespace vault::web
