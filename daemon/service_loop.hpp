// The loop of vaultd's first thread, which watches over the rest: signals, the service manager, the actors' signs of
// life, peers that keep misbehaving, the embedded PostgreSQL.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "actors/runtime/mailbox.hpp"
#include "actors/runtime/supervisor.hpp"
#include "daemon/database_preparation.hpp"
#include "daemon/embedded/postgres.hpp"
#include "daemon/handshake_watch.hpp"
#include "daemon/settings/settings.hpp"

namespace vault {

class ServiceLoop {
 public:
  // All of these outlive the loop.
  struct Parts {
    Supervisor& supervisor;
    Outbox& outbox;
    const std::atomic<bool>& ingest_is_read;
    const std::function<Result<Settings>()>& reload;  // reads the settings again
    const Settings& settings;                         // as at the start
    EmbeddedPostgres* embedded;                       // null: the database is not vaultd's own
    const DatabasePreparation* preparation;           // null: there is no database
    HandshakeWatch* handshakes;                       // null: no CURVE
  };
  explicit ServiceLoop(const Parts& parts) : parts_(parts), in_force_(parts.settings) {}

  // Runs until a signal or a failure; returns the exit code. SIGTERM, SIGINT and SIGHUP are blocked in every thread.
  int run();

 private:
  void obey_signals(int signals, bool& stop);
  void reload_settings();
  void report_reloaded(const Settings& now);
  void announce(const ServiceState& state);
  void sweep_peers();

  Parts parts_;
  std::uint64_t peers_cut_ = 0, peers_refused_ = 0;  // as last logged
  bool ready_ = false;
  std::optional<ServiceState::Role> announced_;  // as last logged
  Settings in_force_;
};

}  // namespace vault
