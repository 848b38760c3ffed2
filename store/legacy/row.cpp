#include "store/legacy/row.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "ledger/bytes.hpp"
#include "ledger/raw_json.hpp"
#include "ledger/sha256.hpp"
#include "store/legacy/directory.hpp"
#include "store/legacy/draft.hpp"
#include "store/legacy/numbers.hpp"
#include "store/legacy/python_text.hpp"

namespace vault {
namespace {

// Spellings are tried until one fits; this bounds the total size of the texts tried.
constexpr std::size_t tried_bytes_max = std::size_t{64} << 20;
constexpr std::size_t choices_max = 16;

std::string python_or_null(const std::optional<std::string>& text) {
  return text ? python_string(*text) : "null";
}

bool is_utf8(const LegacyRow& row) {
  for (const auto* column : {&row.session_id, &row.seal_id, &row.authority, &row.verdict, &row.timestamp,
                             &row.seal_data, &row.entry_hash, &row.prev_hash, &row.merkle_root}) {
    if (*column && !is_valid_utf8(**column)) return false;
  }
  return true;
}

bool is_too_large(const LegacyRow& row) {
  return row.bytes > legacy_record_bytes_max;
}

// seal_data as Python prints the value; as a string if it is not JSON.
std::string python_data(const LegacyRow& row) {
  if (!row.seal_data) return "null";
  const auto json = RawJson::parse(*row.seal_data);
  return json ? python_compact(*json, json->root()) : python_string(*row.seal_data);
}

// The hash of the seven members, in the order of their names.
std::string row_hash(const LegacyRow& row, const std::string& data) {
  const std::string text =
      "{\"authority\":" + python_or_null(row.authority) + ",\"prev_hash\":" + python_or_null(row.prev_hash) +
      ",\"seal_data\":" + data + ",\"seal_id\":" + python_or_null(row.seal_id) +
      ",\"session_id\":" + python_or_null(row.session_id) + ",\"timestamp\":" + python_or_null(row.timestamp) +
      ",\"verdict\":" + python_or_null(row.verdict) + "}";
  return to_hex(sha256(text));
}

std::string row_text(const LegacyRow& row, const std::string& data) {
  return "{\"authority\":" + python_or_null(row.authority) + ",\"entry_hash\":" + python_or_null(row.entry_hash) +
         ",\"merkle_root\":" + python_or_null(row.merkle_root) + ",\"prev_hash\":" + python_or_null(row.prev_hash) +
         ",\"seal_data\":" + data + ",\"seal_id\":" + python_or_null(row.seal_id) +
         fmt::format(",\"sequence\":{}", row.sequence) + ",\"session_id\":" + python_or_null(row.session_id) +
         ",\"timestamp\":" + python_or_null(row.timestamp) + ",\"verdict\":" + python_or_null(row.verdict) + "}";
}

struct Number {
  std::uint32_t begin = 0, end = 0;  // in the text of seal_data
  std::vector<std::string> spellings;
};

// The numbers that jsonb may have written differently from Python.
std::vector<Number> respelt_numbers(const RawJson& json) {
  std::vector<Number> out;
  for (const RawJson::Node& node : json.nodes()) {
    if (node.kind != RawJson::Kind::number) continue;
    auto spellings = python_spellings(json.text(node));
    if (spellings.size() > 1 || spellings.front() != json.text(node)) {
      out.push_back({node.begin, node.end, std::move(spellings)});
    }
  }
  return out;
}

// `text` with each number that has two spellings in the one chosen by its bit.
std::string respell(std::string_view text, const std::vector<Number>& numbers, std::uint64_t bits) {
  std::string out;
  std::size_t at = 0;
  for (const Number& number : numbers) {
    out += text.substr(at, number.begin - at);
    const bool two = number.spellings.size() > 1;
    out += number.spellings[two ? bits & 1 : 0];
    if (two) bits >>= 1;
    at = number.end;
  }
  return out.append(text.substr(at));
}

// Whether a text that jsonb may have been given has the row's hash; also true if there are too many to try.
bool may_have_been_written_otherwise(const LegacyRow& row) {
  const auto json = RawJson::parse(*row.seal_data);
  if (!json) return false;
  const auto numbers = respelt_numbers(*json);
  if (numbers.empty()) return false;
  std::size_t choices = 0;
  for (const Number& number : numbers) choices += number.spellings.size() > 1 ? 1 : 0;
  if (choices > choices_max || row.seal_data->size() << choices > tried_bytes_max) return true;
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << choices; ++bits) {
    LegacyRow other = row;
    other.seal_data = respell(*row.seal_data, numbers, bits);
    if (row_hash(other, python_data(other)) == row.entry_hash) return true;
  }
  return false;
}

}  // namespace

LegacyRowHash check_row_hash(const LegacyRow& row) {
  if (is_too_large(row) || !is_utf8(row)) return {};  // read_legacy_row() reports that
  if (row.seal_data) {
    if (const auto json = RawJson::parse(*row.seal_data); !json) {
      return {
          LegacyHash::unknown,
          {},
          fmt::format("its seal_data is not JSON ({}), so that its entry_hash cannot be checked", json.error().what)};
    }
  }
  LegacyRowHash out{LegacyHash::valid, row_hash(row, python_data(row)), {}};
  if (out.computed == row.entry_hash) return out;
  if (row.jsonb && row.seal_data && may_have_been_written_otherwise(row)) {
    out.outcome = LegacyHash::unknown;
    return out;
  }
  out.outcome = LegacyHash::invalid;
  out.complaint = fmt::format("its entry_hash is wrong: computed {}…, so the row was changed after it was written",
                              out.computed.substr(0, 16));
  return out;
}

LegacyItem read_legacy_row(const LegacyRow& row, const LegacyRowHash& hash, const LegacyLinks& links) {
  LegacyPlace place{LegacyKind::database, legacy_table, row.sequence};
  const auto problem = [&](std::string reason) {
    return LegacyProblem{place.source, place.line, std::move(reason), place.kind};
  };
  const auto join = [](const std::string& a, const std::string& b) {
    return a.empty() || b.empty() ? a + b : a + "; " + b;
  };
  const std::string complaint = join(hash.complaint, links.complaint);
  if (is_too_large(row)) {
    return {
        std::nullopt,
        problem(join(fmt::format("larger than {} bytes, which is the most that can be sealed", legacy_record_bytes_max),
                     links.complaint))};
  }
  if (!is_utf8(row)) return {std::nullopt, problem(join("not valid UTF-8", links.complaint))};
  LegacyDraft draft;
  const std::string bytes = row_text(row, python_data(row));
  draft.data = bytes;
  draft.timestamp = row.timestamp ? legacy_quoted(*row.timestamp) : "null";
  if (row.verdict) draft.verdict = legacy_quoted(*row.verdict);
  draft.named = row.verdict;
  draft.session_id = row.session_id.value_or("");
  draft.hash = hash.outcome;
  draft.checks =
      fmt::format(",\"legacy_chain_valid\":{},\"legacy_root_valid\":{}", links.chain_valid, links.root_valid);
  LegacyItem item = finish_legacy_record(place, bytes, std::move(draft));
  if (item.problem) {
    item.problem->reason = join(item.problem->reason, complaint);
  } else if (!complaint.empty()) {
    item.problem = problem(complaint);
  }
  return item;
}

}  // namespace vault
