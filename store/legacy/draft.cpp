#include "store/legacy/draft.hpp"

#include <fmt/format.h>

#include <utility>

#include "ledger/canonical_json.hpp"
#include "ledger/raw_time.hpp"
#include "ledger/sha256.hpp"

namespace vault {
namespace {

constexpr std::string_view legacy_authority = "legacy_migration";

Result<std::string> canonical(std::string_view json, bool object_only) {
  return canonicalize(json, {.source = JsonSource::producer,
                             .object_only = object_only,
                             .bytes_max = limits::seal_bytes_max,
                             .root = "seal_data"});
}

// A value that a payload may hold stays; any other becomes null.
std::string storable(const std::string& json) {
  return canonical(json, false) ? json : "null";
}

std::string stem_of(std::string_view source) {
  const std::string_view file = source.substr(source.rfind('/') + 1);
  return std::string(file.substr(0, file.rfind('.')));
}

// The verdict to seal under; sets `mapped` if it is not the record's own.
Verdict map_verdict(const LegacyDraft& draft, bool& mapped) {
  mapped = false;
  if (draft.named) {
    if (const auto known = parse_verdict(*draft.named)) return *known;
  }
  mapped = true;
  if (draft.named == "VOID_REFUSAL") return Verdict::void_;
  if (draft.named == "HOLD_888") return Verdict::hold;
  return Verdict::seal;
}

std::string_view json_of(LegacyHash hash) {
  return hash == LegacyHash::valid ? "true" : hash == LegacyHash::invalid ? "false" : "null";
}

// `data` is the member that holds the record: "legacy_data":... or "legacy_raw":...
std::string compose(const LegacyRecord& record, const LegacyDraft& draft, bool mapped, const std::string& data) {
  std::string out = "{" + data;
  out += fmt::format(",\"legacy_kind\":\"{}\",\"legacy_sha256\":\"{}\",\"legacy_source\":{},\"legacy_timestamp\":{}",
                     legacy_kind_name(record.place.kind), to_hex(record.sha256), legacy_quoted(record.place.source),
                     draft.timestamp);
  if (mapped) out += ",\"legacy_verdict\":" + draft.verdict.value_or("null");
  if (draft.hash != LegacyHash::none) out += fmt::format(",\"legacy_hash_valid\":{}", json_of(draft.hash));
  return out + draft.checks + "}";
}

LegacyItem refused(const LegacyPlace& place, std::string reason) {
  const bool whole_file = place.kind != LegacyKind::database && place.line == 0;
  return {std::nullopt, LegacyProblem{place.source, whole_file ? 1 : place.line, std::move(reason), place.kind}};
}

}  // namespace

std::string legacy_quoted(std::string_view text) {
  std::string out;
  append_string(text, out);
  return out;
}

LegacyItem finish_legacy_record(LegacyPlace place, std::string_view bytes, LegacyDraft draft) {
  LegacyItem item;
  LegacyRecord record;
  record.place = std::move(place);
  record.sha256 = sha256(bytes);
  record.time = raw_time(draft.timestamp);
  record.hash = draft.hash;
  bool mapped = false;
  Seal& seal = record.seal;
  seal.verdict = map_verdict(draft, mapped);
  seal.authority = legacy_authority;
  seal.seal_id = legacy_seal_id(record.place.source, record.sha256);
  seal.session_id = check_name(draft.session_id, "session_id") ? draft.session_id : stem_of(record.place.source);
  if (!check_name(seal.session_id, "session_id")) {
    return refused(record.place, "there is no valid session_id, and the file's name cannot stand in for it");
  }
  auto text = canonical(compose(record, draft, mapped, "\"legacy_data\":" + draft.data), true);
  if (!text && text.error().code == ErrorCode::invalid_argument) {
    record.raw = true;
    draft.timestamp = storable(draft.timestamp);
    if (draft.verdict) draft.verdict = storable(*draft.verdict);
    text = canonical(compose(record, draft, mapped, "\"legacy_raw\":\"" + to_base64(bytes) + "\""), true);
  }
  if (!text) return refused(record.place, text.error().message);
  seal.seal_data = std::move(*text);
  record.timestamp = std::move(draft.timestamp);
  if (mapped) record.mapped_from = draft.verdict.value_or("null");
  item.record = std::move(record);
  return item;
}

}  // namespace vault
