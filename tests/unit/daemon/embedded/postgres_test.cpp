// Really starts PostgreSQL.
#include "daemon/embedded/postgres.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "daemon/embedded/postgres_files.hpp"

namespace vault {
namespace {

namespace fs = std::filesystem;

class EmbeddedPostgresTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* base = std::getenv("TMPDIR");
    std::string path = std::string(base != nullptr ? base : "/var/tmp") + "/embedded.XXXXXX";
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    chmod(path.c_str(), 0755);
    root_ = path;
    directory_ = root_ + "/a 'db' \"x\" %20";
  }
  void TearDown() override { fs::remove_all(root_); }

  static std::unique_ptr<EmbeddedPostgres> started(const std::string& directory) {
    auto postgres = EmbeddedPostgres::start(directory);
    EXPECT_TRUE(postgres) << postgres.error().message;
    return postgres ? std::move(*postgres) : nullptr;
  }

  // psql's output for a query, without the newline; "?" and more if it fails.
  static std::string ask(const std::string& url, const std::string& sql) {
    const std::string command = "psql -XAtq -v ON_ERROR_STOP=1 \"" + url + "\" -c \"" + sql + "\" 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    std::string out;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) out += static_cast<char>(c);
    if (pclose(pipe) != 0) return "? " + out;
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
  }

  pid_t postmaster() const {
    const auto file = read_postmaster_file(directory_ + "/data");
    return file ? file->pid : -1;
  }

  // A vaultd that dies suddenly: start()s in a process of its own, which is then killed.
  void start_and_die() const {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
      // From a second thread, so that the server is not signalled and outlives it.
      std::thread([&] {
        auto postgres = EmbeddedPostgres::start(directory_);
        const char word = postgres ? 'y' : 'n';
        if (write(ready[1], &word, 1) != 1) _exit(1);
        pause();
      }).join();
      _exit(0);
    }
    char word = 0;
    ASSERT_EQ(read(ready[0], &word, 1), 1);
    ASSERT_EQ(word, 'y');
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
  }

  std::string root_;
  std::string directory_;
};

TEST_F(EmbeddedPostgresTest, IsDurablePrivateAndKeepsItsData) {
  std::string url;
  {
    const auto postgres = started(directory_);
    ASSERT_TRUE(postgres);
    url = postgres->url();
    const auto shows = [&](const std::string& name) { return ask(url, "SHOW " + name); };
    EXPECT_EQ(shows("data_checksums"), "on");
    EXPECT_EQ(shows("fsync"), "on");
    EXPECT_EQ(shows("synchronous_commit"), "on");
    EXPECT_EQ(shows("full_page_writes"), "on");
    EXPECT_EQ(shows("listen_addresses"), "");
    EXPECT_EQ(shows("jit"), "off");
    EXPECT_EQ(shows("shared_buffers"), "64MB");
    EXPECT_EQ(shows("server_encoding"), "UTF8");
    EXPECT_EQ(ask(url, "SELECT current_database()"), "vault");
    EXPECT_EQ(ask(url, "CREATE TABLE kept AS SELECT 42 AS answer"), "");
    EXPECT_EQ(fs::status(directory_ + "/run").permissions(), fs::perms::owner_all);
    EXPECT_EQ(fs::status(directory_ + "/data").permissions(), fs::perms::owner_all);
    if (geteuid() == 0) {
      struct stat status {};
      ASSERT_EQ(stat((directory_ + "/data").c_str(), &status), 0);
      EXPECT_NE(status.st_uid, 0U);
    }
  }
  EXPECT_EQ(postmaster(), -1);  // stopped, and waited for
  EXPECT_EQ(ask(url, "SELECT 1")[0], '?');
  const auto again = started(directory_);
  ASSERT_TRUE(again);
  EXPECT_EQ(ask(again->url(), "SELECT answer FROM kept"), "42");
}

TEST_F(EmbeddedPostgresTest, PayloadsDoNotReachTheLog) {
  const auto postgres = started(directory_);
  ASSERT_TRUE(postgres);
  ask(postgres->url(), "CREATE TABLE t (a text UNIQUE CHECK (a <> 'topsecret1'))");
  EXPECT_EQ(ask(postgres->url(), "INSERT INTO t VALUES ('topsecret1')")[0], '?');
  EXPECT_EQ(ask(postgres->url(), "INSERT INTO t VALUES ('topsecret2'), ('topsecret2')")[0], '?');
  EXPECT_EQ(ask(postgres->url(), "SELEC 'topsecret3'")[0], '?');
  std::ifstream file(directory_ + "/postgres.log");
  const std::string log{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(log.find("ERROR"), std::string::npos);
  EXPECT_EQ(log.find("topsecret"), std::string::npos) << log;
}

TEST_F(EmbeddedPostgresTest, AServerThatDiesIsStartedAgain) {
  const auto postgres = started(directory_);
  ASSERT_TRUE(postgres);
  EXPECT_EQ(ask(postgres->url(), "CREATE TABLE kept AS SELECT 42 AS answer"), "");
  const pid_t first = postmaster();
  EXPECT_TRUE(postgres->keep_running());
  EXPECT_EQ(postmaster(), first);
  ASSERT_EQ(kill(first, SIGKILL), 0);
  // It remains a process until the kernel has released it, and then recovers.
  for (int i = 0; i < 500 && (!postgres->keep_running() || postmaster() == first); ++i) usleep(50'000);
  EXPECT_TRUE(postgres->keep_running());
  EXPECT_NE(postmaster(), first);
  EXPECT_EQ(ask(postgres->url(), "SELECT answer FROM kept"), "42");
}

TEST_F(EmbeddedPostgresTest, AServerLeftOverByAKilledVaultdIsReplaced) {
  start_and_die();
  const pid_t orphan = postmaster();
  ASSERT_TRUE(is_postmaster_of(orphan, directory_ + "/data"));
  const auto postgres = started(directory_);
  ASSERT_TRUE(postgres);
  EXPECT_NE(postmaster(), orphan);
  EXPECT_FALSE(is_postmaster_of(orphan, directory_ + "/data"));
  EXPECT_EQ(ask(postgres->url(), "SELECT 1"), "1");
}

TEST_F(EmbeddedPostgresTest, AStalePidFileOfALivingStrangerIsNoObstacle) {
  started(directory_).reset();
  // This very process: alive, the same user (unless root), and not a PostgreSQL.
  std::ofstream(directory_ + "/data/postmaster.pid") << getppid() << "\n" << directory_ << "/data\n1\n5432\n\n\n\n\n";
  const auto postgres = started(directory_);
  ASSERT_TRUE(postgres);
  EXPECT_EQ(ask(postgres->url(), "SELECT 1"), "1");
}

TEST_F(EmbeddedPostgresTest, TheServerEndsWithItsVaultd) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {  // the main thread, as in vaultd
    const auto postgres = EmbeddedPostgres::start(directory_);
    const char word = postgres ? 'y' : 'n';
    if (write(ready[1], &word, 1) == 1) pause();
    _exit(1);
  }
  char word = 0;
  ASSERT_EQ(read(ready[0], &word, 1), 1);
  ASSERT_EQ(word, 'y');
  const pid_t server = postmaster();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  for (int i = 0; i < 500 && is_postmaster_of(server, directory_ + "/data"); ++i) usleep(20'000);
  EXPECT_FALSE(is_postmaster_of(server, directory_ + "/data"));
}

TEST_F(EmbeddedPostgresTest, AnInterruptedInitdbIsInNobodysWay) {
  fs::create_directories(directory_ + "/data.new.1/base");
  std::ofstream(directory_ + "/data.new.1/PG_VERSION") << "15\n";
  const auto postgres = started(directory_);
  ASSERT_TRUE(postgres);
  EXPECT_FALSE(fs::exists(directory_ + "/data.new.1"));
}

TEST_F(EmbeddedPostgresTest, TwoOwnersAreRefused) {
  const auto postgres = started(directory_);
  ASSERT_TRUE(postgres);
  const auto second = EmbeddedPostgres::start(directory_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(second.error().message.find(directory_ + " is in use by another vaultd"), std::string::npos)
      << second.error().message;
  EXPECT_EQ(ask(postgres->url(), "SELECT 1"), "1");
}

TEST_F(EmbeddedPostgresTest, DirectoriesThatWillNotDoAreNamed) {
  const auto refusal = [](const std::string& directory) {
    const auto refused = EmbeddedPostgres::start(directory);
    EXPECT_FALSE(refused);
    if (refused) return std::string();
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    return refused.error().message;
  };
  const std::string deep = root_ + "/" + std::string(80, 'd');
  EXPECT_NE(refusal(deep).find("a socket's path has at most 107"), std::string::npos);
  EXPECT_FALSE(fs::exists(deep));
  EXPECT_NE(refusal(root_ + "/a,b").find("comma"), std::string::npos);

  std::ofstream(root_ + "/file") << "x";
  EXPECT_NE(refusal(root_ + "/file/db").find(root_ + "/file"), std::string::npos);

  fs::create_directories(root_ + "/strange/data");
  if (geteuid() == 0) {
    ASSERT_EQ(chown((root_ + "/strange/data").c_str(), 1, 1), 0);
  }
  EXPECT_NE(refusal(root_ + "/strange").find("is not a data directory of PostgreSQL"), std::string::npos);
  EXPECT_TRUE(fs::exists(root_ + "/strange/data"));

  std::ofstream(root_ + "/strange/data/PG_VERSION") << "9\n";
  EXPECT_NE(refusal(root_ + "/strange").find("made by PostgreSQL 9"), std::string::npos);

  if (geteuid() != 0) return;
  fs::create_directories(root_ + "/closed");
  fs::permissions(root_ + "/closed", fs::perms::owner_all);
  EXPECT_NE(refusal(root_ + "/closed/db").find("may not enter " + root_ + "/closed;"), std::string::npos);
  EXPECT_FALSE(fs::exists(root_ + "/closed/db"));  // a typo in a path leaves nothing behind
  fs::create_directories(root_ + "/roots/data");
  EXPECT_NE(refusal(root_ + "/roots").find("belongs to root"), std::string::npos);
}

}  // namespace
}  // namespace vault
