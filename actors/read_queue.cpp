#include "actors/read_queue.hpp"

#include <algorithm>
#include <limits>

#include "ledger/check.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds lag_wait_first{5};
constexpr milliseconds lag_wait_max{250};
// A database that is not a replica and still lacks reported entries after this long will not get them by waiting.
constexpr milliseconds missing_patience{1'000};

Status busy(const std::string& what) {
  return fail(ErrorCode::busy, what + "; send it again in a moment");
}

}  // namespace

ReadQueue::ReadQueue(const ReadLimits& limits)
    : limits_(limits), pool_(limits.readers, limits.probes), running_kind_(limits.readers) {}

// --- In --------------------------------------------------------------------------------------------------------------

// A peer that holds nothing is admitted as long as there is room at all.
Status ReadQueue::admit(const std::string& peer, Kind kind, std::size_t weight) const {
  const auto found = peers_.find(peer);
  const std::size_t held = found == peers_.end() ? 0 : found->second.weight[kind];
  if (kind == verification) {
    if (held >= limits_.verifications_a_peer_max) {
      return busy("this client has " + std::to_string(held) + " verifications under way");
    }
    if (weight_[kind] >= limits_.verifications_max) {
      return busy(std::to_string(weight_[kind]) + " verifications are under way");
    }
    return {};
  }
  const std::size_t max = kind == signing ? limits_.receipts_max : limits_.questions_max;
  const std::size_t total = weight_[kind] + weight;
  if (total > max || (held > 0 && held + weight > 2 * (max - total))) {
    return busy(kind == signing ? "too many receipts wait to be signed" : "too many queries wait");
  }
  return {};
}

ReadQueue::Held& ReadQueue::hold(const std::string& peer, const PeerConnection& connection, Kind kind, Ticket ticket,
                                 std::size_t weight) {
  Peer& owner = peers_[peer];
  owner.connection = connection;
  owner.weight[kind] += weight;
  owner.tickets.insert(ticket);
  weight_[kind] += weight;
  if (kind == verification) verifying_.insert(ticket);
  const auto [at, fresh] = held_.try_emplace(ticket);
  VAULT_CHECK(fresh);
  at->second.peer = peer;
  at->second.kind = kind;
  at->second.weight = weight;
  return at->second;
}

Status ReadQueue::add(const std::string& peer, const PeerConnection& connection, ReadTask task, Instant now) {
  const Kind kind = std::holds_alternative<VerifyRangeRequest>(task.task) ? verification : question;
  if (const auto health = pool_.health(now); health.lost == pool_.size() && !pool_.hopeful(now)) {
    return fail(ErrorCode::unavailable, "no reader has a database: " + health.reason);
  }
  if (auto admitted = admit(peer, kind, 1); !admitted) return admitted;
  const Ticket ticket = task.ticket;
  Held& held = hold(peer, connection, kind, ticket, 1);
  held.task = std::move(task);
  take_turn(ticket, held);
  return {};
}

Status ReadQueue::await_checkpoint(const std::string& peer, const PeerConnection& connection, Ticket ticket,
                                   std::int64_t size, std::string excuse) {
  if (auto admitted = admit(peer, question, 1); !admitted) return admitted;
  Held& held = hold(peer, connection, question, ticket, 1);
  held.reader = false;
  held.excuse = std::move(excuse);
  wait_for_checkpoint(ticket, held, size);
  return {};
}

Status ReadQueue::expect_signed(const std::string& peer, const PeerConnection& connection, Ticket ticket,
                                std::size_t receipts) {
  if (auto admitted = admit(peer, signing, receipts); !admitted) return admitted;
  hold(peer, connection, signing, ticket, receipts).where = Where::writer;
  return {};
}

void ReadQueue::sign(ReadTask task, std::int64_t size) {
  const Ticket ticket = task.ticket;
  const auto found = held_.find(ticket);
  if (found == held_.end()) return;
  found->second.task = std::move(task);
  wait_for_checkpoint(ticket, found->second, size);
}

// --- Where a task waits ----------------------------------------------------------------------------------------------

void ReadQueue::take_turn(Ticket ticket, Held& held) {
  const auto active = [this](std::size_t kind) { return !turns_[kind].empty() || running_[kind] > 0; };
  if (!active(held.kind)) {
    // This kind had nothing to do until now; it is not given extra time for that.
    std::optional<std::chrono::nanoseconds> least;
    for (std::size_t kind = 0; kind < kinds; ++kind) {
      if (active(kind)) least = least ? std::min(*least, used_[kind]) : used_[kind];
    }
    if (least) used_[held.kind] = std::max(used_[held.kind], *least);
  }
  held.where = Where::turn;
  turns_[held.kind].push(held.peer, ticket);
}

void ReadQueue::wait_for_checkpoint(Ticket ticket, Held& held, std::int64_t size) {
  if (checkpoint_ && checkpoint_->tree_size >= size) return take_turn(ticket, held);
  held.where = Where::checkpoint;
  held.size = size;
  for_checkpoint_.emplace(size, ticket);
}

void ReadQueue::wait_for_snapshot(Ticket ticket, Held& held, ReadAnswer& answer, Instant now) {
  if (held.behind_since == Instant{}) held.behind_since = now;
  if (for_snapshot_.empty()) {
    lag_wait_ = lag_wait_first;
    lag_look_at_ = now + lag_wait_;
  }
  held.where = Where::snapshot;
  held.size = answer.size;
  held.excuse = std::move(answer.message);
  for_snapshot_.emplace(held.size, ticket);
}

// Processes how far the database has come. One probe serves all who wait.
void ReadQueue::on_seen(const ReadAnswer& answer, bool probe, Instant now) {
  bool released = false;
  for (auto at = for_snapshot_.begin(); answer.seen >= 0 && at != for_snapshot_.end();) {
    Held& held = held_.at(at->second);
    const bool reached = at->first <= answer.seen;
    const bool missing = probe && !answer.replica && now - held.behind_since >= missing_patience;
    if (!reached && !missing) {
      if (!probe || answer.replica) break;  // those behind it want more
      ++at;
      continue;
    }
    held.task.insist = !reached;
    if (reached) held.behind_since = {};
    held.excuse.clear();
    released = true;
    take_turn(at->second, held);
    at = for_snapshot_.erase(at);
  }
  if (!probe) return;
  lag_probe_runs_ = false;
  lag_wait_ = released ? lag_wait_first : std::min(2 * lag_wait_, lag_wait_max);
  lag_look_at_ = now + lag_wait_;
}

std::vector<Ticket> ReadQueue::on_checkpoint(std::shared_ptr<const StoredCheckpoint> checkpoint) {
  checkpoint_ = std::move(checkpoint);
  std::vector<Ticket> answered;
  const auto end = for_checkpoint_.upper_bound({checkpoint_->tree_size, std::numeric_limits<Ticket>::max()});
  for (auto at = for_checkpoint_.begin(); at != end; ++at) {
    Held& held = held_.at(at->second);
    if (held.reader) {
      take_turn(at->second, held);
    } else {
      answered.push_back(at->second);
      held.where = Where::turn;
    }
  }
  for_checkpoint_.erase(for_checkpoint_.begin(), end);
  return answered;
}

void ReadQueue::on_head(const Head& head, bool known) {
  head_ = head;
  head_known_ = known;
}

// --- Out -------------------------------------------------------------------------------------------------------------

// Long work never gets the last reader: a verification takes as long as the ledger requires.
bool ReadQueue::may_run(Kind kind) const {
  return kind != verification || running_[kind] < std::max<std::size_t>(1, pool_.size() - 1);
}

// Of the kinds with something to do, the one that has had the least time.
std::optional<ReadQueue::Kind> ReadQueue::next_kind() const {
  std::optional<Kind> next;
  for (const Kind kind : {question, signing, verification}) {
    if (turns_[kind].empty() || !may_run(kind)) continue;
    if (!next || used_[kind] < used_[*next]) next = kind;
  }
  return next;
}

std::optional<ReadQueue::Start> ReadQueue::next(Instant now) {
  if (const auto reader = pool_.free()) {
    if (!for_snapshot_.empty() && !lag_probe_runs_ && now >= lag_look_at_) {
      lag_probe_runs_ = true;
      return start(*reader, std::nullopt, {}, now);
    }
    while (const auto kind = next_kind()) {
      const auto ticket = turns_[*kind].pop([this](Ticket one) { return held_.contains(one); });
      if (!ticket) continue;  // all of that kind were dropped
      Held& held = held_.at(*ticket);
      held.where = Where::reader;
      return start(*reader, kind, std::move(held.task), now);
    }
  }
  const bool wanted = !turns_[question].empty() || !turns_[signing].empty() || !turns_[verification].empty();
  if (const auto reader = pool_.due_for_probe(now, wanted)) return start(*reader, std::nullopt, {}, now);
  return std::nullopt;
}

ReadQueue::Start ReadQueue::start(std::size_t reader, std::optional<Kind> kind, ReadTask task, Instant now) {
  pool_.begin(reader, now);
  running_kind_[reader] = kind;
  if (!kind) {
    task.task = ProbeTask{};
    return {reader, std::move(task)};
  }
  ++running_[*kind];
  if (!task.pinned) {
    task.checkpoint = checkpoint_;
    task.known_head = head_known_ ? head_ : Head{};
    task.told = std::max(head_.sequence, checkpoint_ ? checkpoint_->tree_size : 0);
  }
  return {reader, std::move(task)};
}

std::optional<ReadQueue::Instant> ReadQueue::due() const {
  if (for_snapshot_.empty() || lag_probe_runs_) return std::nullopt;
  return lag_look_at_;
}

std::optional<ReadQueue::Reply> ReadQueue::answered(ReadAnswer answer, Instant now) {
  const auto reader = static_cast<std::size_t>(answer.reader) - static_cast<std::size_t>(ActorId::reader_first);
  const bool lost = !answer.lost.empty();
  const auto took = pool_.end(reader, std::move(answer.lost), now);
  const std::optional<Kind> kind = running_kind_[reader];
  if (kind) {
    --running_[*kind];
    used_[*kind] += took;
  }
  on_seen(answer, !kind, now);
  const auto found = kind ? held_.find(answer.ticket) : held_.end();
  if (found == held_.end()) return std::nullopt;
  Held& held = found->second;
  if (answer.task) held.task = std::move(*answer.task);
  if (lost && held.kind == signing && answer.task) {
    // The seal is in the ledger: the proof may still come in time.
    held.excuse = std::move(answer.message);
    take_turn(answer.ticket, held);
    return std::nullopt;
  }
  switch (answer.wait) {
    case ReadWait::turn:
      take_turn(answer.ticket, held);
      return std::nullopt;
    case ReadWait::checkpoint:
      wait_for_checkpoint(answer.ticket, held, answer.size);
      return std::nullopt;
    case ReadWait::snapshot:
      wait_for_snapshot(answer.ticket, held, answer, now);
      return std::nullopt;
    case ReadWait::none:
      break;
  }
  drop(answer.ticket);
  return Reply{answer.ticket, std::move(answer.message)};
}

// --- Ends ------------------------------------------------------------------------------------------------------------

void ReadQueue::drop(Ticket ticket) {
  const auto found = held_.find(ticket);
  if (found == held_.end()) return;
  const Held& held = found->second;
  if (held.where == Where::checkpoint) for_checkpoint_.erase({held.size, ticket});
  if (held.where == Where::snapshot) for_snapshot_.erase({held.size, ticket});
  weight_[held.kind] -= held.weight;
  verifying_.erase(ticket);
  const auto peer = peers_.find(held.peer);
  VAULT_CHECK(peer != peers_.end());
  peer->second.weight[held.kind] -= held.weight;
  peer->second.tickets.erase(ticket);
  if (peer->second.tickets.empty()) peers_.erase(peer);
  held_.erase(found);
}

std::vector<Ticket> ReadQueue::drop_peer(const std::string& peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return {};
  std::vector<Ticket> tickets(found->second.tickets.begin(), found->second.tickets.end());
  for (const Ticket ticket : tickets) drop(ticket);
  return tickets;
}

const PeerConnection* ReadQueue::connection(const std::string& peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : &found->second.connection;
}

std::string ReadQueue::excuse(Ticket ticket) const {
  const auto found = held_.find(ticket);
  return found == held_.end() ? std::string() : found->second.excuse;
}

std::vector<Ticket> ReadQueue::verifications_behind(Instant now, milliseconds patience) const {
  std::vector<Ticket> behind;
  for (const Ticket ticket : verifying_) {
    const Held& held = held_.at(ticket);
    if (held.where == Where::snapshot && now - held.behind_since >= patience) behind.push_back(ticket);
  }
  return behind;
}

std::vector<Ticket> ReadQueue::lasting() const {
  std::vector<Ticket> tickets(verifying_.begin(), verifying_.end());
  for (const auto& [size, ticket] : for_snapshot_) tickets.push_back(ticket);
  return tickets;
}

std::vector<Ticket> ReadQueue::take_stranded(Instant now) {
  std::vector<Ticket> stranded;
  if (pool_.health(now).lost < pool_.size() || pool_.hopeful(now)) return stranded;
  for (const Kind kind : {question, verification}) {
    while (const auto ticket = turns_[kind].pop([this](Ticket one) { return held_.contains(one); })) {
      stranded.push_back(*ticket);
      drop(*ticket);
    }
  }
  return stranded;
}

}  // namespace vault
