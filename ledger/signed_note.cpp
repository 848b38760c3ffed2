#include "ledger/signed_note.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <utility>

#include "ledger/check.hpp"
#include "ledger/line_reader.hpp"
#include "ledger/printable.hpp"
#include "ledger/sha256.hpp"

namespace vault {
namespace {

constexpr std::string_view signature_prefix = "\u2014 ";  // em dash, space
constexpr std::size_t signatures_max = 100;
constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t key_id_bytes = 4;
constexpr std::size_t time_bytes = 8;
constexpr std::size_t ed25519_bytes = 64;

using KeyPointer = std::shared_ptr<EVP_PKEY>;
using DigestPointer = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using BioPointer = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

KeyPointer own(EVP_PKEY* key) {
  return {key, EVP_PKEY_free};
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

// Key names that C2SP allows for other people's keys. Names are only ever compared, so their length needs no bound
// here; our own names obey check_key_name().
bool is_note_key_name(std::string_view name) {
  for (std::size_t at = 0; at < name.size();) {
    const CodePoint point = code_point_at(name, at);
    if (point.value == '+' || is_unicode_space(point.value)) return false;
    at += point.bytes;
  }
  return !name.empty();
}

// Number of the line in which the byte at `offset` stands.
std::size_t line_of(std::string_view text, std::size_t offset) {
  return 1 +
         static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

// "— <name> <base64>"; nullopt where it is anything else.
std::optional<NoteSignature> parse_signature(std::string_view line) {
  if (!line.starts_with(signature_prefix)) return std::nullopt;
  line.remove_prefix(signature_prefix.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !is_note_key_name(line.substr(0, space))) return std::nullopt;
  const std::optional<std::string> bytes = from_base64(line.substr(space + 1));
  if (!bytes || bytes->size() <= key_id_bytes) return std::nullopt;
  const std::string_view raw = *bytes;
  return NoteSignature{std::string(line.substr(0, space)),
                       static_cast<std::uint32_t>(big_endian(raw.substr(0, key_id_bytes))),
                       std::string(raw.substr(key_id_bytes))};
}

std::string cosigned_message(std::string_view text, std::uint64_t seconds) {
  return fmt::format("cosignature/v1\ntime {}\n{}", seconds, text);
}

bool verify_raw(const VerifierKey& key, std::string_view message, std::string_view signature) {
  const KeyPointer raw = own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.public_key.data(), 32));
  const DigestPointer context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return raw && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, raw.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
}

// Refuses encrypted PEM; without this, OpenSSL would ask for a passphrase on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

Result<SignedNote> parse_note(std::string_view note) {
  if (!is_valid_utf8(note)) return refuse_argument("the note is not valid UTF-8");
  for (std::size_t i = 0; i < note.size(); ++i) {
    if (static_cast<std::uint8_t>(note[i]) < 0x20 && note[i] != '\n') {
      return refuse_argument(fmt::format("line {}: control characters are not allowed", line_of(note, i)));
    }
  }
  const std::size_t gap = note.rfind("\n\n");  // the text may hold empty lines: the last one counts
  if (gap == std::string_view::npos) return refuse_argument("no empty line stands between text and signatures");
  SignedNote parsed;
  parsed.text = note.substr(0, gap + 1);
  const std::string_view lines = note.substr(gap + 2);
  const std::size_t lines_before = line_of(note, gap + 1);
  LineReader reader(lines);
  while (!reader.rest().empty()) {
    const std::optional<std::string_view> line = reader.next();
    const std::size_t number = lines_before + reader.number();
    if (!line) return refuse_argument(fmt::format("line {}: no newline ends it", number));
    if (parsed.signatures.size() == signatures_max) {
      return refuse_argument(fmt::format("line {}: more than {} signatures", number, signatures_max));
    }
    std::optional<NoteSignature> signature = parse_signature(*line);
    if (!signature) return refuse_argument(fmt::format("line {}: not a signature line", number));
    parsed.signatures.push_back(std::move(*signature));
  }
  if (parsed.signatures.empty()) return refuse_argument(fmt::format("line {}: no signature follows", lines_before + 1));
  return parsed;
}

std::string format_note(const SignedNote& note) {
  VAULT_CHECK(note.text.ends_with('\n'));
  std::string out = note.text + '\n';
  std::string raw;
  for (const NoteSignature& signature : note.signatures) {
    raw.clear();
    append_u32(raw, signature.key_id);
    raw += signature.signature;
    out += fmt::format("{}{} {}\n", signature_prefix, signature.name, to_base64(raw));
  }
  return out;
}

Status check_key_name(std::string_view name) {
  if (name.empty() || name.size() > name_bytes_max) {
    return refuse_argument(fmt::format("a key name has 1 to {} bytes, this one {}", name_bytes_max, name.size()));
  }
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7F && c != '+'; });
  if (!plain) return refuse_argument("a key name is made of printable ASCII without spaces and '+'");
  return {};
}

std::uint32_t compute_key_id(std::string_view name, KeyType type, std::string_view public_key) {
  std::string prefix(name);
  prefix += '\n';
  prefix += static_cast<char>(type);
  const Hash digest = sha256(prefix, public_key);
  return static_cast<std::uint32_t>(big_endian(as_view(digest).substr(0, key_id_bytes)));
}

std::uint32_t VerifierKey::key_id() const {
  return compute_key_id(name, type, as_view(public_key));
}

std::string VerifierKey::format() const {
  std::string typed_key(1, static_cast<char>(type));
  typed_key += as_view(public_key);
  return fmt::format("{}+{:08x}+{}", name, key_id(), to_base64(typed_key));
}

Result<VerifierKey> VerifierKey::parse(std::string_view vkey) {
  const std::size_t first = vkey.find('+');
  const std::size_t second = first == std::string_view::npos ? first : vkey.find('+', first + 1);
  if (second == std::string_view::npos) return refuse_argument("a verifier key has the form <name>+<key ID>+<base64>");
  VerifierKey key;
  key.name = vkey.substr(0, first);
  if (Status name = check_key_name(key.name); !name) return tl::unexpected(std::move(name.error()));
  const auto id = array_from_hex<key_id_bytes>(vkey.substr(first + 1, second - first - 1));
  if (!id) return refuse_argument("the verifier key's ID is not 8 lower-case hex digits");
  const std::optional<std::string> typed_key = from_base64(vkey.substr(second + 1));
  if (!typed_key || typed_key->size() != 1 + key.public_key.size()) {
    return refuse_argument("the verifier key's last part is not the base64 of a type byte and 32 bytes");
  }
  key.type = static_cast<KeyType>((*typed_key)[0]);
  if (key.type != KeyType::ed25519 && key.type != KeyType::cosignature) {
    return refuse_argument("the verifier key is neither Ed25519 (type 1) nor a cosignature key (type 4)");
  }
  key.public_key = *array_from_bytes<32>(std::string_view(*typed_key).substr(1));
  if (key.key_id() != big_endian(as_view(*id)))
    return refuse_argument("the verifier key's ID does not fit its name and key");
  return key;
}

Status verify_note(const SignedNote& note, const VerifierKey& key, std::uint64_t* cosigned_at) {
  const std::uint32_t key_id = key.key_id();
  bool found = false;
  for (const NoteSignature& line : note.signatures) {
    if (line.key_id != key_id || line.name != key.name) continue;
    std::string_view signature = line.signature;
    bool good = false;
    if (key.type == KeyType::ed25519) {
      good = signature.size() == ed25519_bytes && verify_raw(key, note.text, signature);
    } else if (signature.size() == time_bytes + ed25519_bytes) {
      const std::uint64_t seconds = big_endian(signature.substr(0, time_bytes));
      good =
          seconds <= INT64_MAX && verify_raw(key, cosigned_message(note.text, seconds), signature.substr(time_bytes));
      if (good && cosigned_at != nullptr) *cosigned_at = found ? std::max(*cosigned_at, seconds) : seconds;
    }
    if (!good) return refuse_argument(fmt::format("the signature by {} does not verify", key.name));
    found = true;
  }
  if (!found) return refuse_argument(fmt::format("no signature by {} (key ID {:08x})", key.name, key_id));
  return {};
}

Result<SigningKey> SigningKey::generate(std::string name) {
  if (Status checked = check_key_name(name); !checked) return tl::unexpected(std::move(checked.error()));
  KeyPointer key = own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) return fail(ErrorCode::internal, "OpenSSL could not generate an Ed25519 key");
  return SigningKey(std::move(name), std::move(key));
}

Result<SigningKey> SigningKey::from_seed(std::string name, const Hash& seed) {
  if (Status checked = check_key_name(name); !checked) return tl::unexpected(std::move(checked.error()));
  KeyPointer key = own(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  if (!key) return fail(ErrorCode::internal, "OpenSSL could not make an Ed25519 key of the seed");
  return SigningKey(std::move(name), std::move(key));
}

Result<SigningKey> SigningKey::from_pem(std::string name, std::string_view pem) {
  if (Status checked = check_key_name(name); !checked) return tl::unexpected(std::move(checked.error()));
  if (pem.size() > INT32_MAX) return refuse_argument("the key file is too large");
  const BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
  KeyPointer key = own(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
  if (!key) return refuse_argument("not an unencrypted private key in PEM");
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519)
    return refuse_argument("the private key is not an Ed25519 key");
  return SigningKey(std::move(name), std::move(key));
}

Result<std::string> SigningKey::to_pem() const {
  const BioPointer bio(BIO_new(BIO_s_secmem()), BIO_free_all);
  char* data = nullptr;
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return fail(ErrorCode::internal, "OpenSSL could not write the key as PEM");
  }
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

VerifierKey SigningKey::verifier(KeyType type) const {
  VerifierKey verifier{name_, type, {}};
  std::size_t size = verifier.public_key.size();
  VAULT_CHECK(EVP_PKEY_get_raw_public_key(key_.get(), verifier.public_key.data(), &size) == 1 && size == 32);
  return verifier;
}

std::string SigningKey::sign_raw(std::string_view message) const {
  const DigestPointer context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  VAULT_CHECK(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
  std::string signature(ed25519_bytes, '\0');
  std::size_t size = signature.size();
  VAULT_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                             bytes_of(message), message.size()) == 1 &&
              size == ed25519_bytes);
  return signature;
}

NoteSignature SigningKey::sign(std::string_view text) const {
  return {name_, verifier(KeyType::ed25519).key_id(), sign_raw(text)};
}

NoteSignature SigningKey::cosign(std::string_view text, std::uint64_t seconds) const {
  NoteSignature line{name_, verifier(KeyType::cosignature).key_id(), {}};
  append_u64(line.signature, seconds);
  line.signature += sign_raw(cosigned_message(text, seconds));
  return line;
}

}  // namespace vault
