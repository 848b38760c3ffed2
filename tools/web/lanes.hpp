// Questions to vaultd. The client library blocks, so a few threads ask, each with a client of its own, and what waits
// for them is bounded. vaultd need not be there: each question says so until it is.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tools/common/connect.hpp"
#include "wire/client/client.hpp"

namespace vault::web {

// One vaultd, asked again after it was gone. Belongs to one thread.
class DaemonClient {
 public:
  // `stop`: a question under way is given up soon after it becomes true.
  DaemonClient(ctl::DaemonAddress address, const std::atomic<bool>& stop);

  // The result's MessagePack. Errors: those of the protocol; `unavailable` within about a second where nobody answers,
  // `deadline_exceeded` after the address' timeout. `progress`, where given, is called in this thread and ends the
  // question by false: vaultd then ends the work, since the connection is closed.
  using Progress = std::function<bool(std::int64_t checked, std::int64_t total)>;
  Result<std::string> ask(const Operation& operation, std::int64_t at_least, const Progress& progress = {});

 private:
  Result<std::string> ask_once(const Operation& operation, std::int64_t at_least, const Progress& progress);

  ctl::DaemonAddress address_;
  const std::atomic<bool>& stop_;
  std::unique_ptr<Client> client_;
};

class Lanes {
 public:
  struct Options {
    ctl::DaemonAddress address;
    std::size_t threads = 4;
    std::size_t waiting_max = 256;  // questions that no thread has taken yet
  };
  // A question, and what is made of its answer. Both functions run in a lane's thread, so that neither a large body nor
  // a large answer holds up anybody else; what `finish` returns is run on the executor.
  struct Question {
    std::function<Result<Operation>()> prepare;
    std::int64_t at_least = 0;
    std::function<std::function<void()>(Result<std::string>)> finish;
    DaemonClient::Progress progress{};
  };

  Lanes(boost::asio::any_io_executor executor, const Options& options);
  ~Lanes();  // what waits is not answered any more
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // False: too many wait.
  bool ask(Question question);

 private:
  void run();

  boost::asio::any_io_executor executor_;
  Options options_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<Question> waiting_;
  std::vector<std::thread> threads_;
};

}  // namespace vault::web
