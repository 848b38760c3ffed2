// WriterStore over one Postgres connection. Lease and fence: lease.cpp; appends: appender.hpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "store/lease_watch.hpp"
#include "store/postgres/connection.hpp"
#include "store/postgres/store.hpp"

namespace vault {

class PostgresWriter final : public WriterStore {
 public:
  explicit PostgresWriter(const PostgresOptions& options) : options_(options) {}

  Result<std::unique_ptr<AppendSession>> open_session() override;
  LeaseOutcome take_lease(const LeaseRequest& request) override;
  void rest() override;
  void release_lease(const std::string& instance, std::int64_t epoch) override;
  ResolveOutcome resolve(const AppendRequest& request) override;
  Result<std::vector<FoundSeal>> find_seals(std::span<const Uuid> seal_ids) override;
  Result<TreeView> read_tree(const TreeRequest& request) override;
  Result<std::optional<StoredCheckpoint>> store_checkpoint(std::int64_t epoch, const StoredCheckpoint& checkpoint,
                                                           const LogIdentity& identity) override;
  Status store_contradiction(const StoredCheckpoint& checkpoint, const std::string& told_by) override;

 private:
  PgConnectOptions connect_options() const;
  // A usable connection, made anew where the last one is gone.
  Status connect();
  // Ends whatever transaction is open; for the way out of a failed one.
  void roll_back();
  // Runs `body` between BEGIN and COMMIT; rolls back where it fails, and drops a connection that is good for nothing
  // (lost, or to a server that takes no writes any more). No error: it is durable, on a synchronous standby too where
  // there is one.
  Status transact(const std::function<Status()>& body);
  void drop_if_useless(const Error& error);

  Result<LeaseGrant> take_over(const LeaseRequest& request);
  Result<LeaseHeld> describe_holder(const std::string& holder, std::int64_t epoch);
  Result<LedgerState> load_state(const Head& stored);
  Status keep_identity(const LogIdentity& identity);
  Status read_tree_into(TreeView& view, const TreeRequest& request);
  Status read_leaves(std::vector<Hash>& leaves, std::uint64_t from, std::uint64_t to);

  PostgresOptions options_;
  std::unique_ptr<PgConnection> connection_;
  bool rests_ = false;                           // the connection was given up, not lost
  std::string instance_;                         // holder of the lease that this session took
  LeaseWatch watch_;                             // of others' leases
  std::optional<std::int64_t> attempted_epoch_;  // of a resolve() whose own commit was lost
};

}  // namespace vault
