#include "ledger/announcement.hpp"

#include "ledger/canonical_json.hpp"
#include "ledger/check.hpp"
#include "ledger/json.hpp"
#include "ledger/limits.hpp"
#include "ledger/reserved_names.hpp"

namespace vault {
namespace {

constexpr Uuid announcements{
    {0x6b, 0x1d, 0x0c, 0x52, 0x9a, 0x0e, 0x4f, 0x3b, 0x8f, 0x61, 0x2e, 0x47, 0xd5, 0x90, 0x33, 0xc8}};

bool add(JsonBuilder& builder, std::string_view key, std::int64_t value) {
  return builder.key(key) && builder.integer(value);
}
bool add(JsonBuilder& builder, std::string_view key, const std::string& value) {
  return builder.key(key) && builder.string(value);
}

}  // namespace

Uuid announcement_id(std::string_view new_origin) {
  return make_reserved_seal_id(announcements, new_origin);
}

bool is_announcement_of(const Uuid& seal_id, std::string_view new_origin) {
  return seal_id == announcement_id(new_origin) || seal_id == make_uuid_v5(announcements, new_origin);
}

Seal make_announcement(const Announcement& announcement) {
  JsonDocument document;
  JsonRules rules;
  rules.bytes_max = limits::seal_bytes_max;  // evidence is not bound by the limit that an operator sets for producers
  JsonBuilder builder(document, rules);
  bool built = builder.begin_object() && add(builder, "accepted_sequence", announcement.accepted_sequence) &&
               add(builder, "accepted_root", to_hex(announcement.accepted_root)) &&
               add(builder, "lost_tree_size", announcement.lost_tree_size) && builder.key("contradicted") &&
               builder.begin_array();
  for (const GivenUp& one : announcement.contradicted) {
    built = built && builder.begin_object() && add(builder, "tree_size", one.tree_size) &&
            add(builder, "root", to_hex(one.root)) && add(builder, "note", one.note) && builder.end_object();
  }
  built = built && builder.end_array() && add(builder, "old_origin", announcement.old_origin) &&
          add(builder, "new_origin", announcement.new_origin) && builder.end_object();
  VAULT_CHECK(built);
  Seal seal;
  seal.session_id = rollback_session;
  seal.authority = reserved_authority;
  seal.verdict = Verdict::hold;
  append_canonical(document, seal.seal_data);
  seal.seal_id = announcement_id(announcement.new_origin);
  return seal;
}

}  // namespace vault
