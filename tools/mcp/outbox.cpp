#include "tools/mcp/outbox.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace vault::mcp {

Outbox::Outbox(int fd) : fd_(fd), thread_([this] { run(); }) {}

Outbox::~Outbox() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool Outbox::put(std::string line) {
  line += '\n';
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return broken_ || bytes_waiting_ < bytes_waiting_max; });
  if (broken_) return false;
  bytes_waiting_ += line.size();
  lines_.push_back(std::move(line));
  changed_.notify_all();
  return true;
}

bool Outbox::flush(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  while (bytes_waiting_ > 0 && !broken_) {
    const std::size_t seen = writes_;
    const bool moved =
        changed_.wait_for(lock, patience, [&] { return broken_ || bytes_waiting_ == 0 || writes_ != seen; });
    if (!moved) return false;
  }
  return true;
}

void Outbox::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !lines_.empty(); });
    if (lines_.empty() || broken_) return;
    const std::string line = std::move(lines_.front());
    lines_.pop_front();
    lock.unlock();
    const bool written = write_all(line);
    lock.lock();
    bytes_waiting_ -= line.size();
    broken_ = broken_ || !written;
    changed_.notify_all();
  }
}

bool Outbox::write_all(const std::string& line) {
  for (std::size_t at = 0; at < line.size();) {
    const ssize_t written = ::write(fd_, line.data() + at, line.size() - at);
    if (written > 0) {
      at += static_cast<std::size_t>(written);
      const std::lock_guard lock(mutex_);
      ++writes_;
      changed_.notify_all();
    } else if (errno == EAGAIN ||
               errno == EWOULDBLOCK) {  // another process that shares this pipe has made it non-blocking
      pollfd waiting{fd_, POLLOUT, 0};
      ::poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace vault::mcp
