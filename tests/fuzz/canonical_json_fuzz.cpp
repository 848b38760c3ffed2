// Arbitrary bytes as JSON text: parse_json answers without a crash; accepted input prints to a fixed point, and reads
// back the same as text from the database. The first byte chooses the rules.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ledger/bytes.hpp"
#include "ledger/canonical_json.hpp"
#include "ledger/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const vault::JsonRules rules{
      .source = (choice & 1) != 0 ? vault::JsonSource::stored : vault::JsonSource::producer,
      .object_only = (choice & 2) != 0,
      .bytes_max = (choice & 4) != 0 ? 64U : 1U << 20,
  };
  const auto printed = vault::canonicalize(text, rules);
  if (!printed) {
    VAULT_CHECK(vault::is_valid_utf8(printed.error().field) && vault::is_valid_utf8(printed.error().message));
    return 0;
  }
  VAULT_CHECK(printed->size() <= rules.bytes_max);
  VAULT_CHECK(vault::canonicalize(*printed, rules) == *printed);
  vault::JsonRules stored = rules;
  stored.source = vault::JsonSource::stored;
  VAULT_CHECK(vault::canonicalize(*printed, stored) == *printed);
  return 0;
}
