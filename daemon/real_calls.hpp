// The system calls behind the hooks (socket_hooks.cpp), as the C library makes them, whatever this program's own symbol
// of that name does. Descriptors are plain numbers here and in the guard: ZeroMQ opens them, and closes them.
//
// ThreadSanitizer does not see how libzmq passes descriptors and bytes from thread to thread; the false races that it
// reports in these calls are suppressed by their namespace (tests/tsan.supp).
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>

namespace vault::real {

int listen(int descriptor, int backlog);
int accept4(int listener, sockaddr* address, socklen_t* size, int flags);
ssize_t recv(int descriptor, void* buffer, std::size_t size, int flags);
int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event);
int close(int descriptor);

}  // namespace vault::real
