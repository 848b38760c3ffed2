// Events that must not end a writer's session, and effects that must end with it.
#include <linux/sockios.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "ledger/check.hpp"
#include "store/postgres/connection.hpp"
#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

class SessionTest : public StoreTest {
 protected:
  // Process ids of the servers that a writer's sessions talk to, oldest first.
  std::string backends() {
    return ask(
        "SELECT string_agg(pid::text, ' ' ORDER BY backend_start) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name IN ('vaultd writer', 'vaultd coordinator')");
  }
  pid_t newest_backend() {
    const std::string all = backends();
    return std::stoi(all.substr(all.rfind(' ') + 1));
  }
  static bool within_seconds(int seconds, const std::function<bool()>& happens) {
    for (int i = 0; i < seconds * 100 && !happens(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return happens();
  }
};

TEST_F(SessionTest, IdleSessionTimeoutOfTheDatabaseDoesNotEndThem) {
  if (ask("SELECT current_setting('idle_session_timeout', true)").empty()) {
    GTEST_SKIP() << "PostgreSQL has idle_session_timeout from version 14 on";
  }
  run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET idle_session_timeout = 500', current_database());"
      "EXECUTE format('ALTER ROLE vault_test IN DATABASE %I SET idle_session_timeout = 400', current_database()); "
      "END $$");
  EXPECT_EQ(ask("SELECT count(*) FROM pg_db_role_setting WHERE 'idle_session_timeout=400' = ANY (setconfig)"), "1");
  take_lease();
  auto session = writer_->open_session();
  ASSERT_TRUE(session);
  EXPECT_EQ(append(**session, request_for(make_seal(1))).kind, AppendKind::committed);
  const std::string before = backends();
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  EXPECT_FALSE((*session)->outcome());
  EXPECT_FALSE((*session)->lost());
  EXPECT_EQ(backends(), before);
  const AppendOutcome outcome = append(**session, request_for(make_seal(2)));
  EXPECT_EQ(outcome.kind, AppendKind::committed) << outcome.detail;
  EXPECT_TRUE(lease_store_->renew("a", epoch_));
  EXPECT_EQ(backends(), before);  // the lease's session has not been made anew either
}

// A snapshot is a transaction, and a verifier may do something else between two queries.
TEST_F(SessionTest, TimeoutsOfTheDatabaseEndNoReading) {
  run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = 50', "
      "current_database()); "
      "EXECUTE format('ALTER DATABASE %I SET lock_timeout = 1', current_database()); END $$");
  auto reading = snapshot();
  ASSERT_TRUE(reading->head());
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  const auto head = reading->head();
  EXPECT_TRUE(head) << head.error().message;
}

// Accepts every connection and closes it, like a proxy whose server is gone.
class HangingUp {
 public:
  HangingUp() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    VAULT_CHECK(bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(socket_, 8) == 0);
    VAULT_CHECK(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (int taken = 0; (taken = accept(socket_, nullptr, nullptr)) >= 0; ++taken_) close(taken);
    });
  }
  HangingUp(const HangingUp&) = delete;
  HangingUp& operator=(const HangingUp&) = delete;
  ~HangingUp() {
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }
  int port() const { return port_; }
  int taken() const { return taken_; }

 private:
  int socket_;
  int port_ = 0;
  std::atomic<int> taken_{0};
  std::thread thread_;
};

TEST_F(SessionTest, AHostThatHangsUpIsNotTheLastOneTried) {
  HangingUp first, second;
  const std::string directory = ask("SELECT split_part(current_setting('unix_socket_directories'), ',', 1)");
  const std::string port = ask("SELECT current_setting('port')");
  const auto open = [&](const std::string& hosts, const std::string& ports) {  // the last value of a keyword counts
    return PgConnection::open({fmt::format("{} host='{}' port={}", url_, hosts, ports), "several"}, "", {});
  };
  const auto found = open(fmt::format("127.0.0.1,localhost,{}", directory),
                          fmt::format("{},{},{}", first.port(), second.port(), port));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_GE(first.taken(), 1);
  EXPECT_GE(second.taken(), 1);
  EXPECT_TRUE(open(fmt::format("127.0.0.1,{}", directory), fmt::format("{},{}", first.port(), port)));
  EXPECT_TRUE(open(fmt::format("{},127.0.0.1", directory), fmt::format("{},{}", port, first.port())));
  const auto none = open("127.0.0.1,127.0.0.1", fmt::format("{},{}", first.port(), second.port()));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::unavailable);
  EXPECT_NE(none.error().message.find("; "), std::string::npos) << none.error().message;
}

// `failed` promises that the batch will never be there: data still buffered in libpq must not follow when the session
// is closed, neither while the server is stopped nor after it has made room.
TEST_F(SessionTest, BatchThatWasSentInPartAndGivenUpIsNeverCommitted) {
  take_lease();
  for (const bool room_before_closing : {false, true}) {
    auto session = writer_->open_session();
    ASSERT_TRUE(session);
    const pid_t backend = newest_backend();
    const int descriptor = (*session)->watch().descriptor;
    int buffer = 0;
    socklen_t size = sizeof buffer;
    ASSERT_EQ(getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer, &size), 0);
    // More than the socket holds; but the rest fits once the server has read the beginning.
    Seal seal = make_seal(state_.head.sequence + 1);
    seal.seal_data = "{\"x\":\"" + std::string(static_cast<std::size_t>(buffer) * 3 / 2, 'x') + "\"}";
    const AppendRequest request = request_for(seal);
    ASSERT_EQ(kill(backend, SIGSTOP), 0);
    (*session)->append(std::make_shared<const AppendRequest>(request));
    EXPECT_TRUE((*session)->watch().write);
    (*session)->give_up();
    EXPECT_EQ(wait_for_outcome(**session).kind, AppendKind::failed);
    if (room_before_closing) {
      ASSERT_EQ(kill(backend, SIGCONT), 0);
      int unread = 1;
      EXPECT_TRUE(within_seconds(10, [&] { return ioctl(descriptor, SIOCOUTQ, &unread) == 0 && unread == 0; }));
      session->reset();
    } else {
      session->reset();
      ASSERT_EQ(kill(backend, SIGCONT), 0);
    }
    EXPECT_TRUE(within_seconds(10, [&] { return backends().find(std::to_string(backend)) == std::string::npos; }));
    EXPECT_EQ(ask("SELECT count(*) FROM vault_ledger"), std::to_string(request.expected.sequence));
    EXPECT_EQ(append(*writer_, request).kind, AppendKind::committed);  // the same batch may be sent again
  }
  EXPECT_EQ(verdict(), "valid");
}

}  // namespace
}  // namespace vault::test
