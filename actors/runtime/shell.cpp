#include "actors/runtime/shell.hpp"

#include <pthread.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "actors/runtime/busy_poll.hpp"
#include "actors/runtime/mailbox.hpp"
#include "actors/runtime/owned_frame.hpp"
#include "actors/runtime/shell_effects.hpp"
#include "os/log.hpp"

namespace vault {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How much is read from one source before the others get their turn and the round ends: little enough that an answer of
// the database does not wait long for its next batch, nor a timer, nor a peer with a short query. A message that
// exceeds a bound is still handled, so none is too large to be handled at all.
constexpr int messages_per_round = 64;
constexpr std::size_t bytes_per_round = std::size_t{1} << 20;
constexpr milliseconds time_per_round{2};

// An actor in its shell.
struct HostedActor {
  HostedActor(const NamedActor& named, ThreadContext& thread)
      : id(named.id), handler(*named.actor), effects(thread, named.id) {}
  ActorId id;
  Actor& handler;
  ShellEffects effects;
  bool stopping = false, stopped = false;
  bool round_open = true;  // has received something since its last round_done()
};

std::optional<LifecycleOrder> receive_order(zmq::socket_t& socket) {
  zmq::message_t frame;
  try {
    if (!socket.recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
  } catch (const zmq::error_t&) {
    return std::nullopt;
  }
  return value_in<LifecycleOrder>(frame);
}

// One multipart message of a peer; nullopt if none waits. Routing ids are distinguished by port.
std::optional<PeerMessage> receive_peer(Port& port, zmq::message_t& frame) {
  PeerMessage message;
  message.socket = port.kind;
  for (;;) {
    try {
      if (!port.socket.recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
    } catch (const zmq::error_t& error) {
      if (error.num() == EINTR) continue;
      return std::nullopt;
    }
    std::string bytes(frame.data<char>(), frame.size());
    if (port.tag && message.envelope.empty()) bytes.insert(bytes.begin(), *port.tag);
    if (frame.more()) {
      message.envelope.push_back(std::move(bytes));
      continue;
    }
    message.body = std::move(bytes);
    if (port.taken) {
      const std::size_t routing_ids = port.kind == SocketKind::requests ? 1 : 0;  // prepended by the ROUTER
      port.taken(zmq_msg_get(frame.handle(), ZMQ_SRCFD), message.envelope.size() + 1 - routing_ids);
    }
    // Set by the authenticator on CURVE connections only.
    if (const char* user = zmq_msg_gets(frame.handle(), "User-Id"); user && *user) message.user_id = user;
    return message;
  }
}

// The loop of a thread, which ends when every actor in it has been asked to stop and has nothing left to finish.
class Loop {
 public:
  Loop(const std::vector<NamedActor>& hosted, Mailbox& mailbox, ThreadContext& thread,
       std::chrono::microseconds busy_poll)
      : mailbox_(mailbox), thread_(thread), busy_poll_(busy_poll) {
    for (const NamedActor& one : hosted) {
      thread_.actors.push_back(one.id);
      hosted_.emplace_back(one, thread_);
    }
    sockets_.push_back({&mailbox_.socket(), mailbox_.socket().get(zmq::sockopt::fd)});
    sockets_.push_back({&thread_.lifecycle, thread_.lifecycle.get(zmq::sockopt::fd)});
    for (Port& port : thread_.ports) sockets_.push_back({&port.socket, port.socket.get(zmq::sockopt::fd)});
  }

  void run() {
    for (HostedActor& actor : hosted_) actor.handler.start(actor.effects);
    settle();
    while (!std::all_of(hosted_.begin(), hosted_.end(), [](const HostedActor& r) { return r.stopped; })) {
      const Readable readable = wait();
      if (readable.lifecycle) {
        while (const auto order = receive_order(thread_.lifecycle)) obey(*order);
      }
      for (HostedActor& actor : hosted_) {
        if (actor.stopped) continue;
        actor.round_open = true;
        for (const int id : actor.effects.take_due()) actor.handler.handle(TimerFired{id}, actor.effects);
      }
      for (HostedActor* actor : readable.watching) actor->handler.watched(actor->effects);
      const bool all_heard = !readable.mailbox || drain_mailbox();
      busy_ = !all_heard;
      busy_ = !drain_ports(readable.ports) || busy_;
      settle();
      if (all_heard) finish();
    }
  }

 private:
  // A ZeroMQ socket and its descriptor. The descriptor only signals what has arrived since the socket was last queried;
  // so the socket is queried again after each use, and otherwise left alone: a query costs two system calls.
  struct Watched {
    zmq::socket_t* socket = nullptr;
    int descriptor = -1;
    bool used = true;

    bool readable() {
      used = (socket->get(zmq::sockopt::events) & ZMQ_POLLIN) != 0;
      return used;
    }
  };
  struct Readable {
    bool mailbox = false, lifecycle = false;
    std::vector<Port*> ports;
    std::vector<HostedActor*> watching;
  };

  Readable wait() {
    bool any = busy_;
    sockets_[lifecycle_at].used = std::exchange(thread_.said, false) || sockets_[lifecycle_at].used;
    descriptors_.clear();
    asked_.clear();
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if (i >= ports_from && !wants(thread_.ports[i - ports_from])) continue;
      asked_.push_back(i);
      descriptors_.push_back({sockets_[i].descriptor, POLLIN, 0});
      any = (sockets_[i].used && sockets_[i].readable()) || any;
    }
    std::vector<HostedActor*> watching;
    for (HostedActor& actor : hosted_) {
      const Watch watch = actor.handler.watch();
      if (actor.stopped || watch.descriptor < 0) continue;
      descriptors_.push_back({watch.descriptor, static_cast<short>(watch.write ? POLLIN | POLLOUT : POLLIN), 0});
      watching.push_back(&actor);
    }
    send_outgoing();
    // EINTR: nothing is ready, and the next round polls again.
    poll_awake_first(descriptors_, watching.empty() ? std::chrono::microseconds{} : busy_poll_,
                     milliseconds(any ? 0 : timeout_ms()));
    Readable ready;
    for (std::size_t k = 0; k < asked_.size(); ++k) {
      Watched& socket = sockets_[asked_[k]];
      if (!socket.used && (descriptors_[k].revents == 0 || !socket.readable())) continue;
      if (asked_[k] >= ports_from) {
        ready.ports.push_back(&thread_.ports[asked_[k] - ports_from]);
      } else {
        (asked_[k] == lifecycle_at ? ready.lifecycle : ready.mailbox) = true;
      }
    }
    for (std::size_t k = 0; k < watching.size(); ++k) {
      if (descriptors_[asked_.size() + k].revents != 0) ready.watching.push_back(watching[k]);
    }
    for (std::size_t i = ports_from; i < sockets_.size(); ++i) sockets_[i].used = true;  // replies may be sent there
    return ready;
  }

  bool wants(const Port& port) const {
    return port.kind != SocketKind::events && !hosted_.front().stopped && port.wanted();
  }

  long timeout_ms() const {
    if (busy_) return 0;
    long timeout = 1'000;
    for (const HostedActor& actor : hosted_) {
      if (actor.stopping && !actor.stopped) timeout = std::min(timeout, 5L);
      if (const auto next = actor.effects.next_due()) {
        const long left = std::chrono::ceil<milliseconds>(*next - Clock::now()).count();
        timeout = std::clamp<long>(left, 0, timeout);
      }
    }
    return timeout;
  }

  void obey(const LifecycleOrder& order) {
    const Overloaded obey_one{
        [&](const Ping&) { thread_.report(Pong{}); },
        [&](const StopActor& stop) {
          // Endpoints stay bound: unbinding would end their connections, and with them the replies still to be sent.
          for (HostedActor& actor : hosted_) {
            if (actor.id == stop.actor) actor.stopping = true;
          }
        },
    };
    std::visit(obey_one, order);
  }

  void deliver(Envelope envelope) {
    const auto to =
        std::find_if(hosted_.begin(), hosted_.end(), [&](const HostedActor& r) { return r.id == envelope.to; });
    if (to == hosted_.end() || to->stopped) return;
    to->round_open = true;
    to->handler.handle(std::move(envelope.message), to->effects);
  }

  // Delivers all local messages that the round has caused. Remote ones are sent before the thread sleeps.
  void settle() {
    do {
      while (!thread_.local.empty()) {
        Envelope envelope = std::move(thread_.local.front());
        thread_.local.pop_front();
        deliver(std::move(envelope));
      }
      for (HostedActor& actor : hosted_) {
        if (!std::exchange(actor.round_open, false) || actor.stopped) continue;
        actor.handler.round_done(actor.effects);
      }
    } while (!thread_.local.empty());
  }

  void send_outgoing() {
    for (Envelope& envelope : thread_.remote) thread_.outbox.post(envelope.to, std::move(envelope.message));
    thread_.remote.clear();
  }

  void finish() {
    for (HostedActor& actor : hosted_) {
      if (!actor.stopping || actor.stopped) continue;
      actor.stopped = actor.handler.stop(actor.effects);
      settle();
      send_outgoing();
      if (actor.stopped) thread_.report(ActorStopped{actor.id});
    }
  }

  // True if nothing is left.
  bool drain_mailbox() {
    for (int i = 0; i < messages_per_round; ++i) {
      auto envelope = mailbox_.receive();
      if (!envelope) return true;
      deliver(std::move(*envelope));
    }
    return false;
  }

  // Takes a message from each port in turn; ZeroMQ takes turns between the peers of one. True if nothing is left.
  bool drain_ports(std::vector<Port*> ports) {
    if (ports.empty()) return true;
    HostedActor& owner = hosted_.front();
    // A round may end after any of them: begin with the port after the one served last.
    const auto next =
        std::find_if(ports.begin(), ports.end(), [this](const Port* port) { return port > served_last_; });
    std::rotate(ports.begin(), next, ports.end());
    const auto end = Clock::now() + time_per_round;
    int messages = 0;
    std::size_t bytes = 0;
    while (!ports.empty()) {
      for (auto port = ports.begin(); port != ports.end();) {
        zmq::message_t frame;
        auto message = (*port)->wanted() ? receive_peer(**port, frame) : std::nullopt;
        if (!message) {
          port = ports.erase(port);
          continue;
        }
        served_last_ = *port++;
        bytes += message->body.size();
        thread_.last_frame = &frame;
        owner.handler.handle(std::move(*message), owner.effects);
        thread_.last_frame = nullptr;
        if (++messages >= messages_per_round || bytes >= bytes_per_round || Clock::now() >= end) return false;
      }
    }
    return true;
  }

  std::deque<HostedActor> hosted_;  // a deque, so that they are never moved
  Mailbox& mailbox_;
  ThreadContext& thread_;
  const std::chrono::microseconds busy_poll_;
  static constexpr std::size_t lifecycle_at = 1, ports_from = 2;
  std::vector<Watched> sockets_;  // mailbox, lifecycle, then as in thread_.ports
  std::vector<pollfd> descriptors_;
  std::vector<std::size_t> asked_;  // indices of the sockets behind these descriptors; those of actors follow
  bool busy_ = false;
  const Port* served_last_ = nullptr;  // one of thread_.ports
};

}  // namespace

Shell::Shell(zmq::context_t& context, std::vector<NamedActor> actors, OpenPorts open_ports,
             std::chrono::microseconds busy_poll)
    : context_(context),
      actors_(std::move(actors)),
      busy_poll_(busy_poll),
      name_(actor_name(actors_.front().id)),
      address_("inproc://lifecycle-" + name_),
      lifecycle_(context, zmq::socket_type::pair) {
  lifecycle_.set(zmq::sockopt::linger, 0);
  lifecycle_.bind(address_);
  thread_ = std::thread([this, open = std::move(open_ports)] { run(open); });
  pthread_setname_np(thread_.native_handle(), name_.substr(0, 15).c_str());
}

Shell::~Shell() {
  if (thread_.joinable()) thread_.join();
}

void Shell::tell(LifecycleOrder order) {
  const std::string word = std::holds_alternative<Ping>(order) ? "ping" : "stop";
  try {
    (void)lifecycle_.send(frame_of(std::make_unique<LifecycleOrder>(order)), zmq::send_flags::dontwait);
  } catch (const zmq::error_t& error) {
    log_debug("shell", "not told", {{"actor", name_}, {"word", word}, {"reason", error.what()}});
  }
}

void Shell::run(const OpenPorts& open_ports) {
  zmq::socket_t lifecycle(context_, zmq::socket_type::pair);
  lifecycle.set(zmq::sockopt::linger, 1'000);
  lifecycle.connect(address_);
  try {
    Mailbox mailbox(context_, actors_);
    auto ports = open_ports ? open_ports(context_) : std::vector<Port>();
    if (!ports) return report_failure(lifecycle, std::move(ports.error()));
    opened_.store(true, std::memory_order_release);
    ThreadContext thread(context_, *ports, lifecycle);
    thread.report(ShellReady{});
    Loop(actors_, mailbox, thread, busy_poll_).run();
  } catch (const std::exception& error) {
    report_failure(lifecycle, {ErrorCode::internal, name_ + ": failed " + error.what(), {}});
  }
}

void Shell::report_failure(zmq::socket_t& lifecycle, Error error) {
  try {
    (void)lifecycle.send(frame_of(std::make_unique<LifecycleReport>(ShellFailed{std::move(error)})),
                         zmq::send_flags::dontwait);
  } catch (const zmq::error_t& unheard) {
    log_error("shell", "last report not delivered", {{"actor", name_}, {"reason", unheard.what()}});
  }
}

}  // namespace vault
