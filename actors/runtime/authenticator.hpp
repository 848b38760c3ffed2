// The authenticator answers ZAP requests (RFC 27): which CURVE keys may connect, and to which socket.
//
// ZeroMQ asks it only if a ZAP domain is set, which the tcp endpoints do: "requests", "ingest", "events".
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/actor.hpp"

namespace vault {

// True for a CURVE key in Z85: 40 characters that encode 32 bytes.
bool is_curve_key(const std::string& text);

class Authenticator final : public Actor {
 public:
  // `load` reads the directory of authorised keys; nullptr if nothing has changed since its last call. It is called
  // once a second; after an error, the known keys stay.
  using Load = std::function<Result<std::shared_ptr<const KeyRing>>()>;
  // `test_key`: vaultd's own, with which it tests that strangers are refused; its refusal is not logged.
  explicit Authenticator(Load load, std::string test_key = {})
      : load_(std::move(load)), test_key_(std::move(test_key)) {}

  void start(Effects& effects) override;
  void handle(Message message, Effects& effects) override;

 private:
  void reload(Effects& effects);
  void answer(const PeerMessage& request, Effects& effects);
  const PeerKey* find(const std::string& public_key) const;

  Load load_;
  const std::string test_key_;
  std::shared_ptr<const KeyRing> keys_;
  std::string last_error_;
};

}  // namespace vault
