// Requests to vaultd. The client library blocks, so a few threads do the asking, each with its own client, and the
// queue for them is bounded. vaultd need not be running: until it is, each request reports that.
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

// One vaultd, to which it reconnects after it was gone. Belongs to one thread.
class DaemonClient {
 public:
  // `stop`: a request under way is abandoned soon after it becomes true.
  DaemonClient(ctl::DaemonAddress address, const std::atomic<bool>& stop);

  // The result's MessagePack. Errors: those of the protocol; `unavailable` within about a second if nobody answers,
  // `deadline_exceeded` after the address' timeout. `progress`, if given, is called in this thread and ends the request
  // by returning false: vaultd then stops the work, since the connection is closed.
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
    std::size_t waiting_max = 256;  // requests that no thread has taken yet
  };
  // A request, and what to do with its answer. Both functions run in a lane's thread, so that neither a large body nor
  // a large answer delays others; the function returned by `finish` runs on the executor.
  struct Question {
    std::function<Result<Operation>()> prepare;
    std::int64_t at_least = 0;
    std::function<std::function<void()>(Result<std::string>)> finish;
    DaemonClient::Progress progress{};
  };

  Lanes(boost::asio::any_io_executor executor, const Options& options);
  ~Lanes();  // waiting requests are not answered any more
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // False: too many are waiting.
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
