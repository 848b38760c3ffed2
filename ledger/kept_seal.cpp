#include "ledger/kept_seal.hpp"

namespace vault {

bool same_content(const KeptSeal& kept, const Seal& seal) {
  return kept.session_id == seal.session_id && kept.authority == seal.authority && kept.verdict == seal.verdict &&
         kept.seal_data.has_value() && *kept.seal_data == seal.seal_data;
}

bool is_duplicate(const AnyReceipt& receipt) {
  return std::visit([](const auto& one) { return one.duplicate; }, receipt);
}

}  // namespace vault
