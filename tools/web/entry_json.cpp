#include "tools/web/entry_json.hpp"

#include <fmt/format.h>

#include "tools/common/json_output.hpp"
#include "wire/codec.hpp"

namespace vault::web {
namespace {

using ctl::EntryView;
using ctl::json_string;

std::string quoted(std::string_view plain) {
  return fmt::format("\"{}\"", plain);
}

// The beginning of both forms, after the brace.
std::string envelope(const EntryView& entry) {
  return fmt::format(R"("session_id":{},"seal_id":"{}","timestamp":"{}","authority":{},"verdict":"{}")",
                     json_string(entry.session_id), format_uuid(entry.seal_id), format_timestamp(entry.timestamp),
                     json_string(entry.authority), verdict_name(entry.verdict));
}

}  // namespace

std::string entry_json(const EntryView& entry) {
  std::string out = "{";
  const Entry* sealed = entry.sealed;
  out += sealed == nullptr ? std::string("\"backend\":\"legacy\",") : fmt::format("\"sequence\":{},", sealed->sequence);
  out += envelope(entry);
  out += fmt::format(",\"seal_data\":{}", entry.seal_data.value_or("null"));  // canonical text is JSON
  if (sealed != nullptr) {
    out += ",\"data_salt\":" + (sealed->data_salt ? quoted(to_hex(*sealed->data_salt)) : "null");
    out += fmt::format(R"(,"data_hash":"{}","entry_hash":"{}","prev_hash":"{}","merkle_root":"{}")",
                       to_hex(sealed->data_hash), to_hex(sealed->entry_hash), to_hex(sealed->prev_hash),
                       to_hex(sealed->merkle_root));
    out += ",\"created_at\":" + (sealed->created_at ? quoted(format_timestamp(*sealed->created_at)) : "null");
  }
  out += ",\"seal_data_canonical\":" + (entry.seal_data ? json_string(*entry.seal_data) : "null") + "}";
  return out;
}

Result<std::string> entry_result_json(std::string_view result) {
  const auto entry = decode_entry(result);
  if (!entry) return tl::unexpected(entry.error());
  return "{\"entry\":" + entry_json(*entry) + "}";
}

Result<std::string> page_result_json(std::string_view result) {
  const auto decoded = decode_page(result);
  if (!decoded) return tl::unexpected(decoded.error());
  const ctl::PageView page(*decoded);
  std::string out = "{\"entries\":[";
  for (const EntryView& entry : page.entries) {
    if (out.back() != '[') out += ',';
    out += entry_json(entry);
  }
  out += "],\"next_cursor\":" + (page.next_cursor ? std::to_string(*page.next_cursor) : "null") + "}";
  return out;
}

std::string entry_event_json(const Entry& entry) {
  return fmt::format(
      R"({{"topic":"entry.{}","v":1,"event":"entry","seq":0,"sequence":{},{},"data_hash":"{}","entry_hash":"{}",)"
      R"("prev_hash":"{}","merkle_root":"{}","duplicate":false}})",
      verdict_name(entry.verdict), entry.sequence, envelope(entry), to_hex(entry.data_hash), to_hex(entry.entry_hash),
      to_hex(entry.prev_hash), to_hex(entry.merkle_root));
}

}  // namespace vault::web
