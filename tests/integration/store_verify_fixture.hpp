// What the tests of verification share.
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
    const Checkpoint checkpoint{key.name(), static_cast<std::uint64_t>(state_.head.sequence), state_.head.merkle_root};
    const auto kept = writer_->store_checkpoint(
        epoch_, {key.name(), state_.head.sequence, state_.head.merkle_root, sign_checkpoint(checkpoint, key)},
        {key.name(), key.verifier().format(), accepted});
    ASSERT_TRUE(kept) << kept.error().message;
  }

  std::string range(std::optional<std::int64_t> from, std::optional<std::int64_t> to) {
    VerifyRequest request;
    request.from = from;
    request.to = to;
    return verdict(request);
  }

  std::optional<ErrorCode> refusal(std::optional<std::int64_t> from, std::optional<std::int64_t> to) {
    VerifyRequest request;
    request.from = from;
    request.to = to;
    auto report = verify_ledger(*reader_, request, nullptr);
    if (report) return std::nullopt;
    return report.error().code;
  }

  std::optional<SigningKey> key_;
};

}  // namespace vault::test
