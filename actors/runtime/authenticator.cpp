#include "actors/runtime/authenticator.hpp"

#include <zmq.h>

#include <array>
#include <utility>

#include "os/log.hpp"

namespace vault {
namespace {

// The frames of a ZAP request after the ROUTER's routing id: delimiter, version, request id, domain, address, identity,
// mechanism, then the credentials as the last frame.
enum : std::size_t { routing_id, delimiter, version, request_id, domain, address, identity, mechanism, frames };

}  // namespace

bool is_curve_key(const std::string& text) {
  std::array<std::uint8_t, 32> raw{};
  return text.size() == 40 && zmq_z85_decode(raw.data(), text.c_str()) != nullptr;
}

void Authenticator::start(Effects& effects) {
  reload(effects);
  effects.set_timer(0, std::chrono::milliseconds(1'000));
}

void Authenticator::handle(Message message, Effects& effects) {
  receive<AuthenticatorInbox>(
      std::move(message), [&](PeerMessage& request) { answer(request, effects); },
      [&](TimerFired&) {
        reload(effects);
        effects.set_timer(0, std::chrono::milliseconds(1'000));
      });
}

void Authenticator::reload(Effects& effects) {
  auto loaded = load_();
  if (!loaded) {
    if (last_error_ != loaded.error().message) log_error("authenticator", loaded.error().message);
    last_error_ = loaded.error().message;
    return;
  }
  const bool recovered = !last_error_.empty();
  last_error_.clear();
  if (recovered && !*loaded) log_info("authenticator", "keys can be read again; they are as they were");
  if (!*loaded) return;
  keys_ = std::move(*loaded);
  log_info("authenticator", "keys loaded", {{"keys", keys_->size()}});
  effects.send(to::gateway, KeysChanged{keys_});
}

const PeerKey* Authenticator::find(const std::string& public_key) const {
  if (!keys_) return nullptr;
  const auto found = keys_->find(public_key);
  return found == keys_->end() ? nullptr : &found->second;
}

void Authenticator::answer(const PeerMessage& request, Effects& effects) {
  if (request.envelope.size() != frames) return;  // not ZAP: no one to answer
  const auto& frame = request.envelope;
  std::string status = "400";
  std::string text = "unknown key";
  std::string user;
  if (frame[version] == "1.0" && frame[mechanism] == "CURVE" && request.body.size() == 32) {
    std::array<char, 41> z85{};
    zmq_z85_encode(z85.data(), reinterpret_cast<const std::uint8_t*>(request.body.data()), 32);
    const PeerKey* key = find(z85.data());
    const bool allowed =
        key && (key->admin || frame[domain] == "requests" || (frame[domain] == "ingest" && key->producer) ||
                (frame[domain] == "events" && key->reader));
    if (allowed) {
      status = "200";
      text = "OK";
      user = z85.data();
    } else if (key) {
      text = "role missing";
    }
    if (!allowed && test_key_ != z85.data()) {
      log_warning("authenticator", "peer refused",
                  {{"socket", frame[domain]},
                   {"address", frame[address]},
                   {"reason", text},
                   {"key", z85.data()},
                   {"name", key ? key->name : ""}});
    }
  }
  effects.send_frames(SocketKind::zap, {frame[routing_id], "", "1.0", frame[request_id], status, text, user, ""});
}

}  // namespace vault
