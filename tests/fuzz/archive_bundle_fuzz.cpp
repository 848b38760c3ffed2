// Files and names of an archive from hostile bytes: no crash, no read beyond the end, and parsed input can be put
// together again unchanged.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ledger/check.hpp"
#include "ledger/data_bundle.hpp"
#include "ledger/leaf.hpp"
#include "ledger/tile.hpp"

namespace {

using namespace vault;

void take_leaf(std::string_view leaf) {
  const Result<Entry> entry = parse_leaf_data(leaf);
  if (!entry) return;
  std::string again;
  append_leaf_data(*entry, again);
  VAULT_CHECK(again == leaf);
  (void)check_follows(*entry, 1, zero_hash, Timestamp{});
}

void take_entry_bundle(std::string_view bytes) {
  for (const std::size_t count : {1, 3, 256}) {
    const auto leaves = split_bundle(bytes, count);
    if (!leaves) continue;
    std::string again;
    for (const std::string_view leaf : *leaves) {
      append_bundle_entry(leaf, again);
      take_leaf(leaf);
    }
    VAULT_CHECK(again == bytes);
  }
}

void take_data_bundle(std::string_view bytes) {
  std::string_view rest = bytes;
  while (true) {
    const std::string_view before = rest;
    const auto record = take_data_record(rest);
    if (!record || !*record) {
      VAULT_CHECK(rest == before);
      return;
    }
    std::string again;
    append_data_record((*record)->salt, (*record)->seal_data, again);
    VAULT_CHECK(again == before.substr(0, before.size() - rest.size()));
    Entry entry;
    if ((*record)->salt) entry.data_hash = compute_data_hash(*(*record)->salt, (*record)->seal_data);
    (void)check_data_record(**record, entry);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  take_leaf(bytes);
  take_entry_bundle(bytes);
  take_data_bundle(bytes);
  if (const auto name = parse_tile_path(bytes)) VAULT_CHECK(tile_path(name->level, name->index, name->width) == bytes);
  return 0;
}
