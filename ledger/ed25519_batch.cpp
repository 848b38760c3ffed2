#include "ledger/ed25519_batch.hpp"

#include <openssl/bn.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "ledger/check.hpp"
#include "ledger/curve25519.hpp"

namespace vault {

namespace {

using curve25519::AddPoint;
using curve25519::Scalar;
using Digest = std::array<std::uint8_t, 64>;

constexpr std::size_t signature_bytes = 64;
constexpr std::size_t factor_bytes = 16;

struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
using Number = std::unique_ptr<BIGNUM, FreeNumber>;

Number make_number() {
  Number number(BN_new());
  VAULT_CHECK(number != nullptr);
  return number;
}

// The order of the group: 2^252 + 27742317777372353535851937790883648493.
const BIGNUM* group_order() {
  static const Number order = [] {
    BIGNUM* number = nullptr;
    VAULT_CHECK(BN_dec2bn(&number, "7237005577332262213973186563042994240857116359379907606001950938285454250989") > 0);
    return Number(number);
  }();
  return order.get();
}

class Sha512 {
 public:
  Sha512() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) { restart(); }
  void restart() { VAULT_CHECK(EVP_DigestInit_ex2(context_.get(), method(), nullptr) == 1); }
  void add(std::string_view bytes) { VAULT_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }
  Digest end() {
    Digest digest;
    VAULT_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    restart();
    return digest;
  }

 private:
  static const EVP_MD* method() {
    static const EVP_MD* fetched = EVP_MD_fetch(nullptr, "SHA512", nullptr);
    VAULT_CHECK(fetched != nullptr);
    return fetched;
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

// Adds up products of numbers and factors, and gives the sum modulo the group's order.
class ProductSum {
 public:
  explicit ProductSum(BN_CTX* scratch) : scratch_(scratch), sum_(make_number()), product_(make_number()) {
    BN_zero(sum_.get());
  }
  void add(const BIGNUM* number, const BIGNUM* factor) {
    VAULT_CHECK(BN_mul(product_.get(), number, factor, scratch_) == 1 &&
                BN_add(sum_.get(), sum_.get(), product_.get()) == 1);
  }
  Scalar end() {
    Scalar scalar;
    VAULT_CHECK(BN_nnmod(product_.get(), sum_.get(), group_order(), scratch_) == 1 &&
                BN_bn2lebinpad(product_.get(), scalar.data(), scalar.size()) == static_cast<int>(scalar.size()));
    return scalar;
  }

 private:
  BN_CTX* scratch_;
  Number sum_, product_;
};

}  // namespace

bool verify_ed25519(const Hash& public_key, const SignedMessage& one) {
  const auto bytes = [](const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()), EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes(one.signature), one.signature.size(), bytes(one.message),
                          one.message.size()) == 1;
}

// Each signature (R, s) of a message whose hash with R and key A is h says: s B = R + h A. With factors z that nobody
// could choose, all of them hold where (sum of z s) B - sum of (z R) - (sum of z h) A is nothing.
bool verify_ed25519_batch(const Hash& public_key, std::span<const SignedMessage> batch) {
  const auto key = curve25519::decode_point(public_key);
  if (!key) return false;
  std::vector<AddPoint> points{curve25519::base_point(), curve25519::negate(*key)};
  std::vector<Number> s, h;
  Sha512 hash, transcript;
  transcript.add(as_view(public_key));
  for (const SignedMessage& one : batch) {
    if (one.signature.size() != signature_bytes) return false;
    const std::string_view signature = one.signature;
    const auto commitment = curve25519::decode_point(*array_from_bytes<32>(signature.substr(0, 32)));
    if (!commitment) return false;
    points.push_back(curve25519::negate(*commitment));
    s.emplace_back(BN_lebin2bn(reinterpret_cast<const unsigned char*>(signature.data()) + 32, 32, nullptr));
    if (BN_cmp(s.back().get(), group_order()) >= 0) return false;
    hash.add(signature.substr(0, 32));
    hash.add(as_view(public_key));
    hash.add(one.message);
    const Digest digest = hash.end();
    h.emplace_back(BN_lebin2bn(digest.data(), static_cast<int>(digest.size()), nullptr));
    transcript.add(signature);
    transcript.add(as_view(digest));
  }
  const Digest seed = transcript.end();
  const std::unique_ptr<BN_CTX, decltype(&BN_CTX_free)> scratch(BN_CTX_new(), BN_CTX_free);
  const Number factor = make_number();
  ProductSum sum_s(scratch.get()), sum_h(scratch.get());
  std::vector<Scalar> scalars(2);
  Digest factors{};
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t at = i % (factors.size() / factor_bytes) * factor_bytes;
    if (at == 0) {
      std::string block;
      append_u64(block, i);
      hash.add(as_view(seed));
      hash.add(block);
      factors = hash.end();
    }
    Scalar& z = scalars.emplace_back();
    z.fill(0);
    std::copy_n(factors.begin() + static_cast<std::ptrdiff_t>(at), factor_bytes, z.begin());
    z[0] |= 1;  // never nothing
    VAULT_CHECK(BN_lebin2bn(z.data(), factor_bytes, factor.get()) != nullptr);
    sum_s.add(s[i].get(), factor.get());
    sum_h.add(h[i].get(), factor.get());
  }
  scalars[0] = sum_s.end();
  scalars[1] = sum_h.end();
  return curve25519::sums_to_zero(points, scalars);
}

}  // namespace vault
