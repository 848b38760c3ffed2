// A PostgreSQL of vaultd's own, in one directory: initdb on first start, unix socket only, durable, started and stopped
// with vaultd, recovered after a crash of either.
#pragma once

#include <memory>
#include <string>

#include "ledger/result.hpp"

namespace vault {

class EmbeddedPostgres {
 public:
  // Starts the server (and initdb where the directory is new) and waits until it answers. As root it runs as the
  // `postgres` user, else as the caller. Takes the variables that libpq reads (PG...) out of the environment, so that
  // connections to url() end nowhere else: to be called before other threads run.
  // Errors: invalid_argument naming the directory (not enterable for that user, path too long for a socket, made by
  // another major version whose binaries are missing, in use by another vaultd), unavailable (did not come up: the last
  // lines of its log are in the message).
  static Result<std::unique_ptr<EmbeddedPostgres>> start(const std::string& directory);
  // Fast shutdown, waits for it.
  ~EmbeddedPostgres();
  EmbeddedPostgres(const EmbeddedPostgres&) = delete;
  EmbeddedPostgres& operator=(const EmbeddedPostgres&) = delete;

  const std::string& url() const { return url_; }  // of the ledger's database

  // Starts a server that has died again. True if it is running; false while it recovers, which is not waited for (the
  // backends of a server that was killed may need some attempts to be gone). Call it about once a second, from the
  // thread that called start().
  bool keep_running();

 private:
  struct Impl;
  EmbeddedPostgres() = default;
  std::string url_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vault
