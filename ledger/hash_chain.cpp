#include "ledger/hash_chain.hpp"

#include "ledger/check.hpp"

namespace vault {

void link_entry(Entry& entry, const Hash& previous_hash) {
  VAULT_CHECK(entry.seal_data.has_value() && entry.data_salt.has_value());
  entry.prev_hash = previous_hash;
  entry.data_hash = compute_data_hash(*entry.data_salt, *entry.seal_data);
  entry.entry_hash = compute_entry_hash(entry);
}

}  // namespace vault
