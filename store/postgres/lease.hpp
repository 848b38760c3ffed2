// The writer's lease where it changes hands: who holds it, how it is taken (which fences the writer before), kept
// through a commit in doubt, and given up.
//
// Its heartbeat is elsewhere (lease_store.hpp): PostgresLeaseStore renews and confirms a lease that is held, in a
// thread of its own and on a connection whose commits wait for no standby. The two have only the row of vault_lease in
// common, so that nothing which is waited for here delays a renewal.
#pragma once

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
  // `connection` is shared with whatever else its writer asks, and outlives the lease.
  PostgresLease(const PostgresOptions& options, WriterConnection& connection)
      : options_(options), connection_(connection) {}
  PostgresLease(const PostgresLease&) = delete;
  PostgresLease& operator=(const PostgresLease&) = delete;

  // As WriterStore::take_lease().
  LeaseOutcome take(const LeaseRequest& request);
  // As WriterStore::release_lease(); on a connection that was lost, nothing.
  void release(const std::string& instance, std::int64_t epoch);
  // As WriterStore::resolve(): on a new connection. Only after take() has granted the lease.
  ResolveOutcome resolve(const AppendRequest& request);

 private:
  // What vault_lease says, and what it means to whoever asks.
  struct Holder {
    std::string name;  // "": nobody
    std::int64_t epoch = 0;
    bool takeable = false;
    bool own = false;
    LeaseHolder who{};
  };

  Result<Holder> read_holder(const LeaseRequest& request);
  // Error: `forbidden` where the lease is somebody's after all.
  Result<LeaseGrant> take_over(const LeaseRequest& request);
  Result<LeaseHeld> describe(Holder holder);

  PostgresOptions options_;
  WriterConnection& connection_;
  std::string instance_;                         // holder of the lease that was taken here
  LeaseWatch watch_;                             // of others' leases
  std::optional<std::int64_t> attempted_epoch_;  // of a resolve() whose own commit was lost
};

}  // namespace vault
