// OpenSSL 3 calls these functions deprecated; sha256.hpp says why they are used all the same.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "ledger/sha256.hpp"

#include <openssl/sha.h>

#include "ledger/check.hpp"

namespace vault {

Hash sha256(std::string_view bytes) {
  return sha256(bytes, {});
}

Hash sha256(std::string_view first, std::string_view second) {
  SHA256_CTX context;
  Hash digest;
  VAULT_CHECK(SHA256_Init(&context) == 1);
  VAULT_CHECK(SHA256_Update(&context, first.data(), first.size()) == 1);
  VAULT_CHECK(SHA256_Update(&context, second.data(), second.size()) == 1);
  VAULT_CHECK(SHA256_Final(digest.data(), &context) == 1);
  return digest;
}

}  // namespace vault
