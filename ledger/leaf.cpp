#include "ledger/leaf.hpp"

#include <fmt/format.h>

#include <optional>

#include "ledger/json.hpp"
#include "ledger/limits.hpp"
#include "ledger/merkle_hash.hpp"

namespace vault {
namespace {

tl::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::invalid_argument, fmt::format("not an envelope: {}", what));
}

// Reads the members of an envelope from the document.
class EnvelopeReader {
 public:
  explicit EnvelopeReader(const JsonDocument& document) : document_(document) {}

  // Returns the name of the first member whose value is not of its kind, or nullptr.
  const char* read(Entry& entry) {
    const auto sequence = integer("sequence");
    if (!sequence || *sequence < 1 || *sequence > static_cast<std::uint64_t>(limits::sequence_max)) return "sequence";
    entry.sequence = static_cast<std::int64_t>(*sequence);
    entry.session_id = text("session_id");
    if (!check_name(entry.session_id, "session_id")) return "session_id";
    entry.authority = text("authority");
    if (!check_name(entry.authority, "authority")) return "authority";
    const auto seal_id = parse_uuid(text("seal_id"));
    if (!seal_id) return "seal_id";
    entry.seal_id = *seal_id;
    const auto timestamp = parse_timestamp(text("timestamp"));
    if (!timestamp) return "timestamp";
    entry.timestamp = *timestamp;
    const auto verdict = parse_verdict(text("verdict"));
    if (!verdict) return "verdict";
    entry.verdict = *verdict;
    const auto data_hash = hash_from_hex(text("data_hash"));
    if (!data_hash) return "data_hash";
    entry.data_hash = *data_hash;
    const auto prev_hash = hash_from_hex(text("prev_hash"));
    if (!prev_hash) return "prev_hash";
    entry.prev_hash = *prev_hash;
    return integer("v") == std::uint64_t{1} ? nullptr : "v";
  }

 private:
  // nullptr if there is no such member. The parser has ensured that names are unique.
  const JsonNode* find(std::string_view name) const {
    const auto& nodes = document_.nodes();
    for (std::uint32_t at = 1; at < nodes[0].next; at = nodes[at + 1].next) {
      if (document_.text(nodes[at]) == name) return &nodes[at + 1];
    }
    return nullptr;
  }
  std::string_view text(std::string_view name) const {
    const JsonNode* node = find(name);
    return node != nullptr && node->kind == JsonKind::string ? document_.text(*node) : std::string_view();
  }
  std::optional<std::uint64_t> integer(std::string_view name) const {
    const JsonNode* node = find(name);
    if (node == nullptr || node->kind != JsonKind::unsigned_integer) return std::nullopt;
    return node->as.unsigned_integer;
  }

  const JsonDocument& document_;
};

}  // namespace

Result<Entry> parse_leaf_data(std::string_view leaf_data) {
  static const JsonRules rules{JsonSource::stored, true, limits::leaf_data_bytes_max, ""};
  JsonDocument document;
  if (const Status parsed = parse_json(leaf_data, rules, document); !parsed) return malformed(parsed.error().message);
  Entry entry;
  if (const char* member = EnvelopeReader(document).read(entry)) {
    return malformed(fmt::format("{} is missing or holds no value of its kind", member));
  }
  std::string canonical;
  append_leaf_data(entry, canonical);
  if (canonical != leaf_data) return malformed("not in canonical form, or with members that an envelope has not");
  entry.entry_hash = hash_leaf(leaf_data);
  return entry;
}

Status check_follows(const Entry& entry, std::int64_t sequence, const Hash& previous, Timestamp previous_timestamp) {
  const auto refuse = [&](const std::string& what) {
    return fail(ErrorCode::invalid_argument, fmt::format("entry {}: {}", sequence, what));
  };
  if (entry.sequence != sequence) return refuse(fmt::format("its leaf says that it is entry {}", entry.sequence));
  if (entry.prev_hash != previous) return refuse("prev_hash is not the hash of the entry before");
  if (sequence > 1 && entry.timestamp < previous_timestamp)
    return refuse("its timestamp is before that of the entry before");
  return {};
}

}  // namespace vault
