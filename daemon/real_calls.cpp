#include "daemon/real_calls.hpp"

#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vault::real {

namespace {

template <class Function>
Function* libc(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

int listen(int descriptor, int backlog) {
  static auto* const call = libc<int(int, int)>("listen");
  return call(descriptor, backlog);
}

int accept4(int listener, sockaddr* address, socklen_t* size, int flags) {
  static auto* const call = libc<int(int, sockaddr*, socklen_t*, int)>("accept4");
  return call(listener, address, size, flags);
}

// Does not use the name recv(), which is the same call with fewer arguments, but is intercepted: ThreadSanitizer would
// look up each word of a large message in its suppressions, for seconds. It does not see the kernel's call.
ssize_t recv(int descriptor, void* buffer, std::size_t size, int flags) {
#if defined(__SANITIZE_THREAD__)
  return syscall(SYS_recvfrom, descriptor, buffer, size, flags, nullptr, nullptr);
#else
  return recvfrom(descriptor, buffer, size, flags, nullptr, nullptr);
#endif
}

int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) {
  static auto* const call = libc<int(int, int, int, epoll_event*)>("epoll_ctl");
  return call(epoll, operation, descriptor, event);
}

int close(int descriptor) {
  static auto* const call = libc<int(int)>("close");
  return call(descriptor);
}

}  // namespace vault::real
