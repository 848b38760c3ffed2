#include "ledger/hash_check.hpp"

#include <fmt/format.h>

namespace vault {

std::string_view HashFaults::first() const {
  if (data_hash) return "data_hash";
  if (entry_hash) return "entry_hash";
  if (prev_hash) return "prev_hash";
  return payload_missing ? "seal_data" : "";
}

namespace {

// Unsigned arithmetic, because the numbers come from a peer and the difference may overflow.
bool follows(std::int64_t later, std::int64_t earlier) {
  return static_cast<std::uint64_t>(later) - static_cast<std::uint64_t>(earlier) == 1;
}

}  // namespace

HashFaults HashChecker::check(const Entry& entry, PayloadRule rule) {
  HashFaults faults;
  if (entry.seal_data && entry.data_salt) {
    faults.data_hash = compute_data_hash(*entry.data_salt, *entry.seal_data) != entry.data_hash;
  } else {
    faults.data_hash = entry.seal_data.has_value() || entry.data_salt.has_value();
    faults.payload_missing = !faults.data_hash && rule == PayloadRule::expected;
  }
  faults.entry_hash = compute_entry_hash(entry) != entry.entry_hash;
  if (last_ && follows(entry.sequence, last_->sequence)) faults.prev_hash = entry.prev_hash != last_->entry_hash;
  if (last_ && follows(last_->sequence, entry.sequence)) faults.prev_hash = last_->prev_hash != entry.entry_hash;
  last_ = Neighbour{entry.sequence, entry.entry_hash, entry.prev_hash};
  return faults;
}

std::string describe(const Entry& entry, const HashFaults& faults) {
  if (!faults.any()) return fmt::format("entry {}: hashes fit", entry.sequence);
  std::string what;
  const auto add = [&](bool faulty, std::string_view text) {
    if (!faulty) return;
    if (!what.empty()) what += "; ";
    what += text;
  };
  add(faults.data_hash, "data_hash is not that of its payload and salt");
  add(faults.entry_hash, "entry_hash is not that of its members");
  add(faults.prev_hash, "it and its neighbour are not linked by prev_hash");
  if (!what.empty()) what = "hash DOES NOT FIT: " + what;
  add(faults.payload_missing, "payload is missing and nothing explains it");
  return fmt::format("entry {}: {}", entry.sequence, what);
}

}  // namespace vault
