// vaultd's own PostgreSQL, in one directory: initdb on first start, unix socket only, durable, started and stopped with
// vaultd, recovered after a crash of either.
#pragma once

#include <memory>
#include <string>

#include "ledger/result.hpp"

namespace vault {

class EmbeddedPostgres {
 public:
  // Starts the server (running initdb first if the directory is new) and waits until it answers. If vaultd runs as
  // root, the server runs as the `postgres` user, otherwise as the caller. Removes the variables that libpq reads
  // (PG...) from the environment, so that connections to url() cannot end elsewhere: call it before other threads run.
  // Errors: invalid_argument naming the directory (not enterable for that user, path too long for a socket, made by
  // another major version whose binaries are missing, in use by another vaultd), unavailable (did not come up: the last
  // lines of its log are in the message).
  static Result<std::unique_ptr<EmbeddedPostgres>> start(const std::string& directory);
  // Performs a fast shutdown and waits for it.
  ~EmbeddedPostgres();
  EmbeddedPostgres(const EmbeddedPostgres&) = delete;
  EmbeddedPostgres& operator=(const EmbeddedPostgres&) = delete;

  const std::string& url() const { return url_; }  // of the ledger's database

  // Restarts a server that has died. True if it is running; false while it recovers, for which this does not wait (it
  // may take some attempts until the backends of a killed server are gone). Call it about once a second, from the
  // thread that called start().
  bool keep_running();

 private:
  struct Impl;
  EmbeddedPostgres() = default;
  std::string url_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vault
