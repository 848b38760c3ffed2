// The acceptance cases: requirements on the ledger, checked through a running vaultd on a real PostgreSQL.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "ledger/canonical_json.hpp"
#include "ledger/merkle_hash.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/vaultd_process.hpp"

namespace vault::test {
namespace {

class Acceptance : public ::testing::Test {
 protected:
  void SetUp() override {
    url_ = PrivatePostgres::instance().create_database();
    vaultd_ = std::make_unique<VaultdProcess>(url_);
    client_ = vaultd_->connect();
  }

  static SealDraft draft(int number, const std::string& verdict = "SEAL") {
    return {.session_id = "session-" + std::to_string(number),
            .authority = "judge",
            .verdict = verdict,
            .seal_data = R"({"n":)" + std::to_string(number) + "}",
            .seal_id = ""};
  }
  Receipt append(const SealDraft& seal) {
    auto receipt = client_->append_entry(seal).and_then(of_ledger);
    if (!receipt) throw std::runtime_error(receipt.error().message);
    return *receipt;
  }
  VerifyResult verify() {
    auto result = client_->verify_chain();
    if (!result) throw std::runtime_error(result.error().message);
    return *result;
  }
  // Changes a row behind the ledger's back.
  void tamper(const std::string& sql) {
    PrivatePostgres::instance().run(url_, "BEGIN; ALTER TABLE vault_ledger DISABLE TRIGGER ALL; " + sql + "; COMMIT");
  }

  // Expects sequences 1..n, each once, each building on the previous one.
  void expect_one_chain(std::int64_t n) {
    Hash previous = zero_hash;
    Frontier frontier;
    for (std::int64_t sequence = 1; sequence <= n; ++sequence) {
      auto entry = client_->get_entry_by_sequence(sequence);
      ASSERT_TRUE(entry) << sequence << ": " << entry.error().message;
      ASSERT_EQ(entry->prev_hash, previous) << sequence;
      frontier.append(entry->entry_hash);
      ASSERT_EQ(entry->merkle_root, frontier.root()) << sequence;
      previous = entry->entry_hash;
    }
    EXPECT_FALSE(client_->get_entry_by_sequence(n + 1));
  }

  std::string url_;
  std::unique_ptr<VaultdProcess> vaultd_;
  std::unique_ptr<Client> client_;
};

TEST_F(Acceptance, AppendThreeEntriesVerifyPasses) {
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(append(draft(i)).entry.sequence, i);
  const VerifyResult result = verify();
  EXPECT_TRUE(result.valid);
  EXPECT_EQ(result.checked, 3);
  EXPECT_EQ(result.head_hash, client_->get_head()->entry_hash);
}

TEST_F(Acceptance, RestartVerifyPasses) {
  for (int i = 1; i <= 3; ++i) append(draft(i));
  client_.reset();
  EXPECT_EQ(vaultd_->stop(), 0) << vaultd_->log();
  vaultd_->start();
  vaultd_->wait_until_ready();
  client_ = vaultd_->connect();
  EXPECT_EQ(append(draft(4)).entry.sequence, 4);
  EXPECT_TRUE(verify().valid);
  vaultd_->kill();
  vaultd_->start();
  vaultd_->wait_until_ready();
  client_ = vaultd_->connect();
  EXPECT_EQ(append(draft(5)).entry.sequence, 5);
  EXPECT_TRUE(verify().valid);
  expect_one_chain(5);
}

TEST_F(Acceptance, TamperWithOneEntryVerifyFails) {
  for (int i = 1; i <= 5; ++i) append(draft(i));
  tamper(R"(UPDATE vault_ledger SET seal_data = '{"n":333}' WHERE sequence = 3)");
  const VerifyResult result = verify();
  EXPECT_FALSE(result.valid);
  EXPECT_EQ(result.first_invalid_sequence, 3);
  EXPECT_EQ(result.reason, "entry_hash_mismatch");
}

TEST_F(Acceptance, ConcurrentSealsNoFork) {
  // Two clients seal at once, many in flight each.
  constexpr int each = 200;
  auto seal_many = [this](int offset) {
    auto client = vaultd_->connect();
    for (int i = 0; i < each; ++i) {
      const auto seal = check_draft(draft(offset + i));
      ASSERT_TRUE(client->submit(SealRequest{{*seal}, false, false}));
    }
    for (int i = 0; i < each; ++i) {
      const auto reply = client->next_reply(std::chrono::seconds(20));
      ASSERT_TRUE(reply) << reply.error().message;
      ASSERT_FALSE(reply->error) << reply->error->message;
    }
  };
  std::thread one(seal_many, 0), two(seal_many, 1000);
  one.join();
  two.join();
  expect_one_chain(2 * each);
  EXPECT_TRUE(verify().valid);
}

TEST_F(Acceptance, TenWritersAtOnce) {
  std::vector<std::thread> writers;
  std::vector<std::vector<std::int64_t>> sequences(10);
  for (std::size_t writer = 0; writer < 10; ++writer) {
    writers.emplace_back([this, writer, &sequences] {
      auto client = vaultd_->connect();
      for (int i = 0; i < 20; ++i) {
        const auto receipt = client->append_entry(draft(static_cast<int>(writer) * 100 + i)).and_then(of_ledger);
        ASSERT_TRUE(receipt) << receipt.error().message;
        sequences[writer].push_back(receipt->entry.sequence);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  std::set<std::int64_t> all;
  for (const auto& one : sequences) {
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
    all.insert(one.begin(), one.end());
  }
  EXPECT_EQ(all.size(), 200U);
  EXPECT_EQ(*all.begin(), 1);
  EXPECT_EQ(*all.rbegin(), 200);
  EXPECT_TRUE(verify().valid);
}

TEST_F(Acceptance, VoidEntriesAreStored) {
  const Receipt receipt = append(draft(1, "VOID"));
  const auto entry = client_->get_entry_by_sequence(receipt.entry.sequence);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->verdict, Verdict::void_);
  EXPECT_TRUE(verify().valid);
}

TEST_F(Acceptance, TheEntryHashIsDeterministic) {
  SealDraft seal = draft(1);
  seal.seal_data = R"({"b": 1.0, "a": [1e2, "é"]})";
  seal.seal_id = "0196a1b2-0000-7000-8000-000000000001";
  const Receipt receipt = append(seal);
  // Anyone can recompute it from the entry, and the payload as read back from jsonb gives the same.
  const auto entry = client_->get_entry_by_sequence(1);
  ASSERT_TRUE(entry);
  EXPECT_EQ(*entry->seal_data, R"({"a":[100,"é"],"b":1})");
  EXPECT_EQ(compute_data_hash(*entry->data_salt, *entry->seal_data), receipt.entry.data_hash);
  EXPECT_EQ(compute_entry_hash(*entry), receipt.entry.entry_hash);
  // The same content under the same seal_id is the same entry, whatever its spelling.
  seal.seal_data = R"({"a":[100,"\u00e9"],"b":1})";
  const Receipt again = append(seal);
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.entry.entry_hash, receipt.entry.entry_hash);
  seal.seal_data = R"({"a":[100,"é"],"b":2})";
  const auto conflict = client_->append_entry(seal);
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code, ErrorCode::seal_id_conflict);
}

TEST_F(Acceptance, EntriesBySession) {
  for (int i = 0; i < 12; ++i) append(draft(i % 3));
  const auto page = client_->get_entries_by_session("session-1").and_then(of_ledger);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 4U);
  EXPECT_FALSE(page->next_cursor);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(page->entries[i].session_id, "session-1");
    EXPECT_EQ(page->entries[i].sequence, static_cast<std::int64_t>(2 + 3 * i));
  }
  EXPECT_TRUE(client_->get_entries_by_session("nobody").and_then(of_ledger)->entries.empty());
}

TEST_F(Acceptance, EntryBySequence) {
  const Receipt receipt = append(draft(7));
  const auto entry = client_->get_entry_by_sequence(1);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->session_id, "session-7");
  EXPECT_EQ(entry->seal_id, receipt.entry.seal_id);
  const auto by_id = client_->get_entry_by_seal_id(format_uuid(receipt.entry.seal_id)).and_then(of_ledger);
  ASSERT_TRUE(by_id);
  EXPECT_EQ(*by_id, *entry);
  const auto none = client_->get_entry_by_sequence(2);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
}

TEST_F(Acceptance, ListWithPagination) {
  for (int i = 1; i <= 25; ++i) append(draft(i));
  for (const Order order : {Order::ascending, Order::descending}) {
    std::vector<std::int64_t> seen;
    PageRequest request;
    request.limit = 10;
    request.order = order;
    for (int pages = 0; pages < 10; ++pages) {
      const auto page = client_->list_entries(request).and_then(of_ledger);
      ASSERT_TRUE(page) << page.error().message;
      for (const Entry& entry : page->entries) seen.push_back(entry.sequence);
      if (!page->next_cursor) break;
      request.cursor = page->next_cursor;
    }
    ASSERT_EQ(seen.size(), 25U);
    for (std::int64_t i = 0; i < 25; ++i) {
      EXPECT_EQ(seen[static_cast<std::size_t>(i)], order == Order::ascending ? i + 1 : 25 - i);
    }
  }
}

TEST_F(Acceptance, QueryByVerdictAndTime) {
  for (int i = 1; i <= 9; ++i) append(draft(i, i % 3 == 0 ? "VOID" : "SEAL"));
  const auto all = client_->query_by_verdict(Verdict::void_).and_then(of_ledger);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->entries.size(), 3U);
  EXPECT_EQ(all->entries[0].sequence, 9) << "newest first";
  // From the time of the sixth (inclusive) to that of the ninth (exclusive).
  const Timestamp from = client_->get_entry_by_sequence(6)->timestamp;
  const Timestamp to = client_->get_entry_by_sequence(9)->timestamp;
  const auto some = client_->query_by_verdict(Verdict::void_, from, to).and_then(of_ledger);
  ASSERT_TRUE(some);
  ASSERT_EQ(some->entries.size(), 1U);
  EXPECT_EQ(some->entries[0].sequence, 6);
}

TEST_F(Acceptance, MerkleProof) {
  for (int i = 1; i <= 20; ++i) append(draft(i));
  const auto checkpoint = client_->get_checkpoint();
  ASSERT_TRUE(checkpoint);
  const auto key = VerifierKey::parse(checkpoint->vkey);
  ASSERT_TRUE(key);
  for (const std::int64_t sequence : {1, 8, 20}) {
    const auto proof = client_->get_merkle_proof(sequence);
    ASSERT_TRUE(proof) << proof.error().message;
    ASSERT_TRUE(proof->checkpoint);
    const auto opened = open_checkpoint(*proof->checkpoint, *key);
    ASSERT_TRUE(opened) << opened.error().message;
    const auto entry = client_->get_entry_by_sequence(sequence);
    EXPECT_EQ(compute_entry_hash(*entry), proof->entry_hash);
    const Status included = verify_inclusion(proof->entry_hash, static_cast<std::uint64_t>(proof->leaf_index),
                                             opened->tree_size, proof->proof, opened->root);
    EXPECT_TRUE(included) << included.error().message;
  }
  auto signed_receipt = client_->append_entry(draft(21), true).and_then(of_ledger);
  ASSERT_TRUE(signed_receipt) << signed_receipt.error().message;
  EXPECT_TRUE(check_receipt(*signed_receipt, *key, R"({"n":21})"));
  signed_receipt->entry.verdict = Verdict::void_;
  EXPECT_FALSE(check_receipt(*signed_receipt, *key, std::nullopt));
}

}  // namespace
}  // namespace vault::test
