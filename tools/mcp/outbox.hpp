// Lines waiting for stdout. One thread writes them, so that their producers need not deal with partial writes or a full
// pipe. If the reader stalls, put() waits once enough lines have gathered; nothing grows.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace vault::mcp {

class Outbox {
 public:
  // `fd` remains the caller's.
  explicit Outbox(int fd);
  ~Outbox();  // waits until everything is written, or the reader is gone
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // Any thread. Adds the newline. Waits while more than bytes_waiting_max are queued. False: the reader has gone, and
  // nothing more is written.
  bool put(std::string line);
  // Waits until everything is written or the reader is gone: true. False: nothing could be written for `patience`.
  bool flush(std::chrono::milliseconds patience);

 private:
  static constexpr std::size_t bytes_waiting_max = std::size_t{4} << 20;

  void run();
  bool write_all(const std::string& line);

  const int fd_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> lines_;
  std::size_t bytes_waiting_ = 0;  // of lines_, and of the one that is being written
  std::size_t writes_ = 0;         // completed writes, to see whether there is progress
  bool stopping_ = false;
  bool broken_ = false;
  std::thread thread_;
};

}  // namespace vault::mcp
