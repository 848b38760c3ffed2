#include <algorithm>
#include <utility>

#include "tests/simulation/fake_store.hpp"

namespace vault::sim {
namespace {

bool same_place(const Head& a, const Head& b) {
  return a.sequence == b.sequence && a.entry_hash == b.entry_hash && a.merkle_root == b.merkle_root;
}

// Per second: one at each of its ticks (250 ms), both ends included, and one that was already under way.
constexpr std::size_t failed_finds_max = 6;

tl::unexpected<Error> connection_lost() {
  return vault::fail(ErrorCode::unavailable, "database: connection lost");
}

// Whether it took effect without its answer arriving.
bool took_effect(Fault fault) {
  return fault == Fault::after || fault == Fault::cancelled;
}

}  // namespace

Fault FakeWriterStore::begin(const char* call, bool transaction) {
  if (!life_.spend()) return Fault::before;
  connected_ = true;
  stall_ += database_.draw_stall();
  return database_.draw(call, transaction);
}

// The lease is written once its lock is granted.
bool FakeWriterStore::lock_lease() {
  Micros waited = 0;
  const bool locked = database_.lock_lease(waited);
  stall_ += waited;
  lease_locked_at_ = database_.clock().micros + waited;
  return locked;
}

Result<std::unique_ptr<AppendSession>> FakeWriterStore::open_session() {
  const Fault fault = begin("open_session");
  if (fault != Fault::none && database_.random().chance(300)) {
    // A limit on connections is still there at the next attempt.
    database_.note("fault.open_session.for_a_while");
    opens_fail_until_ = database_.now + database_.random().between(0, 8 * second);
  }
  if (fault != Fault::none || (database_.now < opens_fail_until_ && !database_.quiet)) return connection_lost();
  return std::make_unique<FakeAppendSession>(database_, life_, sessions_);
}

// --- The lease -------------------------------------------------------------------------------------------------------

LeaseOutcome FakeWriterStore::take_lease(const LeaseRequest& request) {
  const Fault fault = begin("take_lease");
  if (fault == Fault::before) return connection_lost().value();
  DatabaseState& state = database_.state;
  const std::int64_t age = database_.clock().micros - state.lease_renewed_at;
  const std::string lease = state.lease_holder + std::to_string(state.epoch) + std::to_string(state.lease_renewed_at);
  const bool expired = watch_.over(lease, age > std::chrono::microseconds(request.timeout).count(), request.timeout,
                                   LeaseWatch::Instant(std::chrono::microseconds(database_.now)));
  const bool held = !state.lease_holder.empty() && state.lease_holder != request.instance && !expired;
  if (held || request.look_only) {
    if (took_effect(fault)) return connection_lost().value();
    return LeaseHeld{state.lease_holder, state.epoch, state.head, database_.promises(), database_.ledger_id};
  }
  if (database_.not_durable()) return LeaseNotDurable{"fsync is off"};
  auto session = open_session();  // first, because a vaultd that cannot append should not take over
  if (!session) return session.error();
  const bool takeover = !state.lease_holder.empty() && state.lease_holder != request.instance;
  if (takeover && !database_.storing.empty()) database_.note("lease.takeover_beside_a_checkpoint");
  if (!database_.lock_head(stall_) || !lock_lease()) {
    return vault::fail(ErrorCode::unavailable, "database: lock timeout").value();
  }
  database_.note(takeover ? "lease.takeover" : "lease.taken");
  LeaseGrant grant;
  grant.epoch = ++state.epoch;
  auto loaded = load_state(database_);
  if (!loaded) return loaded.error();
  grant.state = std::move(*loaded);
  grant.promises = database_.promises();
  grant.ledger_id = database_.ledger_id;
  grant.database_now = database_.clock();
  if (takeover) {
    grant.taken_from.emplace();
    grant.silent_for = std::chrono::milliseconds(std::max<std::int64_t>(age, 0) / 1'000);
  }
  state.lease_holder = request.instance;
  state.lease_epoch = grant.epoch;
  state.lease_renewed_at = lease_locked_at_;
  database_.on_grant(grant.epoch, grant.promises.newest);
  instance_ = request.instance;
  attempted_epoch_.reset();
  if (took_effect(fault)) return connection_lost().value();
  grant.session = *std::move(session);
  return grant;
}

void FakeWriterStore::release_lease(const std::string& instance, std::int64_t epoch) {
  if (begin("release_lease") == Fault::before || !lock_lease()) return;
  DatabaseState& state = database_.state;
  if (state.lease_holder != instance || state.lease_epoch != epoch) return;
  state.lease_holder.clear();
  database_.note("lease.released");
}

// --- In doubt, looking up --------------------------------------------------------------------------------------------

ResolveOutcome FakeWriterStore::resolve(const AppendRequest& request) {
  const auto unreachable = [] { return ResolveOutcome{ResolveKind::unreachable, 0, "database: connection lost", {}}; };
  const Fault fault = begin("resolve");
  if (fault == Fault::before) return unreachable();
  auto session = open_session();  // first, because a vaultd that cannot append should not keep the lease from others
  if (!session) {
    database_.note("resolve.without_session");
    return unreachable();
  }
  if (database_.not_durable() || !database_.lock_head(stall_)) return unreachable();
  DatabaseState& state = database_.state;
  const bool own = state.lease_holder == instance_ && (state.epoch == request.epoch || state.epoch == attempted_epoch_);
  const bool committed = same_place(state.head, request.next) || database_.breakage == Breakage::guesses_in_doubt;
  if (!own || (!committed && !same_place(state.head, request.expected))) {
    if (took_effect(fault)) return unreachable();
    database_.note("resolve.fenced");
    return {ResolveKind::fenced, 0, "vault_head has moved", {}};
  }
  if (!lock_lease()) return unreachable();
  state.lease_epoch = ++state.epoch;
  state.lease_renewed_at = lease_locked_at_;
  attempted_epoch_ = state.epoch;
  if (took_effect(fault)) return unreachable();
  database_.note(committed ? "resolve.committed" : "resolve.not_committed");
  return {committed ? ResolveKind::committed : ResolveKind::not_committed, state.epoch, {}, *std::move(session)};
}

// The cause of a failed look-up often persists for a while. The writer may ask again at every tick of its status timer.
bool FakeWriterStore::find_fails() {
  const Fault fault = begin("find_seals");
  if (life_.dead) return true;
  const Micros now = database_.now;
  if (fault != Fault::none && database_.random().chance(500)) {
    database_.note("fault.find_seals.for_a_while");
    finds_fail_until_ = now + database_.random().between(0, 5 * second);
  }
  if (fault == Fault::none && (now >= finds_fail_until_ || database_.quiet)) return false;
  while (!failed_finds_.empty() && failed_finds_.front() < now - second) failed_finds_.pop_front();
  if (!failed_finds_.empty()) database_.note("fault.find_seals.again");
  failed_finds_.push_back(now);
  require(failed_finds_.size() <= failed_finds_max, "look-ups that fail are tried again without a pause");
  return true;
}

Result<std::vector<FoundSeal>> FakeWriterStore::find_seals(std::span<const Uuid> seal_ids) {
  if (find_fails()) return connection_lost();
  std::vector<FoundSeal> found;
  for (const Uuid& id : seal_ids) {
    const auto at = database_.state.index_by_seal_id.find(id);
    if (at == database_.state.index_by_seal_id.end()) {
      found.emplace_back(std::nullopt);
    } else {
      SealedEntry sealed{database_.state.entries[at->second], true};
      sealed.entry.seal_data.reset();
      sealed.entry.data_hash = Hash{};
      found.emplace_back(std::move(sealed));
    }
  }
  return found;
}

// --- Checkpoints -----------------------------------------------------------------------------------------------------

Result<TreeView> FakeWriterStore::read_tree(const TreeRequest& request) {
  if (begin("read_tree") != Fault::none) return connection_lost();
  return sim::read_tree(database_, request);
}

Status FakeWriterStore::store_contradiction(const StoredCheckpoint& checkpoint, const std::string&) {
  const Fault fault = begin("store_contradiction");
  if (fault == Fault::before) return connection_lost();
  auto& told = database_.state.contradictions;
  const bool known = std::any_of(told.begin(), told.end(),
                                 [&](const StoredCheckpoint& other) { return other.note == checkpoint.note; });
  if (!known) {
    told.push_back(checkpoint);
    database_.note("contradiction.told");
  }
  return took_effect(fault) ? connection_lost() : Status{};
}

Result<std::optional<StoredCheckpoint>> FakeWriterStore::store_checkpoint(std::int64_t epoch,
                                                                          const StoredCheckpoint& checkpoint,
                                                                          const LogIdentity& identity) {
  const Fault fault = begin("store_checkpoint", true);
  if (fault == Fault::before || database_.not_durable()) return connection_lost();
  if (database_.state.lease_epoch != epoch && database_.breakage != Breakage::no_lease_fence) {
    database_.note("checkpoint.fenced");
    return vault::fail(ErrorCode::forbidden, "another writer has taken over");
  }
  if (auto checked = database_.check_identity(identity); !checked) return tl::unexpected(checked.error());
  for (const StoredCheckpoint& stored : database_.state.checkpoints) {
    const bool same_place = stored.origin == checkpoint.origin && stored.tree_size == checkpoint.tree_size;
    if (same_place && stored.root != checkpoint.root) return stored;
  }
  CheckpointTransaction transaction{epoch, checkpoint, identity, true, database_.now};
  switch (fault) {
    case Fault::rolled_back:
      break;
    case Fault::under_way:
      transaction.commits = database_.random().chance(600);
      transaction.ends_at += database_.random().between(0, 4 * second);
      database_.storing.push_back(std::move(transaction));
      break;
    case Fault::after:
    case Fault::cancelled:
      database_.keep_checkpoint(epoch, checkpoint, identity);
      break;
    default:
      // While this caller waits, others may arrive.
      transaction.ends_at += database_.random().between(0, stall_);
      database_.storing.push_back(std::move(transaction));
      return std::nullopt;
  }
  return connection_lost();
}

}  // namespace vault::sim
