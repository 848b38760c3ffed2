#include "wire/client/curve_keys.hpp"

#include <zmq.h>

#include <array>
#include <cstring>

namespace vault {

Result<CurveKeyPair> make_curve_key_pair() {
  std::array<char, 41> public_key{}, secret_key{};  // 40 characters and a NUL
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return fail(ErrorCode::internal, std::string("libzmq makes no CURVE keys: ") + std::strerror(errno));
  }
  return CurveKeyPair{public_key.data(), secret_key.data()};
}

}  // namespace vault
