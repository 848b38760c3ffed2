// Lines on their way to stdout. One thread writes them, so that whoever makes them need not know how writing goes:
// partial writes, a pipe that is full. A reader that stalls makes put() wait once enough lies here; nothing grows.
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
  // `fd` stays the caller's.
  explicit Outbox(int fd);
  ~Outbox();  // waits until everything is written, or the reader is gone
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // Any thread. Adds the newline. Waits while over bytes_waiting_max lie here. False: the reader has gone, nothing is
  // written any more.
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
  std::size_t writes_ = 0;         // that came back, to see whether it goes on
  bool stopping_ = false;
  bool broken_ = false;
  std::thread thread_;
};

}  // namespace vault::mcp
