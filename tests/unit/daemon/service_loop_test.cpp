// Actors' reports about themselves, through shell and supervisor, and what the service loop derives from them: the
// status and the readiness that a service manager sees, and the exit code.
#include "daemon/service_loop.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/exit_code.hpp"

namespace vault {
namespace {

// Replaces systemd: sd_notify() sends here.
class ServiceManager {
 public:
  ServiceManager() {
    // An abstract address: no file is left behind.
    const std::string name = "vault-service-loop-test-" + std::to_string(getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  }
  ~ServiceManager() {
    unsetenv("NOTIFY_SOCKET");
    close(socket_);
  }
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // Whether this line has arrived by now.
  bool heard(const std::string& line) {
    std::array<char, 1024> buffer{};
    for (ssize_t size = 0; (size = recv(socket_, buffer.data(), buffer.size(), 0)) > 0;) {
      lines_.emplace_back(buffer.data(), static_cast<std::size_t>(size));
    }
    return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
  }

 private:
  int socket_ = -1;
  std::vector<std::string> lines_;
};

// Takes each step once the previous one has had its effect.
class Teller final : public Actor {
 public:
  struct Step {
    std::function<bool()> once;
    std::function<void(Effects&)> then;
  };
  explicit Teller(std::vector<Step> steps) : steps_(std::move(steps)) {}

  void start(Effects& effects) override { effects.set_timer(0, std::chrono::milliseconds(0)); }
  void handle(Message message, Effects& effects) override {
    if (!std::holds_alternative<TimerFired>(message) || next_ == steps_.size()) return;
    if (steps_[next_].once()) steps_[next_++].then(effects);
    effects.set_timer(0, std::chrono::milliseconds(1));
  }
  std::size_t taken() const { return next_; }

 private:
  std::vector<Step> steps_;
  std::atomic<std::size_t> next_{0};
};

class ServiceLoopTest : public ::testing::Test {
 protected:
  // Runs the gateway's stand-in until one of its steps ends the loop; returns the exit code.
  int run(Teller& gateway) {
    EXPECT_TRUE(supervisor_.start({{ActorId::gateway, &gateway}}));
    return ServiceLoop({supervisor_, outbox_, ingest_is_read_, reload_, settings_, nullptr, nullptr, nullptr}).run();
  }

  ServiceManager manager_;
  zmq::context_t context_;
  Supervisor supervisor_{context_};
  Outbox outbox_{context_};
  std::atomic<bool> ingest_is_read_{true};
  Settings settings_;
  std::function<Result<Settings>()> reload_ = [this]() -> Result<Settings> { return settings_; };
};

const auto at_once = [] { return true; };

// Details are for people: their beginning decides nothing.
TEST_F(ServiceLoopTest, ReadinessFollowsTheRoleAndNotItsText) {
  using Role = ServiceState::Role;
  bool ready_while_waiting = true;
  Teller gateway({
      {at_once,
       [](Effects& effects) {
         effects.report_state({Role::waiting, "writer is elsewhere"});
       }},
      {[&] { return manager_.heard("STATUS=waiting: writer is elsewhere"); },
       [&](Effects& effects) {
         ready_while_waiting = manager_.heard("READY=1");
         effects.report_state({Role::standby, "waiting for the lease"});
       }},
      {[&] { return manager_.heard("STATUS=standby: waiting for the lease") && manager_.heard("READY=1"); },
       [](Effects& effects) {
         effects.report_state({Role::writer, {}});
       }},
      {[&] { return manager_.heard("STATUS=writer"); },
       [](Effects& effects) {
         effects.report_state({Role::emergency, {}});
       }},
      {[&] { return manager_.heard("STATUS=writer in EMERGENCY MODE"); },
       [](Effects& effects) { effects.fatal_configuration("stopped gateway"); }},
  });
  EXPECT_EQ(run(gateway), exit_configuration);
  EXPECT_EQ(gateway.taken(), 5U);
  EXPECT_FALSE(ready_while_waiting);
  EXPECT_TRUE(supervisor_.stop(std::chrono::seconds(5)));
}

TEST_F(ServiceLoopTest, AnActorThatFailsEndsTheLoop) {
  Teller gateway({{at_once, [](Effects&) { throw std::runtime_error("configuration of nothing"); }}});
  EXPECT_EQ(run(gateway), exit_failure);
  EXPECT_TRUE(supervisor_.stop(std::chrono::seconds(5))) << "it has stopped already";
}

TEST_F(ServiceLoopTest, APortThatCannotBeOpenedFailsTheStart) {
  Teller gateway({});
  const auto fails = [](zmq::context_t&) -> std::vector<Port> { throw std::runtime_error("Address already in use"); };
  const Status started = supervisor_.start({{ActorId::gateway, &gateway}}, fails);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "gateway: failed Address already in use");
}

TEST_F(ServiceLoopTest, TheStartFailsWithTheErrorOfThePort) {
  Teller gateway({});
  const Error error{ErrorCode::forbidden, "requests: cannot set the mode of /run/vaultd/requests", "requests"};
  const auto fails = [&](zmq::context_t&) -> Result<std::vector<Port>> { return tl::unexpected(error); };
  const Status started = supervisor_.start({{ActorId::gateway, &gateway}}, fails);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error(), error);
}

}  // namespace
}  // namespace vault
