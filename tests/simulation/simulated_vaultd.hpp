// One vaultd in the simulation: the real handlers, each with its own mailbox and timers, driven one message at a time.
// Messages between one sender and one receiver keep their order; everything else may overtake.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/auditor.hpp"
#include "actors/committer.hpp"
#include "actors/coordinator.hpp"
#include "actors/decoder.hpp"
#include "actors/gateway.hpp"
#include "actors/lease_keeper.hpp"
#include "actors/notary.hpp"
#include "actors/publisher.hpp"
#include "actors/reader.hpp"
#include "actors/writer.hpp"
#include "tests/simulation/fake_store.hpp"
#include "tests/simulation/invariants.hpp"
#include "tests/simulation/memory_disk.hpp"
#include "tests/simulation/silence.hpp"

namespace vault::sim {

// Receives the frames and reports of a vaultd.
class Outside {
 public:
  virtual ~Outside() = default;
  virtual void on_reply(int vaultd, const std::vector<std::string>& frames) = 0;
  virtual void on_ingest_taken(int vaultd, const std::string& name) = 0;  // the message's envelope
  virtual void on_exit_2(int vaultd, const std::string& reason) = 0;
  virtual void on_fault(int vaultd, const std::string& fault) = 0;  // before it takes effect
};

// Shared by everything in a simulation.
struct World {
  const Micros& now;
  Random& random;
  Coverage& coverage;
  Trace& trace;
  FakeDatabase& database;
  Invariants& invariants;
  Outside& outside;
};

struct VaultdOptions {
  WriterOptions writer;
  GatewayOptions gateway;
  NotaryOptions notary;
  std::size_t audit_rows_per_second = 0;
  std::chrono::milliseconds database_idle_timeout{1'500};
};

class SimulatedVaultd {
 public:
  static constexpr std::size_t readers = 2;
  static constexpr std::size_t peers = 6;  // producers; each has one connection for requests and one for ingest

  SimulatedVaultd(int index, World& world, const VaultdOptions& options);
  ~SimulatedVaultd();

  // Takes effect at the next start.
  void configure(const VaultdOptions& options);
  void start();
  void crash();
  void begin_stop();  // like SIGTERM; running() is false once it is done
  bool running() const { return process_ != nullptr; }
  bool stopping() const;
  // Of the running process.
  EventFeed& feed() { return process_->feed; }
  // Increases with every start.
  int incarnation() const { return incarnation_; }

  void pause_until(Micros until) { paused_until_ = std::max(paused_until_, until); }
  void pause_random_actor(Micros until);
  void wake_up();  // anything late arrives in a moment
  // The next delivery is cut short after this many effects, and the process ends there.
  void crash_in_next_step(int effects);
  void jump_clock(Micros offset) { clock_offset_ = offset; }
  void fill_disk_until(Micros until) { files_.full_until = until; }
  int index() const { return index_; }
  // The running process's connections to the database.
  struct Connections {
    std::size_t reading = 0, writing = 0, lease = 0;
    std::size_t all() const { return reading + writing + lease; }
  };
  Connections connections() const;
  // The current activity of the actor with this name; only while it runs.
  const char* phase_of(const std::string& actor) const;

  // A message from peer `peer`, if the process is there to be connected to.
  void receive(std::size_t peer, PeerMessage message);

  // Something that could happen now: a message, a due timer, an answer in a session, the end of a round, a check
  // whether everything is done.
  struct Choice {
    SimulatedVaultd* vaultd = nullptr;
    std::size_t actor = 0;
    enum Kind : std::uint8_t { message, timer, watched, round, stop } kind = message;
    std::size_t which = 0;  // sender, or timer id
  };
  void collect(std::vector<Choice>& choices);
  // The earliest time at which something can happen; far in the future if nothing waits.
  Micros next_at() const;
  void run(const Choice& choice);

 private:
  friend class SimulatedEffects;
  static constexpr std::size_t actors = static_cast<std::size_t>(ActorId::reader_first) + readers;
  static constexpr std::size_t senders = actors + 2 * peers;  // then requests by peer, then ingest by peer

  struct Envelope {
    Micros ready_at = 0;
    Message message;
  };
  struct Slot {
    std::unique_ptr<Actor> actor;
    std::array<std::deque<Envelope>, senders> from;
    std::map<int, Micros> timers;
    Micros blocked_until = 0;
    bool round_open = false;
    bool stopped = false;
  };
  // The state that a crash destroys.
  struct Process {
    Process(SimulatedVaultd& owner);
    Life life;
    FakeWriterStore writer_store;
    FakeLeaseStore lease_store;
    MemoryDisk disk;
    std::vector<std::unique_ptr<FakeReaderStore>> reader_stores;
    std::atomic<bool> reading_stops{false};
    std::array<Slot, actors> slots;
    EventFeed feed;
    Silence silence;
    std::size_t stop_stage = 0;  // index into stop_order + 1; 0: not stopping
    Micros next_stop_poll = 0;
  };

  std::size_t stage_actor() const;
  bool can_receive(const Slot& slot, std::size_t sender) const;
  void post(std::size_t to, std::size_t from, Message message, Micros not_before);
  void deliver(std::size_t actor, std::size_t sender);
  void ask_to_stop(std::size_t actor);
  Micros draw_delay();

  int index_;
  World& world_;
  VaultdOptions options_;
  DiskFiles files_;
  Micros clock_offset_ = 0;
  Micros paused_until_ = 0;
  int incarnation_ = 0;
  int crash_after_effects_ = -1;
  std::unique_ptr<Process> process_;
};

}  // namespace vault::sim
