#include "daemon/peer_limits.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "daemon/peer_guard.hpp"
#include "os/log.hpp"

namespace vault {
namespace {

// A message over max_message_bytes is answered too_large, as long as it is not larger than this.
constexpr std::size_t cut_factor = 4, envelope_bytes = 1'024;
// Sockets, threads' wake-ups, files, database connections, an embedded PostgreSQL's pipes.
constexpr std::size_t own_descriptors = 128, own_descriptors_a_reader = 8;
// Of these, the ones opened only when needed: connections between threads, new connections to the database, files.
constexpr std::size_t free_descriptors = 32;
constexpr std::size_t topic_bytes_max = std::size_t{64} << 10, all_topic_bytes_max = std::size_t{512} << 10;

std::size_t message_bytes(const Settings& settings) {
  return cut_factor * settings.max_message_bytes + envelope_bytes;
}

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1'024;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log_warning("vaultd", "the limit of descriptors stays as it is", {{"reason", std::strerror(errno)}});
    limit.rlim_cur = before;
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t peers_that_fit(std::size_t descriptors, const Settings& settings) {
  const std::size_t own = std::min(own_descriptors + own_descriptors_a_reader * settings.readers, descriptors / 2);
  return std::min(settings.max_peers, descriptors - own);
}

void guard_peers(const Settings& settings) {
  GuardLimits counted;
  counted.message.bytes = message_bytes(settings);
  counted.peer_bytes = 2 * settings.max_message_bytes;
  counted.all_bytes = cut_factor * settings.max_message_bytes + settings.max_message_bytes / 4;
  GuardLimits subscriptions;
  subscriptions.counted = false;
  subscriptions.message = {.frames = 1, .bytes = 1'024, .command_bytes = 1'024 + 16, .topic_bytes = topic_bytes_max};
  subscriptions.all_bytes = all_topic_bytes_max;
  PeerGuard& guard = peer_guard();
  guard.set_limits(GuardedSocket::requests, counted);
  guard.set_limits(GuardedSocket::ingest, counted);
  guard.set_limits(GuardedSocket::events, subscriptions);
  const std::size_t descriptors = raise_descriptor_limit();
  guard.set_peers_max(peers_that_fit(descriptors, settings));
  guard.set_descriptors_max(descriptors - std::min(free_descriptors, descriptors / 2));
  log_info("vaultd", "limits", {{"descriptors", descriptors}, {"peers", guard.peers_max()}});
}

void guard_message_size(const Settings& settings) {
  peer_guard().set_message_bytes(GuardedSocket::requests, message_bytes(settings));
  peer_guard().set_message_bytes(GuardedSocket::ingest, message_bytes(settings));
}

}  // namespace vault
