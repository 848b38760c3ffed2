// Does a ledger keep what was promised? Pure: promises and roots in, the broken ones out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace vault {

// A promise is a checkpoint; one without a note is a head that a receipt was given for.
class PromiseCheck {
 public:
  PromiseCheck() = default;
  // `identities`, oldest first: the last one's promises must hold. Those of earlier ones hold as far as the history
  // that the next one began on; what that does not continue is evidence, and stops nobody.
  PromiseCheck(std::vector<LogIdentity> identities, const Head& head)
      : identities_(std::move(identities)), head_(head) {}

  // Signatures have been checked; an origin that is none of the identities' is ignored. The same again adds nothing.
  void add(const StoredCheckpoint& promise);

  // Trees whose roots are needed, and the leaves since the largest promise that was signed under the last identity
  // (since the head, where there is none).
  TreeRequest request() const;
  // The roots for request().sizes. VAULT_CHECK: as many.
  void judge(const std::vector<Hash>& roots);

  // After judge().
  const std::vector<StoredCheckpoint>& broken() const { return broken_; }      // of the last identity
  const std::vector<StoredCheckpoint>& given_up() const { return given_up_; }  // of earlier ones
  // The largest broken one lies beyond the head: the database has lost entries.
  bool behind() const;
  // A signed checkpoint that this ledger keeps is at least as large as a signed one that it breaks: the key has signed
  // two histories.
  bool split() const { return split_; }
  // The largest that was signed under the last identity.
  const std::optional<StoredCheckpoint>& largest_signed() const { return largest_signed_; }
  // The size of the largest promise of an earlier identity, head or checkpoint; 0 where there is none.
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
