#include <string>
#include <utility>

#include "tests/simulation/fake_store.hpp"

namespace vault::sim {
namespace {

bool same_place(const Head& a, const Head& b) {
  return a.sequence == b.sequence && a.entry_hash == b.entry_hash && a.merkle_root == b.merkle_root;
}

}  // namespace

FakeAppendSession::FakeAppendSession(FakeDatabase& database, Life& life, SessionTimes& times)
    : database_(database), life_(life), times_(times), server_(database.server) {
  ++times_.open;
}

FakeAppendSession::~FakeAppendSession() {
  times_.forget(this);
  --times_.open;
  times_.untold -= complete_.size();
}

void FakeAppendSession::append(std::shared_ptr<const AppendRequest> request) {
  if (in_flight_) {
    require(!kept_, "three batches at one session");
    kept_ = std::move(request);
  } else {
    dispatch(*request);
  }
}

void FakeAppendSession::dispatch(const AppendRequest& request) {
  Micros stall = database_.draw_stall();
  const bool there = life_.spend() && server_ == database_.server;
  const Fault fault = there ? database_.draw("append", true) : Fault::before;
  AppendOutcome outcome = run(request, fault, stall);
  const char* names[] = {"committed",  "duplicate",   "refused", "occupied",
                         "head_moved", "not_durable", "failed",  "in_doubt"};
  if (!life_.dead) database_.note(std::string("append.") + names[static_cast<std::size_t>(outcome.kind)]);
  const bool breaks = fault != Fault::none && fault != Fault::cancelled;
  if (breaks && database_.random().chance(300)) {
    // Sending has noticed that the connection is gone: there is no descriptor left to report it.
    database_.note("fault.append.descriptor_gone");
    lost_ = true;
    complete(std::move(outcome));
    return;
  }
  in_flight_ = std::move(outcome);
  breaks_ = breaks;
  times_.set(this, database_.now + stall);
}

void FakeAppendSession::complete(AppendOutcome outcome) {
  complete_.push_back(std::move(outcome));
  ++times_.untold;
}

std::optional<AppendOutcome> FakeAppendSession::outcome() {
  if (in_flight_ && times_.of(this) <= database_.now) {
    complete(*std::exchange(in_flight_, std::nullopt));
    lost_ = lost_ || breaks_;
    times_.forget(this);
    if (kept_ && complete_.back().kind == AppendKind::committed) {
      dispatch(*std::exchange(kept_, nullptr));
    } else if (kept_) {
      kept_.reset();
      complete({AppendKind::failed, "built on a batch that was not committed"});
    }
  }
  if (!in_flight_ && (database_.down || server_ != database_.server)) lost_ = true;
  if (complete_.empty()) return std::nullopt;
  AppendOutcome oldest = std::move(complete_.front());
  complete_.pop_front();
  --times_.untold;
  return oldest;
}

// With the database down, an idle session has ended.
Watch FakeAppendSession::watch() const {
  const bool tells =
      in_flight_ ? times_.of(this) <= database_.now : !lost_ && (database_.down || server_ != database_.server);
  return {tells ? 0 : -1, false};
}

void FakeAppendSession::give_up() {
  lost_ = true;
  if (!in_flight_) return;
  in_flight_ = AppendOutcome{AppendKind::in_doubt, "no answer in time"};
  times_.set(this, database_.now);
}

AppendOutcome FakeAppendSession::run(const AppendRequest& request, Fault fault, Micros& stall) {
  if (fault == Fault::before) return {AppendKind::failed, "connection lost before all of it was sent"};
  if (!database_.lock_head(stall)) return {AppendKind::failed, "lock timeout"};
  if (auto refusal = refuse(request)) {
    // A refused append waits for no standby.
    if (fault != Fault::none && fault != Fault::cancelled) return {AppendKind::in_doubt, "connection lost"};
    return *refusal;
  }
  switch (fault) {
    case Fault::rolled_back:
      return {AppendKind::in_doubt, "connection lost around the commit"};
    case Fault::under_way:
      database_.lost = LostTransaction{request, database_.random().chance(600),
                                       database_.now + database_.random().between(0, 4 * second)};
      return {AppendKind::in_doubt, "connection lost around the commit"};
    case Fault::after:
    case Fault::cancelled:
      database_.commit(request);
      return {AppendKind::in_doubt, "connection lost after the commit, or its wait was cancelled"};
    default:
      if (database_.breakage != Breakage::loses_rows) database_.commit(request);
      return {AppendKind::committed, {}};
  }
}

std::optional<AppendOutcome> FakeAppendSession::refuse(const AppendRequest& request) const {
  const DatabaseState& state = database_.state;
  const bool head_is_right = state.epoch == request.epoch && same_place(state.head, request.expected);
  if (!head_is_right && database_.breakage != Breakage::no_fence)
    return AppendOutcome{AppendKind::head_moved, "vault_head has moved"};
  if (database_.not_durable()) return AppendOutcome{AppendKind::not_durable, "fsync is off"};
  for (const Entry& entry : request.batch.entries) {
    if (entry.seal_data->find(poison) != std::string::npos) return AppendOutcome{AppendKind::refused, "23514 check"};
    const bool taken = state.index_by_seal_id.contains(entry.seal_id);
    if (taken && database_.breakage != Breakage::no_unique_seal_ids)
      return AppendOutcome{AppendKind::duplicate, "23505 unique"};
  }
  return std::nullopt;
}

}  // namespace vault::sim
