#include "ledger/entry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ledger/canonical_json.hpp"
#include "ledger/limits.hpp"
#include "ledger/merkle_hash.hpp"
#include "ledger/sha256.hpp"

namespace vault {

namespace {

constexpr std::string_view verdict_names[] = {"SEAL", "PARTIAL", "SABAR", "VOID", "888_HOLD", "SUNSET"};
constexpr std::size_t fixed_leaf_bytes = 340;  // of leaf_data, without the two names

bool is_control(char c) {
  const auto code = static_cast<unsigned char>(c);
  return code < 0x20 || code == 0x7F;
}

// Makes room for `size` more bytes at the end of `out` and returns where they begin.
char* extend(std::string& out, std::size_t size) {
  out.resize(out.size() + size);
  return out.data() + out.size() - size;
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  return verdict_names[static_cast<std::size_t>(verdict)];
}

std::optional<Verdict> parse_verdict(std::string_view name) {
  const auto found = std::find(std::begin(verdict_names), std::end(verdict_names), name);
  if (found == std::end(verdict_names)) return std::nullopt;
  return static_cast<Verdict>(found - std::begin(verdict_names));
}

bool operator==(const Entry& a, const Entry& b) {
  return a.sequence == b.sequence && a.session_id == b.session_id && a.seal_id == b.seal_id &&
         a.timestamp == b.timestamp && a.authority == b.authority && a.verdict == b.verdict &&
         a.seal_data == b.seal_data && a.data_salt == b.data_salt && a.data_hash == b.data_hash &&
         a.entry_hash == b.entry_hash && a.prev_hash == b.prev_hash && a.merkle_root == b.merkle_root;
}

Head empty_head() {
  return Head{0, zero_hash, empty_root(), Timestamp{}};
}

Status check_name(std::string_view value, std::string_view field) {
  const auto refuse = [&](std::string_view what) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} {}", field, what), std::string(field));
  };
  if (value.empty()) return refuse(fmt::format("is empty; 1 to {} bytes are allowed", limits::name_bytes_max));
  if (value.size() > limits::name_bytes_max) {
    return refuse(fmt::format("has {} bytes; at most {} are allowed", value.size(), limits::name_bytes_max));
  }
  const auto control = std::find_if(value.begin(), value.end(), is_control);
  if (control != value.end()) {
    return refuse(fmt::format("holds the control character U+{:04X} at byte {}", static_cast<unsigned char>(*control),
                              control - value.begin()));
  }
  if (!is_valid_utf8(value)) return refuse("is not valid UTF-8");
  return {};
}

Hash compute_data_hash(const Salt& salt, std::string_view canonical_seal_data) {
  return sha256(as_view(salt), canonical_seal_data);
}

void append_leaf_data(const Entry& entry, std::string& out) {
  // The members stand in canonical order already; only the two names need escaping.
  out.reserve(out.size() + fixed_leaf_bytes + entry.authority.size() + entry.session_id.size());
  out.append(R"({"authority":)");
  append_string(entry.authority, out);
  out.append(R"(,"data_hash":")");
  write_hex(as_view(entry.data_hash), extend(out, 64));
  out.append(R"(","prev_hash":")");
  write_hex(as_view(entry.prev_hash), extend(out, 64));
  out.append(R"(","seal_id":")");
  write_uuid(entry.seal_id, extend(out, 36));
  out.append(R"(","sequence":)");
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, entry.sequence).ptr);
  out.append(R"(,"session_id":)");
  append_string(entry.session_id, out);
  out.append(R"(,"timestamp":")");
  write_timestamp(entry.timestamp, extend(out, 27));
  out.append(R"(","v":1,"verdict":")");
  out.append(verdict_name(entry.verdict));
  out.append(R"("})");
}

Hash compute_entry_hash(const Entry& entry) {
  std::string leaf_data;
  append_leaf_data(entry, leaf_data);
  return hash_leaf(leaf_data);
}

SealMatch match_seal(const SealedEntry& stored, const Seal& seal) {
  Entry entry = stored.entry;
  if (entry.data_salt) entry.data_hash = compute_data_hash(*entry.data_salt, seal.seal_data);
  const bool fits = compute_entry_hash(entry) == entry.entry_hash;
  if (!entry.data_salt) return fits ? SealMatch::other : SealMatch::damaged;
  if (!fits) return stored.linked ? SealMatch::other : SealMatch::damaged;
  const bool same =
      entry.session_id == seal.session_id && entry.authority == seal.authority && entry.verdict == seal.verdict;
  return same ? SealMatch::same : SealMatch::other;
}

bool same_content(const Entry& entry, const Seal& seal) {
  return entry.session_id == seal.session_id && entry.authority == seal.authority && entry.verdict == seal.verdict &&
         entry.seal_data.has_value() && *entry.seal_data == seal.seal_data;
}

}  // namespace vault
