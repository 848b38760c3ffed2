// The test process's own PostgreSQL: below a temporary directory, on a unix socket only, with durable defaults and page
// checksums. Started on first use; stopped and removed at exit, and by a watcher process if the test crashes or is
// killed. As root, the server runs as an unprivileged user.
#pragma once

#include <string>

namespace vault::test {

class PrivatePostgres {
 public:
  // The instance of this process. Throws std::runtime_error with the server's log if it cannot be started.
  static PrivatePostgres& instance();

  // Makes a fresh database with the newest schema from a template: returns its connection string. All of them share the
  // template's ledger_id.
  std::string create_database();
  // A fresh database without schema.
  std::string create_empty_database();
  std::string url(const std::string& database) const;

  // Runs SQL text, as the superuser of these databases; throws std::runtime_error with the server's message.
  void run(const std::string& url, const std::string& sql);
  // The first value of the first row; "" if null or none.
  std::string ask(const std::string& url, const std::string& sql);

  // Stops all backends without a checkpoint, as a crash would, and starts again.
  void crash_and_restart();
  // Only the first half, and only the second.
  void crash();
  void start();

  // Flips bits in a block of a table's file, as a bad disk does: the server is down meanwhile, and cannot read the
  // block afterwards. Flipping again repairs it. The table must have been vacuumed since it was last written, or
  // reading may write to it.
  void flip_bits(const std::string& url, const std::string& table, long block);

  // Path of a program that comes with this server (psql, pg_dump, ...).
  std::string program(const std::string& name) const;

 private:
  PrivatePostgres();
  void initialise();
  void watch_over() const;
  int run_as_server_user(const std::string& command) const;

  std::string directory_;
  std::string binaries_;
  std::string user_;  // the server's user; empty: the user who runs the test
  int databases_ = 0;
};

}  // namespace vault::test
