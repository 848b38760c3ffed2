#include "tools/vaultctl/foreign_file.hpp"

#include <array>
#include <utility>

#include "ledger/signed_note.hpp"

namespace vault::ctl {
namespace {

using namespace std::string_view_literals;

constexpr std::array packed_begins{"\x1f\x8b"sv, "\x28\xb5\x2f\xfd"sv,
                                   "\xfd"
                                   "7zXZ"sv,
                                   "BZh"sv, "PK\x03\x04"sv};  // gzip, zstd, xz, bzip2, zip
constexpr std::size_t tar_magic_at = 257;
constexpr std::size_t vkey_bytes_max = 4'096;

bool is_packed(std::string_view content) {
  for (const std::string_view begin : packed_begins) {
    if (content.starts_with(begin)) return true;
  }
  return content.size() > tar_magic_at && content.substr(tar_magic_at).starts_with("ustar");
}

bool is_verifier_key(std::string_view content) {
  if (content.size() > vkey_bytes_max) return false;
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.remove_suffix(1);
  return VerifierKey::parse(content).has_value();
}

}  // namespace

std::string describe_foreign(std::string_view content) {
  if (is_packed(content)) return "a packed file: unpack it, and check what is in it";
  if (content.starts_with("-----BEGIN ")) return "a key or certificate in PEM, which is no evidence";
  if (is_verifier_key(content)) return "a verifier key: it goes behind --vkey";
  return "";
}

}  // namespace vault::ctl
