// System calls that libzmq makes for its connections, answered by vaultd's own functions: a symbol of the program goes
// before that of a library. Everybody else in the process passes through, at the price of one look into a table.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

#include "daemon/peer_guard.hpp"

namespace {

template <class Function>
Function* libc(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

const bool present = vault::socket_hooks_present = true;

// Held for the case that no descriptor is left: a connection must be accepted to be refused, and until it is, the
// listener stays readable and ZeroMQ's thread turns in circles.
int spare = -1;
std::mutex spare_mutex;

void hold_spare() {
  if (spare < 0) spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

// ThreadSanitizer sees neither how libzmq hands descriptors and what was read from thread to thread, nor, where the
// kernel is asked directly, who closed or wrote them.
int close_real(int descriptor) {
#if defined(__SANITIZE_THREAD__)
  return static_cast<int>(syscall(SYS_close, descriptor));
#else
  static auto* const real = libc<int(int)>("close");
  return real(descriptor);
#endif
}

// libzmq calls recv(), so recv() is ours, and the kernel is asked by another name.
ssize_t receive(int descriptor, void* buffer, std::size_t size, int flags) {
#if defined(__SANITIZE_THREAD__)
  return syscall(SYS_recvfrom, descriptor, buffer, size, flags, nullptr, nullptr);
#else
  return recvfrom(descriptor, buffer, size, flags, nullptr, nullptr);
#endif
}

}  // namespace

extern "C" {

int listen(int descriptor, int backlog) noexcept {
  static auto* const real = libc<int(int, int)>("listen");
  vault::peer_guard().listening(descriptor);
  {
    const std::scoped_lock lock(spare_mutex);
    hold_spare();
  }
  return real(descriptor, backlog);
}

int accept4(int listener, sockaddr* address, socklen_t* size, int flags) {
  static auto* const real = libc<int(int, sockaddr*, socklen_t*, int)>("accept4");
  vault::PeerGuard& guard = vault::peer_guard();
  const int descriptor = real(listener, address, size, flags);
  if (!guard.guards_listener(listener)) return descriptor;
  if (descriptor >= 0) {
    if (guard.accepted(listener, descriptor)) return descriptor;
    close_real(descriptor);
  } else if (errno == EMFILE || errno == ENFILE) {
    const std::scoped_lock lock(spare_mutex);
    if (spare >= 0) close_real(spare);
    spare = -1;
    if (const int unwanted = real(listener, nullptr, nullptr, SOCK_CLOEXEC); unwanted >= 0) close_real(unwanted);
    hold_spare();
  } else {
    return -1;
  }
  guard.refused();
  errno = ECONNABORTED;  // which libzmq takes for a connection that went by itself
  return -1;
}

ssize_t recv(int descriptor, void* buffer, size_t size, int flags) {
  vault::PeerGuard& guard = vault::peer_guard();
  const std::size_t allowed = guard.may_read(descriptor, size);
  if (allowed == SIZE_MAX) return receive(descriptor, buffer, size, flags);
  if (allowed == 0) {
    errno = EAGAIN;
    return -1;
  }
  const ssize_t count = receive(descriptor, buffer, allowed, flags);
  if (count <= 0 || guard.has_read(descriptor, buffer, static_cast<std::size_t>(count), size)) return count;
  errno = ECONNRESET;
  return -1;
}

int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) noexcept {
  return vault::peer_guard().control(epoll, operation, descriptor, event);
}

int close(int descriptor) {
  vault::peer_guard().closing(descriptor);
  return close_real(descriptor);
}

}  // extern "C"
