#include "daemon/actor_options.hpp"

#include <unistd.h>

#include "daemon/start_report.hpp"
#include "version.hpp"

namespace vault {
namespace {

CodecLimits codec_limits(const Settings& settings) {
  return {settings.max_message_bytes, settings.max_seal_bytes};
}

}  // namespace

WriterOptions writer_options(const Settings& settings) {
  WriterOptions options;
  options.batch_seals_max = settings.batch_seals;
  options.batch_bytes_max = settings.batch_bytes;
  options.lease_timeout = settings.lease_timeout;
  options.clock_skew_max = settings.clock_skew_max;
  return options;
}

GatewayOptions gateway_options(const Settings& settings) {
  GatewayOptions options;
  options.codec = codec_limits(settings);
  options.queue.seals_max = settings.queue_seals;
  options.queue.bytes_max = settings.queue_bytes;
  options.queue.writer_seals_max = 4 * settings.batch_seals;
  options.emergency = settings.backend == "legacy";
  options.readers = options.emergency ? 1 : settings.readers;
  options.request_timeout = settings.request_timeout;
  options.slow_request = settings.slow_request;
  options.version = version_text;
  options.host = host_name();
  options.pid = getpid();
  return options;
}

NotaryOptions notary_options(const Settings& settings) {
  NotaryOptions options;
  options.identity.origin = settings.origin;
  options.identity.accept_rollback = settings.accept_rollback;
  options.checkpoint_interval = settings.checkpoint_interval;
  return options;
}

}  // namespace vault
