// Replaces the system calls that libzmq makes for its connections: a symbol of the program takes precedence over that
// of a library. All other calls in the process are passed through, at the cost of one table look-up.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

#include "daemon/peer_guard.hpp"
#include "daemon/real_calls.hpp"

namespace {

const bool present = vault::socket_hooks_present = true;

// Reserved for when no descriptor is left: a connection must be accepted to be refused, and until it is, the listener
// stays readable and ZeroMQ's thread spins. It is not a UniqueFd, which would close it through the hook below.
int spare = -1;
std::mutex spare_mutex;

void hold_spare() {
  if (spare < 0) spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

extern "C" {

int listen(int descriptor, int backlog) noexcept {
  vault::peer_guard().listening(descriptor);
  {
    const std::scoped_lock lock(spare_mutex);
    hold_spare();
  }
  return vault::real::listen(descriptor, backlog);
}

int accept4(int listener, sockaddr* address, socklen_t* size, int flags) {
  vault::PeerGuard& guard = vault::peer_guard();
  const int descriptor = vault::real::accept4(listener, address, size, flags);
  if (!guard.guards_listener(listener)) return descriptor;
  if (descriptor >= 0) {
    if (guard.accepted(listener, descriptor)) return descriptor;
    vault::real::close(descriptor);
  } else if (errno == EMFILE || errno == ENFILE) {
    const std::scoped_lock lock(spare_mutex);
    if (spare >= 0) vault::real::close(spare);
    spare = -1;
    if (const int unwanted = vault::real::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); unwanted >= 0)
      vault::real::close(unwanted);
    hold_spare();
  } else {
    return -1;
  }
  guard.refused();
  errno = ECONNABORTED;  // libzmq takes this for a connection that closed by itself
  return -1;
}

ssize_t recv(int descriptor, void* buffer, size_t size, int flags) {
  vault::PeerGuard& guard = vault::peer_guard();
  const std::size_t allowed = guard.may_read(descriptor, size);
  if (allowed == SIZE_MAX) return vault::real::recv(descriptor, buffer, size, flags);
  if (allowed == 0) {
    errno = EAGAIN;
    return -1;
  }
  const ssize_t count = vault::real::recv(descriptor, buffer, allowed, flags);
  if (count <= 0 || guard.has_read(descriptor, buffer, static_cast<std::size_t>(count), size)) return count;
  errno = ECONNRESET;
  return -1;
}

int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) noexcept {
  return vault::peer_guard().control(epoll, operation, descriptor, event);
}

int close(int descriptor) {
  vault::peer_guard().closing(descriptor);
  return vault::real::close(descriptor);
}

}  // extern "C"
