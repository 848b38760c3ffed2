// Signed notes (C2SP signed-note): text, an empty line, signature lines "— <key name> <base64>".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/bytes.hpp"
#include "ledger/result.hpp"

struct evp_pkey_st;

namespace vault {

enum class KeyType : std::uint8_t { ed25519 = 0x01, cosignature = 0x04 };

struct NoteSignature {
  std::string name;  // the key's name
  std::uint32_t key_id = 0;
  std::string signature;  // what follows the key ID: 64 bytes (ed25519), 8 + 64 (cosignature)
};

struct SignedNote {
  std::string text;  // ends with a newline
  std::vector<NoteSignature> signatures;
};

// Strict: valid UTF-8 without control characters (below U+0020) except newline, canonical base64, 1 to 100 signature
// lines. Signature lines of unknown keys are kept, whatever the key's name (any UTF-8 without Unicode spaces and '+')
// and whatever the length of the signature. Error: invalid_argument naming the line.
Result<SignedNote> parse_note(std::string_view note);
std::string format_note(const SignedNote& note);

// Rule for the names of this project's own keys and origins: 1-255 bytes of 0x21-0x7E without '+'.
Status check_key_name(std::string_view name);

// First four bytes of SHA-256(name || 0x0A || type || public key).
std::uint32_t compute_key_id(std::string_view name, KeyType type, std::string_view public_key);

// "<name>+<8 hex digits of the key ID>+<base64(type || public key)>"
struct VerifierKey {
  std::string name;
  KeyType type = KeyType::ed25519;
  Hash public_key{};  // 32 bytes

  std::uint32_t key_id() const;
  std::string format() const;
  // Error: invalid_argument saying which part is malformed or that the key ID does not match.
  static Result<VerifierKey> parse(std::string_view vkey);
};

// OK if `note` carries a valid signature by `key`. Lines of other keys are ignored; a line that names this key but does
// not verify is an error (invalid_argument), and so is the lack of any such line.
// For cosignatures the timestamp (POSIX seconds, the newest of several) is stored through `cosigned_at` if given.
Status verify_note(const SignedNote& note, const VerifierKey& key, std::uint64_t* cosigned_at = nullptr);

// An Ed25519 private key (RFC 8032) with the name it signs under. Move-only; OpenSSL holds the secret and wipes it.
class SigningKey {
 public:
  static Result<SigningKey> generate(std::string name);
  static Result<SigningKey> from_seed(std::string name, const Hash& seed);
  // PKCS#8 PEM.
  static Result<SigningKey> from_pem(std::string name, std::string_view pem);
  Result<std::string> to_pem() const;

  const std::string& name() const { return name_; }
  VerifierKey verifier(KeyType type = KeyType::ed25519) const;

  // Signature over the note's text, to be appended to its signatures.
  NoteSignature sign(std::string_view text) const;
  // C2SP tlog-cosignature (type 0x04) over a checkpoint's text at `seconds`.
  NoteSignature cosign(std::string_view text, std::uint64_t seconds) const;

 private:
  SigningKey(std::string name, std::shared_ptr<evp_pkey_st> key) : name_(std::move(name)), key_(std::move(key)) {}
  std::string sign_raw(std::string_view message) const;

  std::string name_;
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace vault
