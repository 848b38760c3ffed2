// Records of a filesystem vault from hostile bytes: no crash; each becomes a seal that vaultd would accept, or a
// reason; and whatever our own parser accepts, the lenient one accepts as well.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ledger/canonical_json.hpp"
#include "ledger/check.hpp"
#include "ledger/raw_json.hpp"
#include "store/legacy/python_text.hpp"
#include "store/legacy/record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vault;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const LegacyKind kind : {LegacyKind::session, LegacyKind::markdown, LegacyKind::ledger}) {
    const LegacyItem item = read_legacy_record({kind, "BBB_LEDGER/entries/x.json", kind == LegacyKind::ledger}, bytes);
    VAULT_CHECK(item.record || item.problem);
    if (!item.record) continue;
    const Seal& seal = item.record->seal;
    VAULT_CHECK(seal.seal_id && check_name(seal.session_id, "") && check_name(seal.authority, ""));
    const auto again = canonicalize(seal.seal_data, {.bytes_max = limits::seal_bytes_max});
    VAULT_CHECK(again && *again == seal.seal_data);
  }
  if (canonicalize(bytes, {.object_only = false})) {
    const auto json = RawJson::parse(bytes);
    VAULT_CHECK(json.has_value());
    VAULT_CHECK(RawJson::parse(python_text(*json, "entry_hash")).has_value());
  }
  return 0;
}
