#include "ledger/data_bundle.hpp"

#include <gtest/gtest.h>

#include "ledger/limits.hpp"
#include "tests/unit/ledger/row_fixture.hpp"

namespace vault {
namespace {

TEST(DataBundle, Bytes) {
  std::string bundle;
  append_data_record(Salt{1, 2}, "{}", bundle);
  append_data_record(std::nullopt, "", bundle);
  EXPECT_EQ(bundle, std::string("\0\0\0\x12\1\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0{}\0\0\0\0", 26));
}

TEST(DataBundle, RecordsComeOutAsTheyWentInHoweverThePiecesFall) {
  LedgerState state;
  const std::vector<Entry> entries = make_entries(5, state);
  std::string bundle;
  for (const Entry& entry : entries) {
    append_data_record(entry.data_salt, *entry.seal_data, bundle);
    append_data_record(std::nullopt, "", bundle);
  }
  std::size_t taken = 0;
  std::string_view rest(bundle.data(), 0);
  for (std::size_t end = 0; end <= bundle.size(); ++end) {
    rest = {rest.data(), static_cast<std::size_t>(bundle.data() + end - rest.data())};
    const auto record = take_data_record(rest);
    ASSERT_TRUE(record.has_value());
    if (!*record) continue;
    const Entry& entry = entries[taken / 2];
    if (taken++ % 2 != 0) {
      EXPECT_FALSE((*record)->salt.has_value());
      continue;
    }
    EXPECT_EQ((*record)->salt, entry.data_salt);
    EXPECT_EQ((*record)->seal_data, *entry.seal_data);
    EXPECT_TRUE(check_data_record(**record, entry));
    EXPECT_FALSE(check_data_record(**record, entries[(taken + 1) / 2 % 5]));
  }
  EXPECT_EQ(taken, 10u);
  EXPECT_TRUE(rest.empty());
}

TEST(DataBundle, LengthsThatNoRecordHas) {
  const std::string bytes(64, 'x');
  for (const std::uint32_t size : {1u, 16u, 17u, 16u + (16u << 20) + 1u, 0xffffffffu}) {
    std::string bundle;
    append_u32(bundle, size);
    bundle += bytes;
    std::string_view rest = bundle;
    EXPECT_FALSE(take_data_record(rest).has_value()) << size;
    EXPECT_EQ(rest.size(), bundle.size());
  }
  std::string largest;
  append_u32(largest, 16 + limits::seal_bytes_max);
  std::string_view rest = largest;
  EXPECT_EQ(take_data_record(rest), std::nullopt);  // not whole yet
}

TEST(DataBundle, PayloadsThatAreNotCanonical) {
  for (const std::string_view text : {"{ }", "{\"a\":1.0}", "{\"b\":1,\"a\":2}", "[]", "1", "{}x"}) {
    const DataRecord record{Salt{3}, text};
    Entry entry;
    entry.data_hash = compute_data_hash(*record.salt, text);
    EXPECT_FALSE(check_data_record(record, entry)) << text;
  }
}

TEST(DataBundle, AnErasedPayloadFitsEveryEntry) {
  EXPECT_TRUE(check_data_record(DataRecord{}, Entry{}));
}

}  // namespace
}  // namespace vault
