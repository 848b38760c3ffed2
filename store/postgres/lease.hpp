// Changes of the writer's lease: reading its holder, taking it (which fences the previous writer), keeping it through a
// commit in doubt, and giving it up.
//
// Its heartbeat is elsewhere (lease_store.hpp): PostgresLeaseStore renews and confirms a lease that is held, on a
// thread of its own and on a connection whose commits wait for no standby. The two share nothing but the row of
// vault_lease, so waiting here never delays a renewal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "store/lease_watch.hpp"
#include "store/postgres/store.hpp"
#include "store/postgres/writer_connection.hpp"

namespace vault {

// Every call blocks, and leaves no transaction open.
class PostgresLease {
 public:
  // `connection` is shared with the writer's other queries, and outlives the lease.
  PostgresLease(const PostgresOptions& options, WriterConnection& connection)
      : options_(options), connection_(connection) {}
  PostgresLease(const PostgresLease&) = delete;
  PostgresLease& operator=(const PostgresLease&) = delete;

  // See WriterStore::take_lease().
  LeaseOutcome take(const LeaseRequest& request);
  // See WriterStore::release_lease(); does nothing on a lost connection.
  void release(const std::string& instance, std::int64_t epoch);
  // See WriterStore::resolve(): on a new connection. Only after take() has granted the lease.
  ResolveOutcome resolve(const AppendRequest& request);

 private:
  // The contents of vault_lease, and what they mean to the caller.
  struct Holder {
    std::string name;  // "": nobody
    std::int64_t epoch = 0;
    bool takeable = false;
    bool own = false;
    LeaseHolder who{};
    std::chrono::milliseconds silent_for{0};  // since the last renewal, by the database's clock
  };

  Result<Holder> read_holder(const LeaseRequest& request);
  // Error: `forbidden` if another vaultd has the lease after all.
  Result<LeaseGrant> take_over(const LeaseRequest& request);
  Result<LeaseHeld> describe(Holder holder);

  PostgresOptions options_;
  WriterConnection& connection_;
  std::string instance_;                         // the holder's name under which the lease was taken here
  LeaseWatch watch_;                             // watches others' leases
  std::optional<std::int64_t> attempted_epoch_;  // by a resolve() whose own commit was lost
};

}  // namespace vault
