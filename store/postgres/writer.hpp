// WriterStore over one Postgres connection (writer_connection.hpp): checkpoints, look-ups and the tree. For the lease
// see lease.hpp, for appends appender.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "store/postgres/appender.hpp"
#include "store/postgres/lease.hpp"
#include "store/postgres/store.hpp"
#include "store/postgres/writer_connection.hpp"

namespace vault {

class PostgresWriter final : public WriterStore {
 public:
  explicit PostgresWriter(const PostgresOptions& options)
      : options_(options), connection_(options), lease_(options, connection_) {}

  Result<std::unique_ptr<AppendSession>> open_session() override { return PostgresAppender::open(options_); }
  LeaseOutcome take_lease(const LeaseRequest& request) override { return lease_.take(request); }
  void rest() override { connection_.rest(); }
  void release_lease(const std::string& instance, std::int64_t epoch) override { lease_.release(instance, epoch); }
  ResolveOutcome resolve(const AppendRequest& request) override { return lease_.resolve(request); }
  Result<std::vector<FoundSeal>> find_seals(std::span<const Uuid> seal_ids) override;
  Result<TreeView> read_tree(const TreeRequest& request) override;
  Result<std::optional<StoredCheckpoint>> store_checkpoint(std::int64_t epoch, const StoredCheckpoint& checkpoint,
                                                           const LogIdentity& identity) override;
  Status store_contradiction(const StoredCheckpoint& checkpoint, const std::string& told_by) override;

 private:
  Status keep_identity(const LogIdentity& identity);
  Status read_tree_into(TreeView& view, const TreeRequest& request);
  Status read_leaves(std::vector<Hash>& leaves, std::uint64_t from, std::uint64_t to);

  PostgresOptions options_;
  WriterConnection connection_;
  PostgresLease lease_;
};

}  // namespace vault
