// Shared by the tests of verification.
#pragma once

#include <optional>
#include <string>

#include "ledger/checkpoint.hpp"
#include "tests/integration/store_fixture.hpp"

namespace vault::test {

class VerifyTest : public StoreTest {
 protected:
  void fill(std::int64_t size) {
    take_lease();
    grow_to(size);
  }

  void store_checkpoint() {
    if (!key_) key_ = SigningKey::generate("vault.test/log").value();
    store_checkpoint(*key_, 0);
  }
  void store_checkpoint(const SigningKey& key, std::int64_t accepted) {
    const Checkpoint checkpoint{key.name(), state_.head.sequence, state_.head.merkle_root};
    const auto kept = writer_->store_checkpoint(epoch_, {checkpoint, sign_checkpoint(checkpoint, key)},
                                                {key.name(), key.verifier().format(), accepted});
    ASSERT_TRUE(kept) << kept.error().message;
  }

  // Stores a checkpoint of every entry.
  void store_checkpoint_a_row(std::int64_t size) {
    store_checkpoint();  // the identity, and the last one
    std::string values;
    auto view = snapshot();
    ASSERT_TRUE(view->scan(1, size, [&](const RowView& row) {
      const Checkpoint checkpoint{key_->name(), row.sequence, *hash_from_hex(row.merkle_root)};
      values += fmt::format("{}('{}', {}, '{}', '{}')", values.empty() ? "" : ",", key_->name(), row.sequence,
                            row.merkle_root, sign_checkpoint(checkpoint, *key_));
      return true;
    }));
    view.reset();
    run("INSERT INTO vault_checkpoint (origin, tree_size, root, note) VALUES " + values + " ON CONFLICT DO NOTHING");
  }

  std::string range(std::optional<std::int64_t> from, std::optional<std::int64_t> to) {
    LedgerVerification request;
    request.from = from;
    request.to = to;
    return verdict(request);
  }

  std::optional<ErrorCode> refusal(std::optional<std::int64_t> from, std::optional<std::int64_t> to) {
    LedgerVerification request;
    request.from = from;
    request.to = to;
    auto report = verify_ledger(*reader_, request, nullptr);
    if (report) return std::nullopt;
    return report.error().code;
  }

  std::optional<SigningKey> key_;
};

}  // namespace vault::test
