#include "daemon/vaultd.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
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
#include "actors/runtime/authenticator.hpp"
#include "actors/runtime/mailbox.hpp"
#include "actors/runtime/supervisor.hpp"
#include "actors/writer.hpp"
#include "daemon/actor_options.hpp"
#include "daemon/database_preparation.hpp"
#include "daemon/embedded/postgres.hpp"
#include "daemon/emergency_mode.hpp"
#include "daemon/handshake_watch.hpp"
#include "daemon/key_directory.hpp"
#include "daemon/peer_guard.hpp"
#include "daemon/peer_limits.hpp"
#include "daemon/service_loop.hpp"
#include "daemon/service_manager.hpp"
#include "daemon/sockets.hpp"
#include "daemon/start_check.hpp"
#include "daemon/start_report.hpp"
#include "daemon/state_directory.hpp"
#include "os/log.hpp"
#include "store/postgres/store.hpp"

namespace vault {
namespace {

using std::chrono::milliseconds;

// The whole daemon: its parts in the order in which they must be created and (backwards) destroyed.
class Vaultd {
 public:
  Vaultd(const Settings& settings, const std::function<Result<Settings>()>& reload)
      : settings_(settings), configured_(settings), reload_(reload) {}

  int run();

 private:
  Status open();
  Status start_database();
  Status start_actors();
  Status start_inside();
  Status start_authenticator();
  Status start_publishing();
  Status start_sealing();
  Status test_curve();
  SocketOptions socket_options(const std::vector<std::string>& endpoints, const std::string& domain) const;
  Result<std::vector<Port>> open_sealing_ports(zmq::context_t& context);

  Settings settings_;
  const Settings configured_;  // before an embedded database filled in some
  std::function<Result<Settings>()> reload_;
  std::unique_ptr<EmbeddedPostgres> embedded_;
  std::unique_ptr<EmergencyMode> emergency_;  // in place of everything that needs a database
  std::unique_ptr<StateDirectory> state_;
  std::unique_ptr<DatabasePreparation> preparation_;
  EndpointLocks locks_;
  std::optional<ServerKey> curve_;
  ServerKey unknown_key_;  // for the test that unknown keys are refused
  std::unique_ptr<KeyDirectory> keys_;
  std::atomic<bool> stopping_{false};

  std::unique_ptr<WriterStore> writer_store_;
  std::unique_ptr<LeaseStore> lease_store_;
  std::vector<std::unique_ptr<ReaderStore>> reader_stores_;
  std::unique_ptr<ReaderStore> auditor_store_;

  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<LeaseKeeper> lease_keeper_;
  std::unique_ptr<Notary> notary_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Auditor> auditor_;
  std::unique_ptr<Authenticator> authenticator_;
  std::vector<std::unique_ptr<Reader>> readers_;

  zmq::context_t context_;
  std::optional<HandshakeWatch> handshakes_;
  std::vector<std::string> bound_requests_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Supervisor> supervisor_;
  std::atomic<bool> ingest_is_read_{false};
};

int fail_start(const Error& error) {
  log_error("vaultd", "cannot start: " + error.message);
  return exit_code_of(error);
}

Status Vaultd::open() {
  if (const Status ok = check_surroundings(settings_, false); !ok) return ok;
  if (settings_.backend == "legacy") {
    auto emergency = EmergencyMode::open(settings_.legacy_dir);
    if (!emergency) return tl::unexpected(emergency.error());
    emergency_ = std::move(*emergency);
  } else {
    auto state = StateDirectory::open(settings_.state_dir, settings_.signing_key);
    if (!state) return tl::unexpected(state.error());
    state_ = std::move(*state);
  }
  for (const auto* endpoints : {&settings_.requests, &settings_.ingest, &settings_.events}) {
    for (const std::string& endpoint : *endpoints) {
      if (const Status locked = locks_.lock(endpoint); !locked) return locked;
    }
  }
  if (settings_.curve_server_key.empty()) return {};
  auto key = load_server_key(settings_.curve_server_key);
  if (!key) return tl::unexpected(key.error());
  curve_ = *key;
  auto unknown = make_unknown_key();
  if (!unknown) return tl::unexpected(unknown.error());
  unknown_key_ = *unknown;
  keys_ = std::make_unique<KeyDirectory>(settings_.curve_clients);
  return {};
}

Status Vaultd::start_database() {
  if (emergency_) return {};
  if (!settings_.embedded.empty()) {
    auto started = EmbeddedPostgres::start(settings_.embedded);
    if (!started) return tl::unexpected(started.error());
    embedded_ = std::move(*started);
    settings_.database = embedded_->url();
    settings_.migrate = true;  // the database is ours alone
  }
  preparation_ = std::make_unique<DatabasePreparation>(settings_, *state_);
  PostgresOptions options;
  options.url = settings_.database;
  options.schema = settings_.schema;
  options.lease_timeout = settings_.lease_timeout;
  writer_store_ = make_postgres_writer(options);
  lease_store_ = make_postgres_lease_store(options);
  if (!settings_.reader_database.empty()) options.url = settings_.reader_database;
  for (std::size_t i = 1; i <= settings_.readers; ++i) {
    options.application_name = "vaultd reader " + std::to_string(i);
    reader_stores_.push_back(make_postgres_reader(options));
  }
  options.application_name = "vaultd auditor";
  auditor_store_ = make_postgres_reader(options);
  return {};
}

SocketOptions Vaultd::socket_options(const std::vector<std::string>& endpoints, const std::string& domain) const {
  SocketOptions options;
  options.endpoints = endpoints;
  options.domain = domain;
  options.mode = static_cast<unsigned>(std::strtoul(settings_.socket_mode.c_str(), nullptr, 8));
  options.group = settings_.socket_group;
  options.curve = curve_;
  return options;
}

// Starts the actors that no peer can reach.
Status Vaultd::start_inside() {
  if (emergency_) return emergency_->start(*supervisor_);
  LeaseRequest lease;
  lease.instance = state_->instance();
  lease.timeout = settings_.lease_timeout;
  lease.host = host_name();
  lease.pid = getpid();
  const auto renew_interval = std::min(milliseconds(1'000), settings_.lease_timeout / 3);
  lease_keeper_ = std::make_unique<LeaseKeeper>(*lease_store_, lease, renew_interval);
  coordinator_ = std::make_unique<Coordinator>(*writer_store_, lease, settings_.database_idle_timeout,
                                               [this] { return preparation_->run(); });
  auditor_ = std::make_unique<Auditor>(*auditor_store_, AuditorOptions{settings_.audit_rate});
  for (std::size_t i = 0; i < settings_.readers; ++i) {
    readers_.push_back(
        std::make_unique<Reader>(reader_id(i), *reader_stores_[i], stopping_, settings_.database_idle_timeout));
    const Status ok = supervisor_->start({{reader_id(i), readers_[i].get()}});
    if (!ok) return ok;
  }
  if (const Status ok = supervisor_->start({{ActorId::auditor, auditor_.get()}}); !ok) return ok;
  if (const Status ok = supervisor_->start({{ActorId::lease_keeper, lease_keeper_.get()}}); !ok) return ok;
  return supervisor_->start({{ActorId::coordinator, coordinator_.get()}});
}

Status Vaultd::start_publishing() {
  std::vector<NamedActor> actors;
  publisher_ = std::make_unique<Publisher>(settings_.publish_payloads);
  actors.push_back({ActorId::publisher, publisher_.get()});
  if (!emergency_) {
    notary_ = std::make_unique<Notary>(*state_, notary_options(settings_));
    actors.push_back({ActorId::notary, notary_.get()});
  }
  return supervisor_->start(actors, [this](zmq::context_t& context) -> Result<std::vector<Port>> {
    SocketOptions options = socket_options(settings_.events, "events");
    options.high_water_mark = 20'000;  // how many messages a slow subscriber may lag behind before it misses some
    auto port = open_port(context, SocketKind::events, options);
    if (!port) return tl::unexpected(port.error());
    port->overfull = [] { peer_guard().cut_slowest(GuardedSocket::events); };
    std::vector<Port> ports;
    ports.push_back(std::move(*port));
    return ports;
  });
}

// Runs in the sealing thread.
Result<std::vector<Port>> Vaultd::open_sealing_ports(zmq::context_t& context) {
  std::vector<Port> ports;
  SocketOptions requests = socket_options(settings_.requests, "requests");
  requests.high_water_mark = 16'384;  // replies that one peer may leave unread; see also UnreadReplies
  for (const SocketOptions& one : request_sockets(requests)) {
    auto port = open_port(context, SocketKind::requests, one);
    if (!port) return tl::unexpected(port.error());
    ports.push_back(std::move(*port));
    ports.back().tag = static_cast<char>(ports.size());
  }
  bound_requests_ = ports.back().endpoints;
  auto ingest = open_port(context, SocketKind::ingest, socket_options(settings_.ingest, "ingest"));
  if (!ingest) return tl::unexpected(ingest.error());
  ingest->wanted = [this] { return ingest_is_read_ = gateway_->wants_ingest(); };
  ports.push_back(std::move(*ingest));
  return ports;
}

Status Vaultd::start_sealing() {
  decoder_ = std::make_unique<Decoder>();
  if (const Status ok = supervisor_->start({{ActorId::decoder, decoder_.get()}}); !ok) return ok;
  std::vector<NamedActor> actors;
  gateway_ = std::make_unique<Gateway>(gateway_options(settings_));
  actors.push_back({ActorId::gateway, gateway_.get()});
  if (!emergency_) {
    writer_ = std::make_unique<Writer>(writer_options(settings_));
    committer_ = std::make_unique<Committer>();
    actors.push_back({ActorId::writer, writer_.get()});
    actors.push_back({ActorId::committer, committer_.get()});
  }
  return supervisor_->start(actors, [this](zmq::context_t& context) { return open_sealing_ports(context); });
}

// The authenticator must be there before any tcp endpoint is.
Status Vaultd::start_authenticator() {
  if (!curve_) return {};
  handshakes_.emplace(context_, std::vector<std::string>{"requests", "ingest", "events"});
  authenticator_ = std::make_unique<Authenticator>([this] { return keys_->load_changed(); }, unknown_key_.public_key);
  return supervisor_->start({{ActorId::authenticator, authenticator_.get()}}, [](zmq::context_t& context) {
    return open_zap_port(context).map([](Port&& port) {
      std::vector<Port> ports;
      ports.push_back(std::move(port));
      return ports;
    });
  });
}

Status Vaultd::test_curve() {
  if (!curve_) return {};
  for (std::string endpoint : bound_requests_) {
    if (endpoint.compare(0, 6, "tcp://") != 0) continue;
    if (const auto any = endpoint.find("//0.0.0.0:"); any != std::string::npos)
      endpoint.replace(any + 2, 7, "127.0.0.1");
    if (const auto any = endpoint.find("//[::]:"); any != std::string::npos) endpoint.replace(any + 2, 4, "[::1]");
    const Status refused = test_unknown_key_is_refused(context_, endpoint, *curve_, unknown_key_);
    if (!refused) return refused;
    log_info("vaultd", "an unknown key is turned away", {{"endpoint", endpoint}});
  }
  return {};
}

Status Vaultd::start_actors() {
  guard_peers(settings_);
  supervisor_ = std::make_unique<Supervisor>(context_, std::chrono::microseconds(settings_.busy_poll));
  outbox_ = std::make_unique<Outbox>(context_);
  if (const Status ok = start_inside(); !ok) return ok;
  if (const Status ok = start_authenticator(); !ok) return ok;
  if (const Status ok = start_publishing(); !ok) return ok;
  if (const Status ok = start_sealing(); !ok) return ok;
  if (!socket_hooks_present || peer_guard().listeners() == 0) {
    return fail(ErrorCode::internal, "libzmq does not use this program's system calls: what peers send has no bound");
  }
  return test_curve();
}

int Vaultd::run() {
  report_start(configured_);
  if (const Status ok = open(); !ok) return fail_start(ok.error());
  if (const Status ok = start_database(); !ok) return fail_start(ok.error());
  const Status started = start_actors();
  int code = started ? ServiceLoop({*supervisor_, *outbox_, ingest_is_read_, reload_, configured_, embedded_.get(),
                                    preparation_.get(), handshakes_ ? &*handshakes_ : nullptr})
                           .run()
                     : fail_start(started.error());
  notify_stopping();
  stopping_ = true;
  if (!supervisor_->stop(settings_.shutdown_timeout)) {
    // The remaining actors hang in calls that cannot be interrupted. Nothing without a receipt has been promised.
    log_error("vaultd", "shutdown_timeout has passed; leaving");
    embedded_.reset();
    std::_Exit(code == exit_stopped ? exit_failure : code);
  }
  outbox_.reset();
  log_info("vaultd", "stopped");
  return code;
}

}  // namespace

int run_vaultd(const Settings& settings, const std::function<Result<Settings>()>& reload) {
  return Vaultd(settings, reload).run();
}

}  // namespace vault
