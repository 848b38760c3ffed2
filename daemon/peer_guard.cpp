#include "daemon/peer_guard.hpp"

#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "daemon/real_calls.hpp"

namespace vault {
namespace {

using Clock = std::chrono::steady_clock;

// libzmq reads small frames into a buffer of 8 KiB and keeps all of it, with its table of references, as long as one of
// these frames lives.
constexpr std::size_t read_buffer = 8'192, pinned_by_read = 18 << 10;
constexpr std::size_t read_at_once = std::size_t{1} << 20;
constexpr std::size_t descriptors_max = std::size_t{1} << 17;  // beyond any max_peers
// Bytes that may be forgiven per second on an encrypted connection: pings, which look like message frames there.
constexpr std::size_t ping_bytes = 256;

thread_local GuardedSocket binding = GuardedSocket::none;

std::size_t descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max > descriptors_max) return descriptors_max;
  return static_cast<std::size_t>(limit.rlim_max);
}

}  // namespace

bool socket_hooks_present = false;

PeerGuard& peer_guard() {
  static auto* const guard = new PeerGuard;  // close() is still called when statics are gone
  return *guard;
}

struct PeerGuard::Connection {
  explicit Connection(int number) : descriptor(number) {}

  const int descriptor;
  std::atomic<bool> open{false};
  std::atomic<GuardedSocket> socket{GuardedSocket::none};

  // Only used by ZeroMQ's I/O thread.
  ZmtpMeter meter{MessageLimits{}};
  std::vector<std::size_t> ended;

  std::mutex mutex;                // guards the members below
  std::deque<std::size_t> unread;  // costs of whole messages, oldest first
  std::size_t whole = 0;           // their sum
  // How many at the front of `unread` were left by an earlier connection of this descriptor, and their cost. They count
  // in the budget for all, but must not make this peer wait: possibly nobody can take them any more.
  std::size_t inherited = 0, inherited_whole = 0;
  std::size_t own() const { return whole - inherited_whole; }
  std::size_t begun = 0;  // as counted in the budget
  bool encrypted = false, paused = false, condemned = false;
  int epoll = -1;  // the epoll that has the descriptor, or would if it were not paused
  bool registered = false;
  epoll_event interest{};
  Clock::time_point blocked{};  // since when the peer has not accepted data, while we wait to write
  Clock::time_point moved{};    // when it last made progress, began, ended, or nobody was reading its socket
};

PeerGuard::PeerGuard() : descriptors_(descriptor_limit()) {
  connections_ = std::make_unique<std::atomic<Connection*>[]>(descriptors_);
  listening_ = std::make_unique<std::atomic<GuardedSocket>[]>(descriptors_);
  for (std::size_t i = 0; i < descriptors_; ++i) listening_[i].store(GuardedSocket::none, std::memory_order_relaxed);
}

PeerGuard::~PeerGuard() {
  for (std::size_t i = 0; i < descriptors_; ++i) delete connections_[i].load();
}

PeerGuard::Binding::Binding(GuardedSocket socket) {
  binding = socket;
}
PeerGuard::Binding::~Binding() {
  binding = GuardedSocket::none;
}

void PeerGuard::set_limits(GuardedSocket socket, const GuardLimits& limits) {
  Budget& budget = budgets_[static_cast<std::size_t>(socket)];
  budget.limits = limits;
  budget.message_bytes = limits.message.bytes;
}

void PeerGuard::set_message_bytes(GuardedSocket socket, std::size_t bytes) {
  budgets_[static_cast<std::size_t>(socket)].message_bytes = bytes;
}

PeerGuard::Budget& PeerGuard::budget_of(const Connection& connection) {
  return budgets_[static_cast<std::size_t>(connection.socket.load(std::memory_order_relaxed))];
}

PeerGuard::Connection* PeerGuard::find(int descriptor) const {
  if (descriptor < 0 || static_cast<std::size_t>(descriptor) >= descriptors_) return nullptr;
  return connections_[static_cast<std::size_t>(descriptor)].load(std::memory_order_acquire);
}

PeerGuard::Connection* PeerGuard::make(int descriptor) {
  Connection* connection = find(descriptor);
  if (connection) return connection;
  connection = new Connection(descriptor);
  connections_[static_cast<std::size_t>(descriptor)].store(connection, std::memory_order_release);
  highest_ = std::max(highest_.load(), descriptor);
  return connection;
}

// --- System calls ----------------------------------------------------------------------------------------------------

void PeerGuard::listening(int descriptor) {
  if (binding == GuardedSocket::none || descriptor < 0 || static_cast<std::size_t>(descriptor) >= descriptors_) return;
  listening_[static_cast<std::size_t>(descriptor)] = binding;
  ++listeners_;
}

bool PeerGuard::guards_listener(int descriptor) const {
  return descriptor >= 0 && static_cast<std::size_t>(descriptor) < descriptors_ &&
         listening_[static_cast<std::size_t>(descriptor)] != GuardedSocket::none;
}

bool PeerGuard::accepted(int listener, int descriptor) {
  const auto number = static_cast<std::size_t>(descriptor);
  if (number >= descriptors_ || number >= descriptors_max_ || peers_ >= peers_max_) return false;
  Connection& connection = *make(descriptor);
  const std::scoped_lock lock(connection.mutex);
  const GuardedSocket socket = listening_[static_cast<std::size_t>(listener)];
  // Bytes that an earlier connection of this number left unread are counted in the budget of its socket, which may be
  // another: they are given back there.
  if (connection.socket != GuardedSocket::none && connection.socket != socket) {
    give_back(connection, connection.unread.size());
  }
  connection.inherited = connection.unread.size();
  connection.inherited_whole = connection.whole;
  connection.socket = socket;
  connection.meter = ZmtpMeter(budget_of(connection).limits.message);
  connection.encrypted = connection.paused = connection.condemned = connection.registered = false;
  connection.epoll = -1;
  connection.interest = {};
  connection.moved = Clock::now();
  connection.open = true;
  ++peers_;
  return true;
}

bool PeerGuard::must_wait(const Connection& connection) {
  const Budget& budget = budget_of(connection);
  if (connection.condemned || !budget.limits.counted) return false;
  if (connection.own() >= budget.limits.peer_bytes) return true;
  return budget.bytes >= budget.limits.all_bytes && connection.own() + connection.begun >= budget.limits.modest_bytes;
}

std::size_t PeerGuard::may_read(int descriptor, std::size_t wanted) {
  Connection* connection = find(descriptor);
  if (!connection || !connection->open.load(std::memory_order_acquire)) return SIZE_MAX;
  {
    const std::scoped_lock lock(connection->mutex);
    if (!must_wait(*connection)) return std::min(wanted, read_at_once);
  }
  const Budget& budget = budget_of(*connection);
  // No message is waiting to be taken, so nothing would ever make room for the rest of the begun ones.
  if (budget.whole == 0 && budget.bytes >= budget.limits.all_bytes)
    make_room(connection->socket, "it was the largest unfinished message when there was no room for more");
  const std::scoped_lock lock(connection->mutex);
  if (must_wait(*connection)) pause(*connection);
  // Room may have been made between the check and the pause, by a thread that saw nobody waiting.
  if (connection->paused && !must_wait(*connection)) resume(*connection);
  return connection->paused ? 0 : std::min(wanted, read_at_once);
}

bool PeerGuard::has_read(int descriptor, const void* bytes, std::size_t count, std::size_t wanted) {
  Connection& connection = *find(descriptor);
  Budget& budget = budget_of(connection);
  const bool counted = budget.limits.counted;
  if (counted && wanted <= read_buffer && !connection.meter.encrypted()) connection.meter.charge(pinned_by_read);
  if (!counted) connection.meter.allow_heartbeats(Clock::now());
  connection.ended.clear();
  connection.meter.set_bytes_max(budget.message_bytes);
  const char* wrong = connection.meter.feed({static_cast<const std::uint8_t*>(bytes), count}, connection.ended);
  std::unique_lock lock(connection.mutex);
  if (connection.condemned) return false;
  if (wrong) {
    cut(connection, wrong);
    return false;
  }
  if (!counted) {
    budget.bytes += connection.meter.topics();
    budget.bytes -= std::exchange(connection.begun, connection.meter.topics());
    if (budget.bytes <= budget.limits.all_bytes) return true;
    lock.unlock();
    make_room(connection.socket, "it had the most topics when those of all subscribers together were too many");
    lock.lock();
    return !connection.condemned;
  }
  connection.encrypted = connection.meter.encrypted();
  std::size_t ended = 0;
  for (const std::size_t one : connection.ended) ended += one;
  if (connection.unread.empty()) connection.moved = Clock::now();
  connection.unread.insert(connection.unread.end(), connection.ended.begin(), connection.ended.end());
  connection.whole += ended;
  budget.whole += ended;
  budget.bytes += ended + connection.meter.begun();
  budget.bytes -= std::exchange(connection.begun, connection.meter.begun());
  return true;
}

int PeerGuard::control(int epoll, int operation, int descriptor, epoll_event* event) {
  Connection* connection = find(descriptor);
  if (!connection || !connection->open.load(std::memory_order_acquire)) {
    return real::epoll_ctl(epoll, operation, descriptor, event);
  }
  const std::scoped_lock lock(connection->mutex);
  if (operation == EPOLL_CTL_DEL) {
    connection->epoll = -1;
    return std::exchange(connection->registered, false) ? real::epoll_ctl(epoll, operation, descriptor, event) : 0;
  }
  connection->epoll = epoll;
  if ((connection->interest.events & EPOLLOUT) == 0) connection->blocked = Clock::now();
  connection->interest = *event;
  epoll_event wanted = *event;
  if (connection->paused) wanted.events &= EPOLLOUT;
  // While the connection is not read, do not wait even for its end: epoll would report it again and again.
  if (connection->paused && wanted.events == 0) {
    if (std::exchange(connection->registered, false)) real::epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nullptr);
    return 0;
  }
  const int how = std::exchange(connection->registered, true) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  return real::epoll_ctl(epoll, how, descriptor, &wanted);
}

void PeerGuard::closing(int descriptor) {
  if (descriptor >= 0 && static_cast<std::size_t>(descriptor) < descriptors_ &&
      listening_[static_cast<std::size_t>(descriptor)].exchange(GuardedSocket::none) != GuardedSocket::none) {
    --listeners_;
  }
  Connection* connection = find(descriptor);
  if (!connection || !connection->open.exchange(false)) return;
  const std::scoped_lock lock(connection->mutex);
  Budget& budget = budget_of(*connection);
  if (std::exchange(connection->paused, false)) --budget.paused;
  budget.bytes -= std::exchange(connection->begun, std::size_t{0});
  connection->moved = Clock::now();
  --peers_;
}

// --- Pausing; the connection's mutex is held -------------------------------------------------------------------------

void PeerGuard::pause(Connection& connection) {
  if (std::exchange(connection.paused, true)) return;
  ++budget_of(connection).paused;
  ++paused_;
  if (!connection.registered) return;
  epoll_event told = connection.interest;
  told.events &= EPOLLOUT;
  connection.registered = told.events != 0;
  real::epoll_ctl(connection.epoll, connection.registered ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, connection.descriptor,
                  &told);
}

void PeerGuard::resume(Connection& connection) {
  if (!std::exchange(connection.paused, false)) return;
  --budget_of(connection).paused;
  if (connection.epoll < 0) return;
  epoll_event told = connection.interest;
  const int how = std::exchange(connection.registered, true) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  real::epoll_ctl(connection.epoll, how, connection.descriptor, &told);
}

void PeerGuard::give_back(Connection& connection, std::size_t messages) {
  Budget& budget = budget_of(connection);
  for (; messages > 0 && !connection.unread.empty(); --messages) {
    const std::size_t bytes = connection.unread.front();
    connection.unread.pop_front();
    connection.whole -= bytes;
    if (connection.inherited > 0) {
      --connection.inherited;
      connection.inherited_whole -= bytes;
    }
    budget.whole -= bytes;
    budget.bytes -= bytes;
  }
}

// Wakes ZeroMQ's thread, which then finds that the connection has ended.
void PeerGuard::cut(Connection& connection, const char* reason) {
  if (std::exchange(connection.condemned, true)) return;
  ++cut_;
  cut_for_ = reason;
  shutdown(connection.descriptor, SHUT_RDWR);
  resume(connection);
}

// --- Handlers --------------------------------------------------------------------------------------------------------

void PeerGuard::taken(int descriptor, std::size_t frames) {
  Connection* connection = find(descriptor);
  if (!connection) return;
  const GuardedSocket socket = connection->socket;
  if (socket == GuardedSocket::none) return;
  Budget& budget = budgets_[static_cast<std::size_t>(socket)];
  {
    const std::scoped_lock lock(connection->mutex);
    give_back(*connection, connection->encrypted ? frames : 1);
    connection->moved = Clock::now();
    // Half must be free, or it would be paused and resumed for every message.
    if (connection->paused && connection->own() <= budget.limits.peer_bytes / 2 && !must_wait(*connection)) {
      resume(*connection);
    }
  }
  if (budget.paused > 0 && budget.bytes <= budget.limits.all_bytes / 4 * 3) resume_all(socket);
}

void PeerGuard::resume_all(GuardedSocket socket) {
  const Budget& budget = budgets_[static_cast<std::size_t>(socket)];
  for (int i = 0; i <= highest_; ++i) {
    Connection* connection = find(i);
    if (!connection || !connection->open || connection->socket != socket) continue;
    const std::scoped_lock lock(connection->mutex);
    if (connection->own() <= budget.limits.peer_bytes / 2 && !must_wait(*connection)) resume(*connection);
  }
}

void PeerGuard::cut_slowest(GuardedSocket socket) {
  Connection* slowest = nullptr;
  auto since = Clock::time_point::max();
  for (int i = 0; i <= highest_; ++i) {
    Connection* connection = find(i);
    if (!connection || !connection->open || connection->socket != socket) continue;
    const std::scoped_lock lock(connection->mutex);
    if (connection->condemned) {
      if (connection->open) return;  // has not disconnected yet
      continue;
    }
    if ((connection->interest.events & EPOLLOUT) == 0 || connection->blocked >= since) continue;
    slowest = connection;
    since = connection->blocked;
  }
  if (!slowest) return;
  const std::scoped_lock lock(slowest->mutex);
  if (slowest->open) cut(*slowest, "a subscriber that does not read");
}

// Cuts the connection that holds most: in begun messages, since everybody else's would end sooner, or in topics. In the
// I/O thread.
void PeerGuard::make_room(GuardedSocket socket, const char* reason) {
  Connection* largest = nullptr;
  std::size_t bytes = 0;
  for (int i = 0; i <= highest_; ++i) {
    Connection* connection = find(i);
    if (!connection || !connection->open || connection->socket != socket) continue;
    const std::scoped_lock lock(connection->mutex);
    if (connection->condemned || connection->begun <= bytes) continue;
    largest = connection;
    bytes = connection->begun;
  }
  if (!largest) return;
  const std::scoped_lock lock(largest->mutex);
  if (!largest->open) return;
  cut(*largest, reason);
  Budget& budget = budget_of(*largest);
  if (!budget.limits.counted) budget.bytes -= std::exchange(largest->begun, std::size_t{0});  // one is enough
}

PeerGuard::Counts PeerGuard::sweep(const std::array<bool, 3>& reading) {
  const auto now = Clock::now();
  for (int i = 0; i <= highest_; ++i) {
    Connection* connection = find(i);
    if (!connection || connection->socket == GuardedSocket::none) continue;
    const bool is_read = reading[static_cast<std::size_t>(connection->socket.load())];
    const std::scoped_lock lock(connection->mutex);
    if (!is_read) {
      connection->moved = now;
      continue;
    }
    // Messages that ZeroMQ dropped when a connection ended will never be taken.
    const std::size_t left = connection->open ? connection->inherited : connection->unread.size();
    if (left > 0 && now - connection->moved >= budget_of(*connection).limits.patience) give_back(*connection, left);
    if (!connection->open) continue;
    if (connection->paused) {
      if (!must_wait(*connection))
        resume(*connection);
      else if (now - connection->moved >= budget_of(*connection).limits.patience)
        cut(*connection, "a message that does not end");
    } else if (connection->encrypted && !connection->unread.empty() && connection->unread.front() <= ping_bytes) {
      give_back(*connection, 1);
    }
  }
  return {peers_, refused_, cut_, paused_, cut_for_};
}

std::size_t PeerGuard::unread_bytes(GuardedSocket socket) const {
  return budgets_[static_cast<std::size_t>(socket)].bytes;
}

}  // namespace vault
