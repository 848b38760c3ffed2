#include "ledger/entry.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "ledger/canonical_json.hpp"
#include "ledger/hash_chain.hpp"
#include "ledger/merkle_hash.hpp"
#include "ledger/sha256.hpp"

namespace vault {
namespace {

nlohmann::json vectors() {
  std::ifstream file(VAULT_VECTORS_DIR "/entries.json");
  return nlohmann::json::parse(file);
}

Entry entry_of(const nlohmann::json& vector) {
  const nlohmann::json& fields = vector.at("entry");
  const auto text = [&](const char* name) { return fields.at(name).get<std::string>(); };
  Entry entry;
  entry.sequence = fields.at("sequence").get<std::int64_t>();
  entry.session_id = text("session_id");
  entry.seal_id = parse_uuid(text("seal_id")).value();
  entry.timestamp = parse_timestamp(text("timestamp")).value();
  entry.authority = text("authority");
  entry.verdict = parse_verdict(text("verdict")).value();
  entry.data_salt = salt_from_hex(text("data_salt")).value();
  entry.seal_data = vector.at("seal_data_canonical").get<std::string>();
  return entry;
}

std::string leaf_data(const Entry& entry) {
  std::string out;
  append_leaf_data(entry, out);
  return out;
}

TEST(Entry, VectorsThroughEveryFormula) {
  const nlohmann::json all = vectors().at("entries");
  ASSERT_EQ(all.size(), 3U);
  Hash previous = zero_hash;
  for (const nlohmann::json& vector : all) {
    Entry entry = entry_of(vector);
    EXPECT_EQ(canonicalize(*entry.seal_data, {}), *entry.seal_data);
    link_entry(entry, previous);
    EXPECT_EQ(to_hex(entry.prev_hash), vector.at("entry").at("prev_hash").get<std::string>());
    EXPECT_EQ(to_hex(entry.data_hash), vector.at("data_hash").get<std::string>());
    EXPECT_EQ(leaf_data(entry), vector.at("leaf_data").get<std::string>());
    EXPECT_EQ(to_hex(entry.entry_hash), vector.at("entry_hash").get<std::string>());
    EXPECT_EQ(compute_entry_hash(entry), hash_leaf(leaf_data(entry)));
    previous = entry.entry_hash;
  }
}

TEST(Entry, LeafDataIsCanonicalWhateverTheNamesHold) {
  Entry entry = entry_of(vectors().at("entries").at(0));
  entry.sequence = INT64_MAX;
  entry.session_id = "quote \" backslash \\ slash / lock 🔒";
  entry.authority = std::string("control \x01\n\x7f", 11);
  const std::string text = leaf_data(entry);
  EXPECT_EQ(canonicalize(text, {}), text);
  const auto envelope = nlohmann::json::parse(text);
  EXPECT_EQ(envelope.size(), 9U);
  EXPECT_EQ(envelope.at("session_id").get<std::string>(), entry.session_id);
  EXPECT_EQ(envelope.at("authority").get<std::string>(), entry.authority);
  EXPECT_EQ(envelope.at("sequence").get<std::int64_t>(), INT64_MAX);
}

TEST(Entry, LeafDataIsAppended) {
  const Entry entry = entry_of(vectors().at("entries").at(1));
  std::string out = "before";
  append_leaf_data(entry, out);
  EXPECT_EQ(out, "before" + leaf_data(entry));
}

TEST(Entry, EveryHashedFieldChangesTheHash) {
  Entry entry = entry_of(vectors().at("entries").at(0));
  link_entry(entry, zero_hash);
  const auto changed = [&](auto change) {
    Entry other = entry;
    change(other);
    return compute_entry_hash(other) != entry.entry_hash;
  };
  EXPECT_TRUE(changed([](Entry& e) { e.sequence += 1; }));
  EXPECT_TRUE(changed([](Entry& e) { e.session_id += "x"; }));
  EXPECT_TRUE(changed([](Entry& e) { e.seal_id.bytes[15] ^= 1; }));
  EXPECT_TRUE(changed([](Entry& e) { e.timestamp.micros += 1; }));
  EXPECT_TRUE(changed([](Entry& e) { e.authority += "x"; }));
  EXPECT_TRUE(changed([](Entry& e) { e.verdict = Verdict::void_; }));
  EXPECT_TRUE(changed([](Entry& e) { e.data_hash[31] ^= 1; }));
  EXPECT_TRUE(changed([](Entry& e) { e.prev_hash[0] ^= 1; }));
  EXPECT_FALSE(changed([](Entry& e) { e.merkle_root[0] ^= 1; }));
}

TEST(Entry, VerdictsHaveTheirNames) {
  const std::pair<Verdict, const char*> names[] = {{Verdict::seal, "SEAL"},     {Verdict::partial, "PARTIAL"},
                                                   {Verdict::sabar, "SABAR"},   {Verdict::void_, "VOID"},
                                                   {Verdict::hold, "888_HOLD"}, {Verdict::sunset, "SUNSET"}};
  for (const auto& [verdict, name] : names) {
    EXPECT_EQ(verdict_name(verdict), name);
    EXPECT_EQ(parse_verdict(name), verdict);
  }
  for (const char* name : {"", "seal", "SEAL ", "HOLD", "VOID_"}) EXPECT_EQ(parse_verdict(name), std::nullopt) << name;
}

TEST(Entry, EmptyHead) {
  const Head head = empty_head();
  EXPECT_EQ(head.sequence, 0);
  EXPECT_EQ(to_hex(head.entry_hash), std::string(64, '0'));
  EXPECT_EQ(head.merkle_root, sha256(""));
}

TEST(Entry, NamesThatAreTaken) {
  for (const std::string name : {"a", "naïve 🔒", " ",
                                 "\x80"
                                 "x"}) {
    EXPECT_EQ(check_name(name, "session_id").has_value(), name[0] != '\x80') << name;
  }
  EXPECT_TRUE(check_name(std::string(256, 'x'), "session_id"));
}

TEST(Entry, NamesThatAreRefusedSayWhy) {
  const auto message = [](std::string_view name) {
    const Status checked = check_name(name, "seal.authority");
    if (checked) return std::string("taken");
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(checked.error().field, "seal.authority");
    return checked.error().message;
  };
  EXPECT_EQ(message(""), "seal.authority is empty; 1 to 256 bytes are allowed");
  EXPECT_EQ(message(std::string(257, 'x')), "seal.authority has 257 bytes; at most 256 are allowed");
  EXPECT_EQ(message("ab\n"), "seal.authority holds the control character U+000A at byte 2");
  EXPECT_EQ(message(std::string_view("\0", 1)), "seal.authority holds the control character U+0000 at byte 0");
  EXPECT_EQ(message("\x7f"), "seal.authority holds the control character U+007F at byte 0");
  EXPECT_EQ(message("x\x1f"), "seal.authority holds the control character U+001F at byte 1");
  EXPECT_EQ(message("\xc3"), "seal.authority is not valid UTF-8");
}

TEST(Entry, SameContentLooksAtWhatTheProducerSent) {
  const Entry entry = entry_of(vectors().at("entries").at(0));
  const Seal seal{entry.session_id, entry.authority, entry.verdict, *entry.seal_data, std::nullopt};
  EXPECT_TRUE(same_content(entry, seal));
  Seal other = seal;
  other.seal_id = Uuid{};
  EXPECT_TRUE(same_content(entry, other));
  other = seal;
  other.session_id += "x";
  EXPECT_FALSE(same_content(entry, other));
  other = seal;
  other.authority += "x";
  EXPECT_FALSE(same_content(entry, other));
  other = seal;
  other.verdict = Verdict::sunset;
  EXPECT_FALSE(same_content(entry, other));
  other = seal;
  other.seal_data = "{}";
  EXPECT_FALSE(same_content(entry, other));
  Entry erased = entry;
  erased.seal_data.reset();
  erased.data_salt.reset();
  EXPECT_FALSE(same_content(erased, seal));
}

}  // namespace
}  // namespace vault
