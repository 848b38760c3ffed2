// Checks whether a ledger keeps what was promised. Pure: promises and roots in, the broken promises out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace vault {

// A promise is a checkpoint, or, without a note, a head for which a receipt was given.
class PromiseCheck {
 public:
  PromiseCheck() = default;
  // `identities`, oldest first: the last one's promises must hold. Those of earlier ones hold as far as the history on
  // which the next one began; promises beyond that are evidence, and stop nobody.
  PromiseCheck(std::vector<LogIdentity> identities, const Head& head)
      : identities_(std::move(identities)), head_(head) {}

  // Signatures must have been checked; an origin of none of the identities is ignored. Adding the same again changes
  // nothing.
  void add(const StoredCheckpoint& promise);

  // Trees whose roots are needed, and the leaves since the largest promise signed under the last identity (since the
  // head, if there is none).
  TreeRequest request() const;
  // The roots for request().sizes. VAULT_CHECK: their number.
  void judge(const std::vector<Hash>& roots);

  // After judge().
  const std::vector<StoredCheckpoint>& broken() const { return broken_; }      // promises of the last identity
  const std::vector<StoredCheckpoint>& given_up() const { return given_up_; }  // promises of earlier ones
  // The largest broken one is beyond the head: the database has lost entries.
  bool behind() const;
  // A signed checkpoint that this ledger keeps is at least as large as a signed one that it breaks: the key has signed
  // two histories.
  bool split() const { return split_; }
  // The largest one signed under the last identity.
  const std::optional<StoredCheckpoint>& largest_signed() const { return largest_signed_; }
  // The size of the largest promise of an earlier identity, head or checkpoint; 0 if there is none.
  std::int64_t largest_of_earlier() const { return largest_of_earlier_; }
  const Head& head() const { return head_; }

 private:
  bool is_last(const std::string& origin) const;
  bool can_hold(const StoredCheckpoint& promise) const;
  std::optional<std::int64_t> counts_up_to(const std::string& origin) const;

  std::vector<LogIdentity> identities_;
  Head head_;
  std::vector<StoredCheckpoint> promises_;
  std::optional<StoredCheckpoint> largest_signed_;
  std::vector<StoredCheckpoint> broken_, given_up_;
  std::int64_t largest_of_earlier_ = 0;
  bool split_ = false;
};

}  // namespace vault
