#include "tests/simulation/simulated_vaultd.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "actors/topology.hpp"
#include "ledger/check.hpp"

namespace vault::sim {
namespace {

template <class Kind>
const char* type_name() {
  static constexpr std::string_view text = __PRETTY_FUNCTION__;  // "... [with Kind = vault::SealOrders]"
  static constexpr std::string_view from = text.substr(text.rfind("::") + 2);
  static const std::string name(from.substr(0, from.find_first_of(";]")));
  return name.c_str();
}

constexpr std::size_t slot_of(ActorId id) {
  return static_cast<std::size_t>(id);
}
constexpr std::size_t gateway_slot = slot_of(ActorId::gateway);
constexpr std::size_t writer_slot = slot_of(ActorId::writer);
constexpr std::size_t committer_slot = slot_of(ActorId::committer);
constexpr std::size_t lease_keeper_slot = slot_of(ActorId::lease_keeper);
constexpr std::size_t coordinator_slot = slot_of(ActorId::coordinator);

// The actors that have something to finish, in the order in which they stop.
const std::vector<ActorId>& stop_order() {
  static const std::vector<ActorId> order = [] {
    std::vector<ActorId> ids;
    for (int rank = 0; rank < last_stop_rank; ++rank) {
      for (const ActorPlace& place : topology()) {
        if (place.stop_rank == rank) ids.push_back(place.id);
      }
    }
    return ids;
  }();
  return order;
}

// "SealOrders", for the trace.
const char* name_of(const Message& message) {
  return std::visit([](const auto& one) { return type_name<std::decay_t<decltype(one)>>(); }, message);
}

std::string name_of_sender(std::size_t sender) {
  constexpr std::size_t actors = static_cast<std::size_t>(ActorId::reader_first) + SimulatedVaultd::readers;
  return sender < actors ? actor_name(static_cast<ActorId>(sender)) : "outside";
}

}  // namespace

// The Effects of a handler in the simulation. Lives for one delivery.
class SimulatedEffects final : public Effects {
 public:
  SimulatedEffects(SimulatedVaultd& vaultd, std::size_t actor)
      : vaultd_(vaultd), process_(*vaultd.process_), world_(vaultd.world_), actor_(actor) {}

  void post(ActorId to, Message message) override {
    if (!process_.life.spend()) return;
    VAULT_CHECK(may_send(static_cast<ActorId>(actor_), to));
    // An actor that waits for the database answers only afterwards.
    const Micros busy = actor_ == coordinator_slot    ? process_.writer_store.stall()
                        : actor_ == lease_keeper_slot ? process_.lease_store.stall()
                                                      : 0;
    if (actor_ == writer_slot) process_.silence.sent(message, world_.now);
    vaultd_.post(slot_of(to), actor_, std::move(message), world_.now + busy);
  }

  void set_timer(int id, std::chrono::milliseconds after) override {
    process_.slots[actor_].timers[id] = world_.now + std::max<Micros>(after.count() * millisecond, 0);
  }

  bool send_frames(SocketKind socket, std::vector<std::string> frames) override {
    if (!process_.life.spend()) return false;
    if (socket == SocketKind::events) {
      world_.invariants.event(process_.feed, frames);
    } else {
      world_.outside.on_reply(vaultd_.index_, frames);
    }
    return true;
  }

  Timestamp now() override { return {FakeDatabase::epoch_micros + world_.now + vaultd_.clock_offset_}; }
  std::chrono::steady_clock::time_point clock() override {
    return std::chrono::steady_clock::time_point(std::chrono::microseconds(world_.now));
  }
  void random(std::span<std::uint8_t> out) override { world_.random.fill(out); }
  void fatal_configuration(const std::string& message) override {
    if (!process_.life.spend()) return;
    world_.trace.add(world_.now, "vaultd-" + std::to_string(vaultd_.index_) + " ends with exit code 2: " + message);
    world_.outside.on_exit_2(vaultd_.index_, message);
    process_.life.dead = true;
  }

 private:
  SimulatedVaultd& vaultd_;
  SimulatedVaultd::Process& process_;
  World& world_;
  std::size_t actor_;
};

SimulatedVaultd::Process::Process(SimulatedVaultd& owner)
    : writer_store(owner.world_.database, life),
      lease_store(owner.world_.database, life),
      disk(
          owner.files_, owner.world_.database, life,
          [&owner](const std::string& note, bool as_evidence) {
            Invariants& invariants = owner.world_.invariants;
            if (!as_evidence) invariants.remembered(owner.index_, owner.incarnation_, note);
            invariants.knows(owner.index_, 0, note);
          },
          [&owner](const Checkpoint& head) { owner.world_.invariants.told_head(owner.index_, head); }),
      silence(owner.options_.writer.lease_timeout.count() * millisecond, owner.world_.coverage) {
  const VaultdOptions& options = owner.options_;
  for (std::size_t i = 0; i <= readers; ++i) {
    reader_stores.push_back(std::make_unique<FakeReaderStore>(owner.world_.database, life));
  }
  const LeaseRequest lease{"vaultd-" + std::to_string(owner.index_), options.writer.lease_timeout};
  slots[gateway_slot].actor = std::make_unique<Gateway>(options.gateway);
  slots[slot_of(ActorId::decoder)].actor = std::make_unique<Decoder>();
  slots[writer_slot].actor = std::make_unique<Writer>(options.writer);
  slots[committer_slot].actor = std::make_unique<Committer>();
  slots[coordinator_slot].actor = std::make_unique<Coordinator>(writer_store, lease, options.database_idle_timeout);
  slots[lease_keeper_slot].actor = std::make_unique<LeaseKeeper>(lease_store, lease, std::chrono::milliseconds(1'000));
  slots[slot_of(ActorId::notary)].actor = std::make_unique<Notary>(disk, options.notary);
  slots[slot_of(ActorId::publisher)].actor = std::make_unique<Publisher>(false);
  slots[slot_of(ActorId::auditor)].actor =
      std::make_unique<Auditor>(*reader_stores[readers], AuditorOptions{options.audit_rows_per_second});
  for (std::size_t i = 0; i < readers; ++i) {
    slots[slot_of(reader_id(i))].actor =
        std::make_unique<Reader>(reader_id(i), *reader_stores[i], reading_stops, options.database_idle_timeout);
  }
}

SimulatedVaultd::SimulatedVaultd(int index, World& world, const VaultdOptions& options) : index_(index), world_(world) {
  configure(options);
}

void SimulatedVaultd::configure(const VaultdOptions& options) {
  options_ = options;
  options_.gateway.readers = readers;
}

SimulatedVaultd::~SimulatedVaultd() = default;

// --- Life ------------------------------------------------------------------------------------------------------------

void SimulatedVaultd::start() {
  ++incarnation_;
  paused_until_ = 0;
  crash_after_effects_ = -1;
  process_ = std::make_unique<Process>(*this);
  world_.trace.add(world_.now, "vaultd-" + std::to_string(index_) + " starts");
  for (std::size_t actor = 0; actor < actors; ++actor) {
    Slot& slot = process_->slots[actor];
    if (!slot.actor) continue;
    SimulatedEffects effects(*this, actor);
    slot.actor->start(effects);
    slot.round_open = true;
  }
}

void SimulatedVaultd::crash() {
  if (!process_) return;
  world_.outside.on_fault(index_, "fault.crash");
  process_.reset();
  ++world_.coverage["fault.crash"];
  world_.trace.add(world_.now, "vaultd-" + std::to_string(index_) + " crashes");
}

void SimulatedVaultd::crash_in_next_step(int effects) {
  crash_after_effects_ = effects;
}

void SimulatedVaultd::begin_stop() {
  if (!process_ || process_->stop_stage > 0) return;
  process_->stop_stage = 1;
  ++world_.coverage["stop"];
  world_.trace.add(world_.now, "vaultd-" + std::to_string(index_) + " is told to stop");
  // Its sockets are unbound: no new connections, but what has arrived is still accepted.
}

const char* SimulatedVaultd::phase_of(const std::string& actor) const {
  const std::size_t slot = actor == "writer"    ? writer_slot
                           : actor == "gateway" ? gateway_slot
                           : actor == "notary"  ? slot_of(ActorId::notary)
                                                : coordinator_slot;
  // The coordinator's only state is whether it waits for the database.
  if (slot == coordinator_slot) return process_->slots[slot].blocked_until > world_.now ? "waiting" : "idle";
  return process_->slots[slot].actor->phase();
}

SimulatedVaultd::Connections SimulatedVaultd::connections() const {
  Connections found{0, process_->writer_store.connections(), process_->lease_store.connections()};
  for (const auto& store : process_->reader_stores) found.reading += store->connections();
  return found;
}

bool SimulatedVaultd::stopping() const {
  return process_ && process_->stop_stage > 0;
}

std::size_t SimulatedVaultd::stage_actor() const {
  return slot_of(stop_order()[process_->stop_stage - 1]);
}

void SimulatedVaultd::pause_random_actor(Micros until) {
  if (!process_) return;
  Slot& slot = process_->slots[world_.random.below(actors)];
  slot.blocked_until = std::max(slot.blocked_until, until);
}

void SimulatedVaultd::wake_up() {
  paused_until_ = 0;
  if (!process_) return;
  const Micros soon = world_.now + millisecond;
  process_->writer_store.hurry(soon);
  for (Slot& slot : process_->slots) {
    slot.blocked_until = std::min(slot.blocked_until, soon);
    for (auto& channel : slot.from) {
      for (Envelope& envelope : channel) envelope.ready_at = std::min(envelope.ready_at, soon);
    }
  }
}

// --- Mail ------------------------------------------------------------------------------------------------------------

Micros SimulatedVaultd::draw_delay() {
  const std::size_t dice = world_.random.below(1'000);
  if (dice < 600) return 0;
  if (dice < 960) return static_cast<Micros>(world_.random.below(millisecond));
  if (dice < 998 || world_.database.quiet) return static_cast<Micros>(world_.random.below(20 * millisecond));
  return static_cast<Micros>(world_.random.below(second));
}

void SimulatedVaultd::post(std::size_t to, std::size_t from, Message message, Micros not_before) {
  if (to >= actors || !process_->slots[to].actor || process_->slots[to].stopped) return;
  std::deque<Envelope>& channel = process_->slots[to].from[from];
  Micros ready_at = not_before + draw_delay();
  if (!channel.empty()) ready_at = std::max(ready_at, channel.back().ready_at);
  channel.push_back({ready_at, std::move(message)});
}

void SimulatedVaultd::receive(std::size_t peer, PeerMessage message) {
  if (!process_ || process_->stop_stage > 0) return;
  const std::size_t sender = actors + (message.socket == SocketKind::ingest ? peers : 0) + peer;
  post(gateway_slot, sender, std::move(message), world_.now);
}

// Ingest messages wait in the socket while the gateway does not want them.
bool SimulatedVaultd::can_receive(const Slot& slot, std::size_t sender) const {
  return sender < actors + peers || static_cast<const Gateway&>(*slot.actor).wants_ingest();
}

void SimulatedVaultd::collect(std::vector<Choice>& choices) {
  if (!process_ || paused_until_ > world_.now) return;
  for (std::size_t actor = 0; actor < actors; ++actor) {
    Slot& slot = process_->slots[actor];
    if (!slot.actor || slot.stopped || slot.blocked_until > world_.now) continue;
    const std::size_t before = choices.size();
    for (std::size_t sender = 0; sender < senders; ++sender) {
      if (slot.from[sender].empty() || slot.from[sender].front().ready_at > world_.now) continue;
      if (can_receive(slot, sender)) choices.push_back({this, actor, Choice::message, sender});
    }
    if (slot.actor->watch().descriptor >= 0) choices.push_back({this, actor, Choice::watched, 0});
    for (const auto& [id, at] : slot.timers) {
      if (at <= world_.now) choices.push_back({this, actor, Choice::timer, static_cast<std::size_t>(id)});
    }
    if (slot.round_open) {
      choices.push_back({this, actor, Choice::round, 0});
    } else if (choices.size() == before && stopping() && actor == stage_actor() &&
               process_->next_stop_poll <= world_.now) {
      choices.push_back({this, actor, Choice::stop, 0});
    }
  }
}

Micros SimulatedVaultd::next_at() const {
  Micros next = std::numeric_limits<Micros>::max();
  if (!process_) return next;
  for (std::size_t actor = 0; actor < actors; ++actor) {
    const Slot& slot = process_->slots[actor];
    if (!slot.actor || slot.stopped) continue;
    Micros at = std::numeric_limits<Micros>::max();
    for (std::size_t sender = 0; sender < senders; ++sender) {
      if (slot.from[sender].empty() || !can_receive(slot, sender)) continue;
      at = std::min(at, slot.from[sender].front().ready_at);
    }
    for (const auto& [id, due] : slot.timers) at = std::min(at, due);
    if (actor == committer_slot) at = std::min(at, process_->writer_store.sessions().next());
    if (slot.round_open || slot.actor->watch().descriptor >= 0) at = world_.now;
    if (stopping() && actor == stage_actor()) at = std::min(at, process_->next_stop_poll);
    if (at != std::numeric_limits<Micros>::max()) next = std::min(next, std::max(at, slot.blocked_until));
  }
  return next == std::numeric_limits<Micros>::max() ? next : std::max(next, paused_until_);
}

// --- Steps -----------------------------------------------------------------------------------------------------------

void SimulatedVaultd::run(const Choice& choice) {
  Slot& slot = process_->slots[choice.actor];
  process_->life.effects_left = std::exchange(crash_after_effects_, -1);
  const bool dies_here = process_->life.effects_left >= 0;
  process_->writer_store.take_stall();
  process_->lease_store.take_stall();
  SimulatedEffects effects(*this, choice.actor);
  switch (choice.kind) {
    case Choice::message:
      deliver(choice.actor, choice.which);
      slot.round_open = true;
      break;
    case Choice::timer:
      slot.timers.erase(static_cast<int>(choice.which));
      slot.actor->handle(TimerFired{static_cast<int>(choice.which)}, effects);
      slot.round_open = true;
      break;
    case Choice::watched:
      slot.actor->watched(effects);
      slot.round_open = true;
      break;
    case Choice::round:
      slot.round_open = false;
      slot.actor->round_done(effects);
      break;
    case Choice::stop:
      ask_to_stop(choice.actor);
      break;
  }
  if (!process_) return;
  require(choice.actor != committer_slot || process_->writer_store.sessions().untold == 0,
          "the committer leaves an outcome with its session, where nothing will remind it");
  if (choice.actor == coordinator_slot) slot.blocked_until = world_.now + process_->writer_store.take_stall();
  if (choice.actor == lease_keeper_slot) slot.blocked_until = world_.now + process_->lease_store.take_stall();
  if (dies_here) ++world_.coverage["fault.crash_inside_a_step"];
  if (dies_here || process_->life.dead) {
    crash();
  }
}

void SimulatedVaultd::deliver(std::size_t actor, std::size_t sender) {
  Slot& slot = process_->slots[actor];
  Envelope envelope = std::move(slot.from[sender].front());
  slot.from[sender].pop_front();
  world_.trace.add_delivery(world_.now, index_, name_of_sender, sender, actor, name_of(envelope.message));
  if (sender >= actors + peers) {
    world_.outside.on_ingest_taken(index_, std::get<PeerMessage>(envelope.message).envelope.front());
  }
  if (const auto* adopt = std::get_if<Adopt>(&envelope.message)) {
    if (adopt->promises.newest) world_.invariants.knows(index_, incarnation_, adopt->promises.newest->note);
    for (const auto& told : adopt->promises.contradictions) world_.invariants.knows(index_, incarnation_, told.note);
  }
  if (actor == writer_slot) process_->silence.heard(envelope.message, world_.now);
  SimulatedEffects effects(*this, actor);
  slot.actor->handle(std::move(envelope.message), effects);
}

void SimulatedVaultd::ask_to_stop(std::size_t actor) {
  process_->next_stop_poll = world_.now + 5 * millisecond;
  SimulatedEffects effects(*this, actor);
  if (!process_->slots[actor].actor->stop(effects)) return;
  process_->slots[actor].stopped = true;
  for (auto& channel : process_->slots[actor].from) channel.clear();
  if (++process_->stop_stage <= stop_order().size()) return;
  process_.reset();
  ++world_.coverage["stop.clean"];
  world_.trace.add(world_.now, "vaultd-" + std::to_string(index_) + " has stopped");
}

}  // namespace vault::sim
