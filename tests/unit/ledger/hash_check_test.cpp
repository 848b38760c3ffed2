#include "ledger/hash_check.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "ledger/hash_chain.hpp"

namespace vault {
namespace {

std::vector<Entry> chain(std::size_t size) {
  std::vector<Entry> entries(size);
  Hash previous = zero_hash;
  for (std::size_t i = 0; i < size; ++i) {
    Entry& entry = entries[i];
    entry.sequence = static_cast<std::int64_t>(i) + 1;
    entry.session_id = "s";
    entry.authority = "a";
    entry.seal_data = R"({"n":)" + std::to_string(i) + "}";
    entry.data_salt = Salt{1, 2, static_cast<std::uint8_t>(i)};
    link_entry(entry, previous);
    previous = entry.entry_hash;
  }
  return entries;
}

TEST(HashCheck, EveryMemberThatIsHashedCounts) {
  const Entry good = chain(1).front();
  EXPECT_FALSE(HashChecker().check(good).any());
  const std::vector<std::function<void(Entry&)>> changes = {
      [](Entry& e) { ++e.sequence; },           [](Entry& e) { e.session_id += "x"; },
      [](Entry& e) { e.seal_id.bytes[3] = 9; }, [](Entry& e) { ++e.timestamp.micros; },
      [](Entry& e) { e.authority += " "; },     [](Entry& e) { e.verdict = Verdict::sunset; },
      [](Entry& e) { e.entry_hash[0] ^= 1; },   [](Entry& e) { e.prev_hash[31] ^= 1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Entry changed = good;
    changes[i](changed);
    const HashFaults faults = HashChecker().check(changed);
    EXPECT_TRUE(faults.entry_hash && !faults.data_hash && !faults.prev_hash) << i;
    EXPECT_EQ(faults.first(), "entry_hash");
  }
}

TEST(HashCheck, PayloadAndSaltAreCheckedAgainstDataHash) {
  Entry changed = chain(1).front();
  changed.seal_data = "{}";
  EXPECT_TRUE(HashChecker().check(changed).data_hash);
  // The answer of a vaultd that recomputes data_hash from the row.
  changed.data_hash = compute_data_hash(*changed.data_salt, *changed.seal_data);
  const HashFaults faults = HashChecker().check(changed);
  EXPECT_TRUE(faults.entry_hash && !faults.data_hash);
  changed = chain(1).front();
  changed.data_salt.reset();
  EXPECT_TRUE(HashChecker().check(changed).data_hash) << "half of it is gone";
}

Entry without_payload() {
  Entry entry = chain(1).front();
  entry.seal_data.reset();
  entry.data_salt.reset();
  return entry;
}

TEST(HashCheck, NothingExplainsAPayloadThatIsMissing) {
  Entry entry = without_payload();
  const HashFaults faults = HashChecker().check(entry);
  EXPECT_TRUE(faults.payload_missing && !faults.data_hash && !faults.entry_hash);
  EXPECT_EQ(faults.first(), "seal_data");
  EXPECT_EQ(describe(entry, faults), "entry 1: payload is missing and nothing explains it");
  entry.data_hash[0] ^= 1;
  const HashFaults more = HashChecker().check(entry);
  EXPECT_TRUE(more.payload_missing && more.entry_hash);
  EXPECT_EQ(more.first(), "entry_hash");
  EXPECT_EQ(
      describe(entry, more),
      "entry 1: hash DOES NOT FIT: entry_hash is not that of its members; payload is missing and nothing explains it");
}

TEST(HashCheck, EventsMayLeaveThePayloadOut) {
  Entry entry = without_payload();
  EXPECT_FALSE(HashChecker().check(entry, PayloadRule::may_be_left_out).any());
  entry.data_hash[0] ^= 1;
  EXPECT_TRUE(HashChecker().check(entry, PayloadRule::may_be_left_out).entry_hash);
  entry = chain(1).front();
  entry.seal_data = "{}";
  EXPECT_TRUE(HashChecker().check(entry, PayloadRule::may_be_left_out).data_hash) << "what is there must fit";
}

TEST(HashCheck, NeighboursAreLinkedInEitherOrder) {
  std::vector<Entry> entries = chain(5);
  // Rewritten together with its hash: only its neighbour shows it.
  entries[2].verdict = Verdict::void_;
  entries[2].entry_hash = compute_entry_hash(entries[2]);
  HashChecker up, down, apart;
  std::vector<bool> faulty;
  for (const Entry& entry : entries) faulty.push_back(up.check(entry).prev_hash);
  EXPECT_EQ(faulty, (std::vector<bool>{false, false, false, true, false}));
  faulty.clear();
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) faulty.push_back(down.check(*entry).prev_hash);
  EXPECT_EQ(faulty, (std::vector<bool>{false, false, true, false, false}));
  for (const std::size_t i : {0U, 2U, 4U}) EXPECT_FALSE(apart.check(entries[i]).any());
}

TEST(HashCheck, IsToldInWords) {
  Entry entry = chain(1).front();
  entry.authority = "forger";
  const HashFaults faults = HashChecker().check(entry);
  EXPECT_EQ(describe(entry, faults), "entry 1: hash DOES NOT FIT: entry_hash is not that of its members");
}

}  // namespace
}  // namespace vault
