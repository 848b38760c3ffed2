#include "actors/shell.hpp"

#include <openssl/rand.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "actors/log.hpp"
#include "actors/mailbox.hpp"
#include "ledger/check.hpp"

namespace vault {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// So many messages are read from one source before the others get their turn and the round is closed.
constexpr int messages_per_round = 512;

// Random bytes in blocks: a call into the generator for every salt would cost more than the salt's hash.
class RandomPool {
 public:
  void fill(std::span<std::uint8_t> out) {
    for (std::uint8_t& byte : out) {
      if (used_ == pool_.size()) {
        VAULT_CHECK(RAND_bytes(pool_.data(), static_cast<int>(pool_.size())) == 1);
        used_ = 0;
      }
      byte = std::exchange(pool_[used_++], std::uint8_t{0});
    }
  }

 private:
  std::array<std::uint8_t, 4096> pool_{};
  std::size_t used_ = pool_.size();
};

class ShellEffects final : public Effects {
 public:
  ShellEffects(zmq::context_t& context, std::vector<Port>& ports, zmq::socket_t& lifecycle)
      : outbox_(context), ports_(ports), lifecycle_(lifecycle) {}

  void send(ActorId to, Message message) override { outbox_.send(to, std::move(message)); }
  void set_timer(int id, milliseconds after) override { timers_[id] = Clock::now() + after; }
  Timestamp now() override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
  }
  Clock::time_point clock() override { return Clock::now(); }
  void random(std::span<std::uint8_t> out) override { random_.fill(out); }
  void fatal_configuration(const std::string& message) override { say("configuration " + message); }
  void tell_supervisor(const std::string& word) override { say(word); }

  bool send_frames(SocketKind kind, std::vector<std::string> frames) override {
    const auto port = std::find_if(ports_.begin(), ports_.end(), [&](const Port& p) { return p.kind == kind; });
    if (port == ports_.end()) return false;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      auto flags = zmq::send_flags::dontwait;
      if (i + 1 < frames.size()) flags = flags | zmq::send_flags::sndmore;
      try {
        if (!port->socket.send(zmq::buffer(frames[i]), flags)) return false;  // full
      } catch (const zmq::error_t& error) {
        if (error.num() == EINTR) {
          --i;
          continue;
        }
        return false;  // EHOSTUNREACH: the peer is gone
      }
    }
    return true;
  }

  void say(const std::string& word) {
    try {
      lifecycle_.send(zmq::buffer(word), zmq::send_flags::dontwait);
    } catch (const zmq::error_t&) {
      // The supervisor is gone; there is nobody to tell.
    }
  }

  // Due timers, removed.
  std::vector<int> take_due() {
    std::vector<int> due;
    const auto now = Clock::now();
    for (auto timer = timers_.begin(); timer != timers_.end();) {
      if (timer->second <= now) {
        due.push_back(timer->first);
        timer = timers_.erase(timer);
      } else {
        ++timer;
      }
    }
    return due;
  }
  std::optional<Clock::time_point> next_due() const {
    std::optional<Clock::time_point> next;
    for (const auto& [id, at] : timers_) next = next ? std::min(*next, at) : at;
    return next;
  }

 private:
  Outbox outbox_;
  std::vector<Port>& ports_;
  zmq::socket_t& lifecycle_;
  std::map<int, Clock::time_point> timers_;
  RandomPool random_;
};

std::optional<std::string> receive_word(zmq::socket_t& socket) {
  zmq::message_t frame;
  try {
    if (!socket.recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
  } catch (const zmq::error_t&) {
    return std::nullopt;
  }
  return frame.to_string();
}

// One multipart message of a peer; nullopt if none waits.
std::optional<PeerMessage> receive_peer(Port& port) {
  PeerMessage message;
  message.socket = port.kind;
  for (;;) {
    zmq::message_t frame;
    try {
      if (!port.socket.recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
    } catch (const zmq::error_t& error) {
      if (error.num() == EINTR) continue;
      return std::nullopt;
    }
    std::string bytes(frame.data<char>(), frame.size());
    if (frame.more()) {
      message.envelope.push_back(std::move(bytes));
      continue;
    }
    message.body = std::move(bytes);
    // Set by the authenticator on CURVE connections only.
    if (const char* user = zmq_msg_gets(frame.handle(), "User-Id"); user && *user) message.user_id = user;
    return message;
  }
}

// What a thread does until it is told to stop and has nothing left to finish.
class Loop {
 public:
  Loop(Actor& actor, Mailbox& mailbox, std::vector<Port>& ports, zmq::socket_t& lifecycle, ShellEffects& effects)
      : actor_(actor), mailbox_(mailbox), ports_(ports), lifecycle_(lifecycle), effects_(effects) {}

  void run() {
    actor_.start(effects_);
    actor_.round_done(effects_);
    while (!stopped_) {
      const Readable readable = wait();
      if (readable.lifecycle) {
        while (const auto word = receive_word(lifecycle_)) obey(*word);
      }
      for (int id : effects_.take_due()) actor_.handle(TimerFired{id}, effects_);
      const bool all_heard = !readable.mailbox || drain_mailbox();
      busy_ = !all_heard;
      for (Port* port : readable.ports) busy_ = !drain_port(*port) || busy_;
      actor_.round_done(effects_);
      if (stopping_ && all_heard && actor_.stop(effects_)) stopped_ = true;
    }
  }

 private:
  // Asking a socket that has nothing costs two system calls, so only those that have something are asked.
  struct Readable {
    bool mailbox = false, lifecycle = false;
    std::vector<Port*> ports;
  };

  Readable wait() {
    std::vector<zmq::pollitem_t> items{{mailbox_.socket().handle(), 0, ZMQ_POLLIN, 0},
                                       {lifecycle_.handle(), 0, ZMQ_POLLIN, 0}};
    std::vector<Port*> polled;
    for (Port& port : ports_) {
      if (port.kind == SocketKind::events || !port.wanted()) continue;
      items.push_back({port.socket.handle(), 0, ZMQ_POLLIN, 0});
      polled.push_back(&port);
    }
    long timeout_ms = 1'000;
    if (const auto next = effects_.next_due()) {
      timeout_ms = std::clamp<long>(std::chrono::ceil<milliseconds>(*next - Clock::now()).count(), 0, timeout_ms);
    }
    if (stopping_) timeout_ms = std::min(timeout_ms, 5L);
    if (busy_) timeout_ms = 0;
    try {
      zmq::poll(items.data(), items.size(), milliseconds(timeout_ms));
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) throw;
      return {};
    }
    Readable readable;
    readable.mailbox = (items[0].revents & ZMQ_POLLIN) != 0;
    readable.lifecycle = (items[1].revents & ZMQ_POLLIN) != 0;
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (items[i + 2].revents & ZMQ_POLLIN) readable.ports.push_back(polled[i]);
    }
    return readable;
  }

  void obey(const std::string& word) {
    if (word == "ping") {
      effects_.say("pong");
    } else if (word == "stop" && !stopping_) {
      stopping_ = true;  // endpoints stay bound: unbinding ends their connections, and with them the replies still due
    }
  }

  // True if nothing is left.
  bool drain_mailbox() {
    for (int i = 0; i < messages_per_round; ++i) {
      auto message = mailbox_.receive();
      if (!message) return true;
      actor_.handle(std::move(*message), effects_);
    }
    return false;
  }

  bool drain_port(Port& port) {
    if (port.kind == SocketKind::events) return true;
    for (int i = 0; i < messages_per_round && port.wanted(); ++i) {
      auto message = receive_peer(port);
      if (!message) return true;
      actor_.handle(std::move(*message), effects_);
    }
    return !port.wanted();
  }

  Actor& actor_;
  Mailbox& mailbox_;
  std::vector<Port>& ports_;
  zmq::socket_t& lifecycle_;
  ShellEffects& effects_;
  bool stopping_ = false, stopped_ = false, busy_ = false;
};

}  // namespace

Shell::Shell(zmq::context_t& context, ActorId id, Actor& actor,
             std::function<std::vector<Port>(zmq::context_t&)> open_ports)
    : context_(context),
      id_(id),
      actor_(actor),
      address_("inproc://lifecycle-" + actor_name(id)),
      lifecycle_(context, zmq::socket_type::pair) {
  lifecycle_.set(zmq::sockopt::linger, 0);
  lifecycle_.bind(address_);
  thread_ = std::thread([this, open = std::move(open_ports)] { run(open); });
  pthread_setname_np(thread_.native_handle(), actor_name(id).substr(0, 15).c_str());
}

Shell::~Shell() {
  if (thread_.joinable()) thread_.join();
}

void Shell::tell(const std::string& word) {
  try {
    lifecycle_.send(zmq::buffer(word), zmq::send_flags::dontwait);
  } catch (const zmq::error_t& error) {
    log_debug("shell", "not told", {{"actor", actor_name(id_)}, {"word", word}, {"reason", error.what()}});
  }
}

void Shell::run(std::function<std::vector<Port>(zmq::context_t&)> open_ports) {
  zmq::socket_t lifecycle(context_, zmq::socket_type::pair);
  lifecycle.set(zmq::sockopt::linger, 1'000);
  lifecycle.connect(address_);
  std::string last_word = "stopped";
  try {
    Mailbox mailbox(context_, id_);
    std::vector<Port> ports;
    if (open_ports) ports = open_ports(context_);
    ShellEffects effects(context_, ports, lifecycle);
    effects.say("ready");
    Loop(actor_, mailbox, ports, lifecycle, effects).run();
  } catch (const std::exception& error) {
    last_word = std::string("failed ") + error.what();
  }
  try {
    lifecycle.send(zmq::buffer(last_word), zmq::send_flags::dontwait);
  } catch (const zmq::error_t& error) {
    log_error("shell", "last word not heard", {{"actor", actor_name(id_)}, {"reason", error.what()}});
  }
}

}  // namespace vault
