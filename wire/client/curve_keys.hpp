// CURVE key pairs (RFC 26/CurveZMQ). Part of the client library (CMake target vault_client).
#pragma once

#include <string>

#include "ledger/result.hpp"

namespace vault {

struct CurveKeyPair {  // Z85, 40 characters each
  std::string public_key;
  std::string secret_key;
};

// Error: internal where libzmq was built without CURVE.
Result<CurveKeyPair> make_curve_key_pair();

}  // namespace vault
