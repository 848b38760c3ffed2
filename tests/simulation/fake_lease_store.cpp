#include "tests/simulation/fake_store.hpp"

namespace vault::sim {
namespace {

tl::unexpected<Error> connection_lost() {
  return vault::fail(ErrorCode::unavailable, "database: connection lost");
}

}  // namespace

Result<LeaseRenewal> FakeLeaseStore::renew(const std::string& instance, std::int64_t epoch) {
  if (!life_.spend()) return connection_lost();
  connected_ = true;
  stall_ += database_.draw_stall();
  const Fault fault = database_.draw("renew_lease", false);
  if (fault == Fault::before) return connection_lost();
  Micros waited = 0;
  const bool locked = database_.lock_lease(waited);
  stall_ += waited;
  if (!locked) return vault::fail(ErrorCode::unavailable, "database: lock timeout");
  DatabaseState& state = database_.state;
  const bool ours = state.lease_holder == instance && state.lease_epoch == epoch;
  if (ours) state.lease_renewed_at = database_.clock().micros + waited;
  if (fault == Fault::after || fault == Fault::cancelled) return connection_lost();
  if (!ours) return vault::fail(ErrorCode::forbidden, "the lease is held by another writer");
  LeaseRenewal renewal{database_.clock(), std::nullopt, std::ssize(state.contradictions), false, {}};
  if (database_.not_durable()) renewal.not_durable = "fsync is off";
  return renewal;
}

Status FakeLeaseStore::confirm(const LeaseRequest& lease, std::int64_t epoch, std::int64_t at_least_sequence) {
  if (!life_.spend()) return connection_lost();
  connected_ = true;
  stall_ += database_.draw_stall();
  if (database_.draw("confirm_lease", false) != Fault::none) return connection_lost();
  const DatabaseState& state = database_.state;
  const bool ours = state.lease_holder == lease.instance && state.lease_epoch == epoch && state.epoch == epoch;
  if (!ours) return vault::fail(ErrorCode::forbidden, "the lease is held by another writer");
  if (state.head.sequence < at_least_sequence)
    return vault::fail(ErrorCode::forbidden, "the ledger is shorter than it was");
  if (database_.clock().micros - state.lease_renewed_at > std::chrono::microseconds(lease.timeout).count()) {
    return vault::fail(ErrorCode::forbidden, "the lease has not been renewed in time");
  }
  return {};
}

}  // namespace vault::sim
