// Notes, checkpoints and verifier keys from hostile bytes: no crash, and input that parses prints unchanged.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ledger/check.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/signed_note.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vault;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const VerifierKey log =
      VerifierKey::parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx").value();
  static const VerifierKey witness =
      VerifierKey::parse("witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4").value();

  const Result<SignedNote> note = parse_note(text);
  if (note) {
    VAULT_CHECK(format_note(*note) == text);
    std::uint64_t cosigned_at = 0;
    (void)verify_note(*note, log);
    (void)verify_note(*note, witness, &cosigned_at);
  }
  if (const Result<Checkpoint> checkpoint = parse_checkpoint(text)) {
    VAULT_CHECK(format_checkpoint(*checkpoint) == text);
  }
  if (const Result<Checkpoint> checkpoint = peek_checkpoint(text)) {
    VAULT_CHECK(note && format_checkpoint(*checkpoint) == note->text);
  }
  (void)open_checkpoint(text, log);
  if (const Result<VerifierKey> key = VerifierKey::parse(text)) VAULT_CHECK(key->format() == text);
  return 0;
}
