#include "tools/mcp/arguments.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include "ledger/bytes.hpp"
#include "ledger/canonical_json.hpp"
#include "ledger/limits.hpp"
#include "ledger/reserved_names.hpp"
#include "os/clock.hpp"
#include "tools/common/arguments.hpp"
#include "tools/common/seal_ids.hpp"
#include "tools/common/times.hpp"

namespace vault::mcp {
namespace {

constexpr double exact_integer_max =
    9'007'199'254'740'992.0;  // 2^53: up to here a double represents every integer exactly
constexpr std::int64_t int64_max = std::numeric_limits<std::int64_t>::max();

// A number literal or digits in a string: 7, "7", and 7.0, which is an integer too in JSON Schema.
std::optional<std::int64_t> read_integer(const RawJson& json, const RawJson::Node& node) {
  if (node.kind == RawJson::Kind::string) return parse_integer(json.characters(node));
  if (node.kind != RawJson::Kind::number) return std::nullopt;
  const std::string_view text = json.text(node);
  if (const auto value = parse_integer(text)) return value;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool exact = error == std::errc() && std::abs(value) <= exact_integer_max && std::trunc(value) == value;
  if (!exact) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

// As in vaultctl, except that a time without an offset is UTC, because a model cannot know the host's time zone.
std::optional<Timestamp> read_time(std::string_view text) {
  return ctl::parse_time(text, Timestamp{wall_clock_micros()}, ctl::Zone::utc);
}

// Reads argument by argument. The first one that is wrong is kept as an error; every reader then returns a default.
class Reader {
 public:
  Reader(const Members& members, const std::vector<std::string_view>& known) : members_(members) {
    if (const auto twice = members.twice(); !twice.empty()) {
      refuse({}, excerpt(twice) + " occurs twice among the arguments");
    } else if (const auto other = members.other_than(known); !other.empty()) {
      std::string message = "there is no argument " + excerpt(other) + "; there are:";
      for (const std::string_view name : known) message.append(" ").append(name);
      refuse({}, std::move(message));
    }
  }

  bool has(std::string_view name) const { return value(name) != nullptr; }
  const RawJson::Node* value(std::string_view name) const {
    const RawJson::Node* node = members_.find(name);
    return node == nullptr || node->kind == RawJson::Kind::null ? nullptr : node;
  }

  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max = int64_max) {
    const RawJson::Node* node = value(name);
    if (node == nullptr) return std::nullopt;
    const auto number = read_integer(members_.json(), *node);
    if (number && *number >= min && *number <= max) return number;
    std::string expected = "must be a whole number from " + std::to_string(min);
    if (max != int64_max) expected += " to " + std::to_string(max);
    refuse(name, expected);
    return std::nullopt;
  }

  std::optional<std::string> text(std::string_view name) {
    const RawJson::Node* node = value(name);
    if (node == nullptr) return std::nullopt;
    if (node->kind == RawJson::Kind::string) return members_.json().characters(*node);
    refuse(name, "must be a string");
    return std::nullopt;
  }

  // A string that `parse` accepts; `kind` describes it.
  template <class Parse>
  auto parsed(std::string_view name, std::string_view kind, Parse parse) -> decltype(parse(std::string_view{})) {
    const auto given = text(name);
    if (!given) return std::nullopt;
    auto read = parse(*given);
    if (!read) refuse(name, "must be " + std::string(kind));
    return read;
  }

  std::optional<std::string> valid_name(std::string_view name) {
    auto given = text(name);
    if (!given) return std::nullopt;
    if (Status valid = check_name(*given, name); !valid) keep(std::move(valid.error()));
    return given;
  }

  bool boolean(std::string_view name) {
    const RawJson::Node* node = value(name);
    if (node == nullptr) return false;
    if (node->kind != RawJson::Kind::boolean) refuse(name, "must be true or false");
    return members_.json().text(*node) == "true";
  }

  void require(std::string_view name) {
    if (!has(name)) refuse(name, "is missing");
  }
  void refuse(std::string_view name, std::string message) {
    keep({ErrorCode::invalid_argument, std::move(message), std::string(name)});
  }
  void keep(Error error) {
    if (!error_) error_ = std::move(error);
  }
  Result<Operation> finish(Operation operation) {
    if (error_) return tl::unexpected(std::move(*error_));
    return operation;
  }

  const Members& members() const { return members_; }

 private:
  const Members& members_;
  std::optional<Error> error_;
};

std::optional<Verdict> read_verdict(Reader& in) {
  return in.parsed("verdict", "SEAL, PARTIAL, SABAR, VOID, 888_HOLD or SUNSET",
                   [](std::string_view text) { return parse_verdict(text); });
}

std::optional<Uuid> read_seal_id(Reader& in) {
  return in.parsed("seal_id", "a UUID of 36 characters", [](std::string_view text) { return parse_uuid(text); });
}

void read_paging(Reader& in, PageRequest& page) {
  page.cursor = in.integer("cursor", 0);
  const auto limit = in.integer("limit", 1, static_cast<std::int64_t>(limits::list_limit_max));
  if (limit) page.limit = static_cast<std::size_t>(*limit);
}

void read_order(Reader& in, PageRequest& page) {
  const auto order = in.parsed("order", "desc or asc", [](std::string_view text) -> std::optional<Order> {
    if (text == "desc") return Order::descending;
    if (text == "asc") return Order::ascending;
    return std::nullopt;
  });
  if (order) page.order = *order;
}

std::string read_payload(Reader& in) {
  const RawJson::Node* node = in.members().find("seal_data");
  if (node == nullptr) return {};
  auto text = canonicalize(
      in.members().json().text(*node),
      {.source = JsonSource::producer, .object_only = true, .bytes_max = limits::seal_bytes_max, .root = "seal_data"});
  if (!text) {
    in.keep(std::move(text.error()));
    return {};
  }
  return std::move(*text);
}

Result<Operation> seal(const Members& arguments) {
  Reader in(arguments, {"session_id", "authority", "verdict", "seal_data", "seal_id", "sign"});
  for (const char* needed : {"session_id", "authority", "verdict"}) in.require(needed);
  if (in.members().find("seal_data") == nullptr) in.refuse("seal_data", "is missing");
  Seal seal;
  seal.session_id = in.valid_name("session_id").value_or("");
  seal.authority = in.valid_name("authority").value_or("");
  if (Status allowed = check_not_reserved(seal.session_id, seal.authority, {}); !allowed) {
    in.keep(std::move(allowed.error()));
  }
  seal.verdict = read_verdict(in).value_or(Verdict::seal);
  seal.seal_data = read_payload(in);
  seal.seal_id = read_seal_id(in);
  if (!seal.seal_id) seal.seal_id = ctl::draw_seal_id();
  SealRequest request{.seals = {}, .batch = false, .sign = in.boolean("sign")};
  request.seals.push_back(std::move(seal));
  return in.finish(std::move(request));
}

Result<Operation> read(const Members& arguments) {
  Reader in(arguments, {"sequence", "seal_id", "session_id", "cursor", "limit"});
  const int keys = (in.has("sequence") ? 1 : 0) + (in.has("seal_id") ? 1 : 0) + (in.has("session_id") ? 1 : 0);
  if (keys != 1) in.refuse({}, "give exactly one of sequence, seal_id and session_id");
  if (!in.has("session_id") && (in.has("cursor") || in.has("limit"))) {
    in.refuse({}, "cursor and limit go with session_id only");
  }
  ReadRequest request{.sequence = in.integer("sequence", 1), .seal_id = read_seal_id(in), .session = {}};
  if (in.has("session_id")) {
    PageRequest& page = request.session.emplace();
    page.session_id = in.valid_name("session_id");
    page.order = Order::ascending;
    read_paging(in, page);
  }
  return in.finish(std::move(request));
}

Result<Operation> list(const Members& arguments) {
  Reader in(arguments, {"cursor", "limit", "order"});
  ListRequest request;
  read_paging(in, request.page);
  read_order(in, request.page);
  return in.finish(std::move(request));
}

Result<Operation> query(const Members& arguments) {
  Reader in(arguments, {"verdict", "session_id", "authority", "from", "to", "cursor", "limit", "order"});
  ListRequest request;
  PageRequest& page = request.page;
  page.verdict = read_verdict(in);
  page.session_id = in.valid_name("session_id");
  page.authority = in.valid_name("authority");
  constexpr std::string_view form =
      "a time: 2026-11-28, 2026-11-28T14:30:00Z, 2026-11-28T15:30:00.5+01:00, yesterday or -1h (UTC without an offset)";
  page.from = in.parsed("from", form, read_time);
  page.to = in.parsed("to", form, read_time);
  read_paging(in, page);
  read_order(in, page);
  return in.finish(std::move(request));
}

Result<Operation> verify(const Members& arguments) {
  Reader in(arguments, {"from", "to"});
  // Asks for progress even without a listener: it shows that vaultd is at work, however long that takes.
  const VerifyRangeRequest request{.from = in.integer("from", 1), .to = in.integer("to", 1), .progress = true};
  if (request.from && request.to && *request.from > *request.to) in.refuse("from", "is greater than to");
  return in.finish(request);
}

Result<Operation> proof(const Members& arguments) {
  Reader in(arguments, {"sequence", "tree_size"});
  in.require("sequence");
  const ProofRequest request{.sequence = in.integer("sequence", 1).value_or(0),
                             .tree_size = in.integer("tree_size", 1)};
  return in.finish(request);
}

}  // namespace

Result<Operation> read_arguments(Tool tool, const Members& arguments) {
  switch (tool) {
    case Tool::seal:
      return seal(arguments);
    case Tool::read:
      return read(arguments);
    case Tool::list:
      return list(arguments);
    case Tool::query:
      return query(arguments);
    case Tool::verify:
      return verify(arguments);
    case Tool::proof:
      break;
  }
  return proof(arguments);
}

}  // namespace vault::mcp
