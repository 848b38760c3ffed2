// The connection on which a writer waits for answers: opened where it is needed, and again once it was lost. The lease,
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
  // A connection with the settings of a writer and these statements, for whoever wants one to itself.
  // Errors: as PgConnection::open().
  static Result<std::unique_ptr<PgConnection>> open(const PostgresOptions& options,
                                                    std::span<const PgStatement> statements);

  explicit WriterConnection(const PostgresOptions& options) : options_(options) {}

  // Makes sure of a usable connection, and makes it anew where the last one is gone. Errors: as open().
  Status connect();
  // The same for what may as well be left undone: a connection that was lost is not made again, one that rest() gave up
  // is. False: there is none.
  bool connect_unless_lost();

  // The connection. Only after connect(), and until it is dropped.
  PgConnection& operator*() const { return *connection_; }
  PgConnection* operator->() const { return connection_.get(); }

  // Runs `body` between BEGIN and COMMIT, and connects where needed; rolls back where it fails, and drops a connection
  // that is good for nothing. No error: it is durable, on a synchronous standby too where there is one.
  Status transact(const std::function<Status()>& body);
  // Ends whatever transaction is open, for the way out of a failed one. The connection may be gone afterwards.
  void roll_back();

  void drop() { connection_.reset(); }
  // Drops a connection that is lost, or leads to a server that takes no writes any more, as `error` says.
  void drop_if_useless(const Error& error);
  // Gives the connection up while it is good; connect() makes another.
  void rest();

 private:
  PostgresOptions options_;
  std::unique_ptr<PgConnection> connection_;
  bool rests_ = false;  // the connection was given up, not lost
};

}  // namespace vault
