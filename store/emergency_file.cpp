#include "store/emergency_file.hpp"

#include <fmt/format.h>

#include <utility>

#include "ledger/bytes.hpp"
#include "ledger/canonical_json.hpp"

namespace vault {
namespace {

void append_text_member(std::string_view name, std::string_view value, std::string& out) {
  out += fmt::format("\"{}\":", name);
  append_string(value, out);
  out += ',';
}

tl::unexpected<Error> wrong(std::string_view name, std::string_view what) {
  return fail(ErrorCode::invalid_argument, fmt::format("member {}: {}", name, what), std::string(name));
}

Result<std::string> text_member(const RawJson& json, std::string_view name) {
  const RawJson::Node* node = json.member(name);
  if (node == nullptr || node->kind != RawJson::Kind::string) return wrong(name, "a string was expected");
  return json.characters(*node);
}

// A member converted by `parse`, which returns nullopt for anything it does not accept.
template <class Parse>
auto parsed_member(const RawJson& json, std::string_view name, std::string_view wanted, Parse parse)
    -> Result<typename decltype(parse(std::string_view{}))::value_type> {
  const auto text = text_member(json, name);
  if (!text) return tl::unexpected(text.error());
  const auto value = parse(*text);
  if (!value) return wrong(name, fmt::format("{} was expected", wanted));
  return *value;
}

Result<std::string> name_member(const RawJson& json, std::string_view name) {
  auto text = text_member(json, name);
  if (!text) return text;
  if (const Status valid = check_name(*text, name); !valid) return tl::unexpected(valid.error());
  return text;
}

}  // namespace

std::string format_emergency_file(const KeptSeal& seal) {
  std::string out = "{";
  append_text_member("backend", emergency_backend, out);
  append_text_member("seal_id", format_uuid(seal.seal_id), out);
  append_text_member("session_id", seal.session_id, out);
  append_text_member("authority", seal.authority, out);
  append_text_member("verdict", verdict_name(seal.verdict), out);
  append_text_member("timestamp", format_timestamp(seal.timestamp), out);
  out += "\"seal_data\":" + seal.seal_data.value_or("{}") + "}\n";
  return out;
}

bool is_emergency_file(const RawJson& json) {
  const RawJson::Node* backend = json.member("backend");
  return backend != nullptr && backend->kind == RawJson::Kind::string &&
         json.characters(*backend) == emergency_backend && json.member("seal_id") != nullptr;
}

Result<KeptSeal> read_emergency_file(const RawJson& json) {
  if (!is_emergency_file(json)) return wrong("backend", "\"legacy\" and a seal_id were expected");
  const auto seal_id = parsed_member(json, "seal_id", "a UUID of 36 characters", parse_uuid);
  if (!seal_id) return tl::unexpected(seal_id.error());
  auto session_id = name_member(json, "session_id");
  if (!session_id) return tl::unexpected(session_id.error());
  auto authority = name_member(json, "authority");
  if (!authority) return tl::unexpected(authority.error());
  const auto verdict = parsed_member(json, "verdict", "a verdict of the ledger", parse_verdict);
  if (!verdict) return tl::unexpected(verdict.error());
  const auto timestamp =
      parsed_member(json, "timestamp", "a timestamp like 2026-01-01T00:00:00.000000Z", parse_timestamp);
  if (!timestamp) return tl::unexpected(timestamp.error());
  const RawJson::Node* payload = json.member("seal_data");
  if (payload == nullptr) return wrong("seal_data", "is missing");
  auto canonical = canonicalize(json.text(*payload),
                                // Without the bound on numbers: the file may be older than that bound.
                                {.source = JsonSource::producer,
                                 .object_only = true,
                                 .bytes_max = limits::seal_bytes_max,
                                 .root = "seal_data",
                                 .bound_numbers = false});
  if (!canonical) return tl::unexpected(canonical.error());
  KeptSeal seal;
  seal.seal_id = *seal_id;
  seal.session_id = std::move(*session_id);
  seal.authority = std::move(*authority);
  seal.verdict = *verdict;
  seal.timestamp = *timestamp;
  seal.seal_data = std::move(*canonical);
  return seal;
}

Result<KeptSeal> parse_emergency_file(std::string_view text) {
  if (!is_valid_utf8(text)) return fail(ErrorCode::invalid_argument, "not valid UTF-8");
  const auto json = RawJson::parse(text);
  if (!json) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("not JSON at byte {}: {}", json.error().at, json.error().what));
  }
  return read_emergency_file(*json);
}

}  // namespace vault
