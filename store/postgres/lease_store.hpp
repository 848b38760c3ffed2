// LeaseStore over one Postgres connection of its own: the heartbeat of a lease that is held. PostgresLease (lease.hpp)
// takes it and gives it up.
#pragma once

#include <memory>
#include <string>

#include "store/postgres/connection.hpp"
#include "store/postgres/store.hpp"

namespace vault {

class PostgresLeaseStore final : public LeaseStore {
 public:
  explicit PostgresLeaseStore(const PostgresOptions& options) : options_(options) {}

  Result<LeaseRenewal> renew(const std::string& instance, std::int64_t epoch) override;
  Status confirm(const LeaseRequest& lease, std::int64_t epoch, std::int64_t at_least_sequence) override;
  void rest() override { connection_.reset(); }

 private:
  Status connect();
  // Executes on a connection; if that turns out to be lost, once more on a new one. Only for statements that may run
  // twice.
  Result<PgResult> ask(const PgStatement& statement, const PgParams& params);

  PostgresOptions options_;
  std::unique_ptr<PgConnection> connection_;
  std::chrono::steady_clock::time_point guards_due_{};  // when they are next checked
};

}  // namespace vault
