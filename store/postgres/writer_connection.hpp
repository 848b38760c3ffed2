// The connection on which a writer waits for answers: opened when needed, and reopened after a loss. The lease,
// checkpoints, look-ups and the tree take turns on it.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "store/postgres/connection.hpp"
#include "store/postgres/store.hpp"

namespace vault {

// Belongs to the thread that uses it.
class WriterConnection {
 public:
  // A separate connection with the settings of a writer and these statements. `purpose` is appended to the
  // application's name. Errors: those of PgConnection::open().
  static Result<std::unique_ptr<PgConnection>> open(const PostgresOptions& options, const char* purpose,
                                                    std::span<const PgStatement> statements);

  explicit WriterConnection(const PostgresOptions& options) : options_(options) {}

  // Ensures a usable connection, and reopens it if the last one is gone. Errors: those of open().
  Status connect();
  // The same for optional work: reopens a connection that rest() gave up, but not one that was lost. False: there is
  // none.
  bool connect_unless_lost();

  // The connection. Only after connect(), and until it is dropped.
  PgConnection& operator*() const { return *connection_; }
  PgConnection* operator->() const { return connection_.get(); }

  // Runs `body` between BEGIN and COMMIT, connecting if needed; rolls back if it fails, and drops a useless connection.
  // Success means durable, on a synchronous standby too if there is one.
  Status transact(const std::function<Status()>& body);
  // Ends any open transaction, after a failed one. The connection may be gone afterwards.
  void roll_back();

  void drop() { connection_.reset(); }
  // Drops a connection that is lost, or leads to a server that accepts no more writes, according to `error`.
  void drop_if_useless(const Error& error);
  // Closes an intact connection; connect() opens another.
  void rest();

 private:
  PostgresOptions options_;
  std::unique_ptr<PgConnection> connection_;
  bool rests_ = false;  // the connection was given up, not lost
};

}  // namespace vault
