// Features of this vaultd beyond version 1 of the protocol (docs/protocol.md, "status"). A client checks them before it
// sends a member or asks for an operation that an older vaultd refuses.
#pragma once

#include <string>
#include <vector>

namespace vault {

inline std::vector<std::string> protocol_features() {
  return {"at_least", "tile", "histograms"};
}

}  // namespace vault
