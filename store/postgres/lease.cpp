#include "store/postgres/lease.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ledger/check.hpp"
#include "store/postgres/appender.hpp"
#include "store/postgres/durability.hpp"
#include "store/postgres/guards.hpp"
#include "store/postgres/migrator.hpp"
#include "store/postgres/promises.hpp"
#include "store/postgres/rows.hpp"
#include "store/postgres/statements.hpp"

namespace vault {

namespace {

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(ErrorCode::internal, "the stored ledger does not fit together: " + what);
}

// True if the server itself reported the error, as opposed to a finding in the data that it returned.
bool said_by_server(const Error& error) {
  return error.code == ErrorCode::internal && !error.sqlstate.empty();
}

LeaseOutcome not_granted(Error error) {
  if (said_by_server(error)) return LeaseUnreadable{std::move(error.message)};
  return error;
}

bool same_place(const Head& stored, const Head& head) {
  return stored.sequence == head.sequence && stored.entry_hash == head.entry_hash &&
         stored.merkle_root == head.merkle_root;
}

// The head with the timestamp of its entry, and the edge of the tree; everything must agree.
Result<LedgerState> load_state(PgConnection& connection, const Head& stored) {
  LedgerState state;
  state.head = stored;
  auto last = connection.execute(sql::last_sequence);
  if (!last) return tl::unexpected(last.error());
  const std::int64_t last_sequence = last->rows() == 0 ? 0 : read_int8(last->value(0, 0));
  if (last_sequence != stored.sequence) {
    return damaged(fmt::format("vault_head is at sequence {}, the last entry at {}", stored.sequence, last_sequence));
  }
  if (stored.sequence == 0) {
    if (!same_place(stored, empty_head())) return damaged("vault_head is not that of an empty ledger");
    state.head = empty_head();
    return state;
  }
  auto entry = query_entry(connection, sql::entry_by_sequence, PgParams().int8(stored.sequence));
  if (!entry) return tl::unexpected(entry.error());
  if (!*entry) return damaged(fmt::format("entry {} is missing", stored.sequence));
  if ((*entry)->entry_hash != stored.entry_hash) {
    return damaged(fmt::format("head_hash in vault_head is not that of entry {}", stored.sequence));
  }
  if (compute_entry_hash(**entry) != stored.entry_hash) {
    return damaged(fmt::format("entry {} does not have the hash stored with it", stored.sequence));
  }
  if ((*entry)->merkle_root != stored.merkle_root) {
    return damaged(fmt::format("merkle_root in vault_head is not that of entry {}", stored.sequence));
  }
  state.head.timestamp = (*entry)->timestamp;
  PgTileReader tiles(connection);
  auto edge = load_edge(tiles, static_cast<std::uint64_t>(stored.sequence));
  if (!edge) {
    if (edge.error().code == ErrorCode::unavailable || said_by_server(edge.error()))
      return tl::unexpected(edge.error());
    return damaged(edge.error().message);
  }
  if (edge->root() != stored.merkle_root) {
    return damaged(fmt::format("the tree of {} entries has another root than vault_head", stored.sequence));
  }
  state.edge = *std::move(edge);
  return state;
}

}  // namespace

// --- Reading ---------------------------------------------------------------------------------------------------------

Result<PostgresLease::Holder> PostgresLease::read_holder(const LeaseRequest& request) {
  const auto timeout_us = std::chrono::duration_cast<std::chrono::microseconds>(request.timeout).count();
  auto lease = connection_->execute(sql::read_lease, PgParams().text(request.instance).int8(timeout_us));
  if (!lease) return tl::unexpected(lease.error());
  if (lease->rows() == 0) return damaged("vault_lease has no row");
  Holder holder{std::string(lease->value(0, 0)), read_int8(lease->value(0, 1)), lease->value(0, 2) == "\x01"};
  holder.own = holder.name == request.instance;
  if (lease->value(0, 8) == "\x01") {  // or NULL, if this holder has not said where it runs
    const std::int64_t since_us = read_timestamp(lease->value(0, 7)).micros;
    holder.who = {std::string(lease->value(0, 5)), read_int8(lease->value(0, 6)), std::max<std::int64_t>(since_us, 0)};
  }
  const std::int64_t renewed_us = read_timestamp(lease->value(0, 4)).micros;
  const std::int64_t silent_us = read_timestamp(lease->value(0, 9)).micros - std::max<std::int64_t>(renewed_us, 0);
  holder.silent_for = std::chrono::milliseconds(std::max<std::int64_t>(silent_us, 0) / 1'000);
  // All of these change with the holder or with every renewal.
  const auto bytes = fmt::format("{} {} {}", holder.name, lease->value(0, 1), lease->value(0, 4));
  const bool old = lease->value(0, 3) == "\x01";
  holder.takeable |= watch_.over(bytes, old, request.timeout, std::chrono::steady_clock::now());
  return holder;
}

Result<LeaseHeld> PostgresLease::describe(Holder holder) {
  LeaseHeld held;
  held.holder = std::move(holder.name);
  held.epoch = holder.epoch;
  held.who = std::move(holder.who);
  held.own = holder.own;
  auto head = connection_->execute(sql::head);
  if (!head) return tl::unexpected(head.error());
  if (head->rows() == 0) return damaged("vault_head has no row");
  held.head = head_at(*head, 0).head;
  auto promises = query_promises(*connection_);
  if (!promises) return tl::unexpected(promises.error());
  held.promises = *std::move(promises);
  auto id = query_ledger_id(*connection_);
  if (!id) return tl::unexpected(id.error());
  held.ledger_id = *std::move(id);
  return held;
}

// --- Taking ----------------------------------------------------------------------------------------------------------

LeaseOutcome PostgresLease::take(const LeaseRequest& request) {
  VAULT_CHECK(!request.instance.empty());
  if (auto connected = connection_.connect(); !connected) return not_granted(connected.error());
  // Read first, so that a standby that asks every second does not lock the active writer's head.
  auto holder = read_holder(request);
  if (holder && holder->takeable && !request.look_only) {
    auto durability = look_at_durability(*connection_);
    if (!durability) {
      connection_.drop_if_useless(durability.error());
      return not_granted(durability.error());
    }
    if (durability->broken) {
      connection_.drop();  // the next connection may lead to another server
      return LeaseNotDurable{*std::move(durability->broken)};
    }
    auto session = PostgresAppender::open(options_);  // first, because a vaultd that cannot append should not take over
    if (!session) return not_granted(session.error());
    auto grant = take_over(request);
    if (grant) {
      grant->session = *std::move(session);
      // Outside the transaction, which locks the head. If the connection fails here, the next call will notice.
      if (auto missing = missing_guard(*connection_)) grant->missing_guard = *std::move(missing);
      grant->cautions = std::move(durability->cautions);
      return *std::move(grant);
    }
    if (grant.error().code != ErrorCode::forbidden) return not_granted(grant.error());
    // Another vaultd was faster. The connection may be gone by now: the rollback may have found it lost.
    if (auto connected = connection_.connect(); !connected) return not_granted(connected.error());
    holder = read_holder(request);
  }
  if (holder) {
    auto held = describe(*std::move(holder));
    if (held) return *std::move(held);
    connection_.drop_if_useless(held.error());
    return not_granted(held.error());
  }
  connection_.drop_if_useless(holder.error());
  return not_granted(holder.error());
}

// One transaction. The head's row lock comes first: it waits for the former writer's last transaction to end, and once
// the epoch is raised under it, that writer can append nothing more; so everything read below stays true. `forbidden`:
// another vaultd has the lease after all.
Result<LeaseGrant> PostgresLease::take_over(const LeaseRequest& request) {
  LeaseGrant grant;
  Status taken = connection_.transact([&]() -> Status {
    auto head = connection_->execute(sql::lock_head_row);
    if (!head) return tl::unexpected(head.error());
    if (head->rows() == 0) return damaged("vault_head has no row");
    auto holder = read_holder(request);
    if (!holder) return tl::unexpected(holder.error());
    if (!holder->takeable) return fail(ErrorCode::forbidden, "the lease is held by " + holder->name);
    if (!holder->name.empty() && !holder->own) {
      grant.taken_from = std::move(holder->who);
      grant.silent_for = holder->silent_for;
    }
    auto raised = connection_->execute(sql::raise_epoch);
    if (!raised) return tl::unexpected(raised.error());
    grant.epoch = read_int8(raised->value(0, 0));
    // Before anything is read: this waits for a checkpoint that the former writer is storing, and fences all later
    // ones.
    auto written = connection_->execute(sql::write_lease, PgParams()
                                                              .text(request.instance)
                                                              .int8(grant.epoch)
                                                              .int4(schema_version_wanted())
                                                              .text(request.host)
                                                              .int8(request.pid));
    if (!written) return tl::unexpected(written.error());
    if (written->rows() == 0) return damaged("vault_lease has no row");
    grant.database_now = read_timestamp(written->value(0, 0));
    auto state = load_state(*connection_, head_at(*head, 0).head);
    if (!state) return tl::unexpected(state.error());
    grant.state = *std::move(state);
    auto promises = query_promises(*connection_);
    if (!promises) return tl::unexpected(promises.error());
    grant.promises = *std::move(promises);
    auto id = query_ledger_id(*connection_);
    if (!id) return tl::unexpected(id.error());
    grant.ledger_id = *std::move(id);
    return {};
  });
  if (!taken) return tl::unexpected(taken.error());
  instance_ = request.instance;
  attempted_epoch_.reset();
  return grant;
}

// --- Giving up -------------------------------------------------------------------------------------------------------

void PostgresLease::release(const std::string& instance, std::int64_t epoch) {
  // Best effort: otherwise the timeout ends the lease. A lost connection is not reopened for this.
  if (!connection_.connect_unless_lost()) return;
  // A lost release costs the next writer one lease_timeout; but a vaultd that is told to stop while the standby is dead
  // must not hang here.
  const bool released = connection_->execute(sql::begin) && connection_->execute(sql::commit_locally) &&
                        connection_->execute(sql::release_lease, PgParams().text(instance).int8(epoch)) &&
                        connection_->execute(sql::commit);
  if (!released) connection_.roll_back();
}

// --- In doubt --------------------------------------------------------------------------------------------------------

ResolveOutcome PostgresLease::resolve(const AppendRequest& request) {
  connection_.drop();
  auto session = PostgresAppender::open(
      options_);  // first, because a vaultd that cannot append should not keep the lease from others
  if (!session) return {ResolveKind::unreachable, 0, session.error().message, {}};
  ResolveOutcome outcome;
  Status done = connection_.transact([&]() -> Status {
    auto locked = connection_->execute(sql::lock_head_row);  // waits for the lost transaction to end
    if (!locked) return tl::unexpected(locked.error());
    if (locked->rows() == 0) return damaged("vault_head has no row");
    const HeadRow stored = head_at(*locked, 0);
    auto holder = read_holder({instance_, std::chrono::milliseconds(0)});
    if (!holder) return tl::unexpected(holder.error());
    // An epoch raised by an earlier resolve() whose answer was lost is the caller's own. Another writer's epoch must
    // not be raised, nor one of the same number that a promoted replica has given to another vaultd.
    const bool own = holder->name == instance_ && (stored.epoch == request.epoch || stored.epoch == attempted_epoch_);
    const bool committed = same_place(stored.head, request.next);
    if (!own || (!committed && !same_place(stored.head, request.expected))) {
      outcome = {ResolveKind::fenced,
                 0,
                 fmt::format("vault_head is at sequence {} of epoch {}", stored.head.sequence, stored.epoch),
                 {}};
      return {};
    }
    auto raised = connection_->execute(sql::raise_epoch);
    if (!raised) return tl::unexpected(raised.error());
    const std::int64_t epoch = read_int8(raised->value(0, 0));
    attempted_epoch_ = epoch;
    auto written = connection_->execute(sql::raise_lease, PgParams().int8(epoch).int4(schema_version_wanted()));
    if (!written) return tl::unexpected(written.error());
    outcome = {committed ? ResolveKind::committed : ResolveKind::not_committed, epoch, {}, {}};
    return {};
  });
  if (!done) return {ResolveKind::unreachable, 0, done.error().message, {}};
  if (outcome.kind == ResolveKind::fenced) return outcome;
  outcome.session = *std::move(session);
  return outcome;
}

}  // namespace vault
