// Proof files from hostile bytes: no crash, and input that parses prints unchanged.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ledger/check.hpp"
#include "ledger/proof_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vault;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const VerifierKey key =
      VerifierKey::parse("vectors.example/ledger+a2fd898e+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk").value();
  if (const Result<ProofFile> file = parse_proof_file(text)) {
    VAULT_CHECK(format_proof_file(*file) == text);
    (void)check_proof_file(*file, key);
  }
  return 0;
}
