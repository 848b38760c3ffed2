#include "store/signature_check.hpp"

#include <sodium.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "ledger/check.hpp"

namespace vault {

namespace {

// Not worth waking a thread for fewer.
constexpr std::size_t share_min = 64;

bool verifies(const KeyedMessage& one) {
  const auto bytes = [](const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  const SignedMessage& signed_message = one.signed_message;
  if (signed_message.signature.size() == crypto_sign_BYTES &&
      crypto_sign_verify_detached(bytes(signed_message.signature), bytes(signed_message.message),
                                  signed_message.message.size(), one.public_key.data()) == 0) {
    return true;
  }
  return verify_ed25519(one.public_key, signed_message);
}

}  // namespace

std::optional<std::size_t> first_bad_signature(std::span<const KeyedMessage> all, unsigned threads) {
  static const bool ready = sodium_init() >= 0;
  VAULT_CHECK(ready);
  const std::size_t shares = std::clamp<std::size_t>(all.size() / share_min, 1, std::max(threads, 1U));
  std::atomic<std::size_t> first = all.size();  // first that does not verify
  const auto verify_share = [&](std::size_t share) {
    for (std::size_t i = all.size() * share / shares; i < all.size() * (share + 1) / shares; ++i) {
      if (i >= first || verifies(all[i])) continue;
      for (std::size_t known = first; i < known && !first.compare_exchange_weak(known, i);) continue;
    }
  };
  std::vector<std::thread> helpers;
  std::size_t alone = 1;  // the caller takes the shares from here on if the system gives no more threads
  try {
    for (; alone < shares; ++alone) helpers.emplace_back(verify_share, alone);
  } catch (const std::system_error&) {
  }
  verify_share(0);
  for (std::size_t share = alone; share < shares; ++share) verify_share(share);
  for (std::thread& helper : helpers) helper.join();
  return first == all.size() ? std::nullopt : std::optional<std::size_t>(first);
}

}  // namespace vault
