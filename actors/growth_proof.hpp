// The proof from one checkpoint to the next, made from the notary's memory alone.
#pragma once

#include <vector>

#include "ledger/frontier.hpp"
#include "ledger/proof.hpp"

namespace vault {

// RFC 9162 consistency proof between a tree of frontier.size() leaves and that tree with `leaves` appended, made from
// these two alone. Cost: as many hashes as there are leaves.
Proof prove_growth(const Frontier& frontier, const std::vector<Hash>& leaves);

}  // namespace vault
