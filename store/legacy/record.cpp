#include "store/legacy/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ledger/check.hpp"
#include "ledger/raw_json.hpp"
#include "ledger/sha256.hpp"
#include "store/emergency_file.hpp"
#include "store/legacy/draft.hpp"
#include "store/legacy/python_text.hpp"

namespace vault {
namespace {

constexpr std::string_view legacy_namespace = "b37ac316-ed58-5a65-899d-325f9b238b39";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::string_view markdown_title = "# Session Seal:";
constexpr std::string_view white_space = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(white_space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white_space) - begin + 1);
}

// The line of a byte: in a file of lines, the record's line; in a whole file, lines are counted up to the byte.
std::int64_t line_of(const LegacyPlace& place, std::string_view bytes, std::size_t at) {
  if (place.line > 0) return place.line;
  return 1 + std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at, bytes.size())), '\n');
}

LegacyProblem problem(const LegacyPlace& place, std::int64_t line, std::string reason) {
  return {place.source, line, std::move(reason), place.kind};
}

LegacyItem refused(const LegacyPlace& place, std::string_view bytes, std::size_t at, std::string reason) {
  return {std::nullopt, problem(place, line_of(place, bytes, at), std::move(reason))};
}

// Offset of the first line that is not UTF-8; nullopt if all are.
std::optional<std::size_t> invalid_utf8(std::string_view bytes) {
  if (is_valid_utf8(bytes)) return std::nullopt;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = std::min(bytes.find('\n', begin), bytes.size());
    if (!is_valid_utf8(bytes.substr(begin, end - begin)) || end == bytes.size()) return begin;
    begin = end + 1;
  }
}

std::string characters_or_empty(const RawJson& json, const RawJson::Node* node) {
  return node != nullptr && node->kind == RawJson::Kind::string ? json.characters(*node) : std::string();
}

LegacyItem read_emergency(LegacyPlace place, std::string_view bytes, const RawJson& json) {
  auto seal = read_emergency_file(json);
  if (!seal) {
    return refused(place, bytes, 0, "it says that the emergency mode wrote it, but " + seal.error().message);
  }
  place.kind = LegacyKind::emergency;
  LegacyRecord record;
  record.place = std::move(place);
  record.sha256 = sha256(bytes);
  record.time = seal->timestamp;
  record.timestamp = legacy_quoted(format_timestamp(seal->timestamp));
  record.seal = {std::move(seal->session_id), std::move(seal->authority), seal->verdict, std::move(*seal->seal_data),
                 seal->seal_id};
  return {std::move(record), std::nullopt};
}

// Describes what is wrong with the entry_hash of a line of ledger.jsonl; "" if it fits.
std::string check_entry_hash(const RawJson& json) {
  const RawJson::Node* stated = json.member("entry_hash");
  if (stated == nullptr) return "there is no entry_hash";
  const std::string computed = to_hex(sha256(python_text(json, "entry_hash")));
  if (characters_or_empty(json, stated) == computed) return {};
  return fmt::format("its entry_hash is wrong: computed {}…, so the line was edited or damaged",
                     computed.substr(0, 16));
}

LegacyItem read_json(LegacyPlace place, std::string_view bytes) {
  if (bytes.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return refused(place, bytes, 0, "the file is empty");
  }
  const auto json = RawJson::parse(bytes);
  if (!json) return refused(place, bytes, json.error().at, "not JSON: " + json.error().what);
  if (json->root().kind != RawJson::Kind::object) {
    return refused(place, bytes, json->root().begin, "not a JSON object");
  }
  if (place.kind == LegacyKind::session && is_emergency_file(*json)) return read_emergency(place, bytes, *json);
  LegacyDraft draft;
  draft.data = json->text(json->root());
  draft.session_id = characters_or_empty(*json, json->member("session_id"));
  if (const auto* timestamp = json->member("timestamp")) draft.timestamp = json->text(*timestamp);
  if (const auto* verdict = json->member("verdict")) {
    draft.verdict = json->text(*verdict);
    if (verdict->kind == RawJson::Kind::string) draft.named = json->characters(*verdict);
  }
  std::string wrong_hash;
  if (place.kind == LegacyKind::ledger) {
    wrong_hash = check_entry_hash(*json);
    draft.hash = wrong_hash.empty() ? LegacyHash::valid : LegacyHash::invalid;
  }
  const LegacyProblem told = problem(place, line_of(place, bytes, 0), wrong_hash);
  LegacyItem item = finish_legacy_record(std::move(place), bytes, std::move(draft));
  if (item.record && !wrong_hash.empty()) item.problem = told;
  return item;
}

// The text after `mark` at the beginning of a line, trimmed; nullopt if there is no such line.
std::optional<std::string_view> marked_line(std::string_view text, std::string_view mark) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (line.substr(0, mark.size()) == mark) return trimmed(line.substr(mark.size()));
    begin = end + 1;
  }
  return std::nullopt;
}

LegacyItem read_markdown(LegacyPlace place, std::string_view bytes) {
  const bool marked = bytes.substr(0, byte_order_mark.size()) == byte_order_mark;
  const std::string_view text = marked ? bytes.substr(byte_order_mark.size()) : bytes;
  LegacyDraft draft;
  draft.data = legacy_quoted(bytes);
  draft.session_id = marked_line(text, markdown_title).value_or("");
  if (const auto timestamp = marked_line(text, "**Timestamp:**")) draft.timestamp = legacy_quoted(*timestamp);
  if (const auto verdict = marked_line(text, "**Verdict:**")) {
    draft.verdict = legacy_quoted(*verdict);
    draft.named = *verdict;
  }
  return finish_legacy_record(std::move(place), bytes, std::move(draft));
}

}  // namespace

std::string_view legacy_kind_name(LegacyKind kind) {
  constexpr std::string_view names[] = {"session", "markdown", "refusal", "ledger", "emergency", "database"};
  return names[static_cast<std::size_t>(kind)];
}

Uuid legacy_seal_id(std::string_view source, const Hash& sha256) {
  const auto name_space = parse_uuid(legacy_namespace);
  VAULT_CHECK(name_space.has_value());
  return make_uuid_v5(*name_space, std::string(source) + "\n" + to_hex(sha256));
}

LegacyItem read_legacy_record(LegacyPlace place, std::string_view bytes) {
  if (!is_valid_utf8(place.source)) {
    // Neither legacy_source nor the report could hold such a name.
    for (char& c : place.source) {
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    }
    return refused(place, bytes, 0, "the file's name is not valid UTF-8 (shown with ? here); rename it");
  }
  if (const auto at = invalid_utf8(bytes)) return refused(place, bytes, *at, "not valid UTF-8");
  if (place.kind == LegacyKind::markdown) return read_markdown(std::move(place), bytes);
  if (bytes.substr(0, byte_order_mark.size()) == byte_order_mark) {
    return refused(place, bytes, 0, "not JSON: it begins with a byte order mark");
  }
  return read_json(std::move(place), bytes);
}

}  // namespace vault
