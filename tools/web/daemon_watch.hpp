// Polls vaultd's status a few times a second whatever the demand, so that a thousand requests for /readyz or /metrics
// cost vaultd nothing.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tools/web/lanes.hpp"

namespace vault::web {

// One answer of `status`; immutable.
struct DaemonStatus {
  std::chrono::steady_clock::time_point at;
  std::string msgpack;
  std::string json;
  std::string role;  // "writer", "standby", "waiting"
  bool ready = false;
  bool has_database = true;           // as far as is known
  std::vector<std::string> troubles;  // for people: why the database is away, and each raised alert, the worst first
};

class DaemonWatch {
 public:
  static constexpr std::chrono::milliseconds interval{250};
  static constexpr std::chrono::milliseconds fresh_for{2'000};  // an older answer does not count

  // `changed` is called on `executor` whenever vaultd appears or disappears.
  DaemonWatch(boost::asio::any_io_executor executor, ctl::DaemonAddress address, std::function<void(bool up)> changed);
  ~DaemonWatch();
  DaemonWatch(const DaemonWatch&) = delete;
  DaemonWatch& operator=(const DaemonWatch&) = delete;

  // On the executor's thread. Null if vaultd has not answered lately.
  std::shared_ptr<const DaemonStatus> fresh() const;
  // Why there is no fresh answer.
  const std::string& problem() const { return problem_; }

 private:
  void run();
  void take(Result<std::string> result);

  boost::asio::any_io_executor executor_;
  ctl::DaemonAddress address_;
  std::function<void(bool)> changed_;
  std::shared_ptr<const DaemonStatus> latest_;
  std::string problem_ = "vaultd has not answered yet";
  bool up_ = false;
  std::atomic<bool> stop_{false};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for functions that have been posted and not run yet
  std::thread thread_;
};

}  // namespace vault::web
