#include "wire/client/subscriber.hpp"

#include <cerrno>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "wire/endpoint_family.hpp"
#include "wire/endpoint_form.hpp"
#include "wire/unpacked.hpp"

namespace vault {
namespace {

constexpr int events_queued_max = 100'000;
constexpr std::int64_t event_bytes_max = std::int64_t{64} << 20;

// nullopt if the frames are not an event.
std::optional<ReceivedEvent> decode_event(std::string topic, std::string body) {
  const auto handle = unpack(body);
  if (!handle || handle->get().type != msgpack::type::MAP) return std::nullopt;
  MapReader map(handle->get());
  ReceivedEvent event;
  event.name = map.text("event");
  const std::int64_t seq = map.integer("seq");
  if (map.error() || seq < 0) return std::nullopt;
  event.seq = static_cast<std::uint64_t>(seq);
  if (!map.is_nil("sequence")) {
    const std::int64_t sequence = map.integer("sequence");
    if (!map.error()) event.sequence = sequence;
  }
  event.topic = std::move(topic);
  event.body = std::move(body);
  return event;
}

}  // namespace

struct Subscriber::Impl {
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::sub};
  std::optional<std::uint64_t> last_seq;
  bool takes_all = true;

  // All frames of one message; nullopt if none has arrived.
  std::optional<std::vector<std::string>> receive() {
    std::vector<std::string> frames;
    zmq::message_t frame;
    if (!socket.recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
    frames.push_back(frame.to_string());
    while (frame.more()) {
      if (!socket.recv(frame)) break;
      frames.push_back(frame.to_string());
    }
    return frames;
  }

  void count(ReceivedEvent& event) {
    if (last_seq) {
      event.restarted = event.seq <= *last_seq;
      event.missed = event.restarted || !takes_all ? 0 : event.seq - *last_seq - 1;
    }
    last_seq = event.seq;
  }

  std::optional<ReceivedEvent> next(std::chrono::milliseconds timeout) {
    const auto until = std::chrono::steady_clock::now() + timeout;
    while (true) {
      if (auto frames = receive()) {
        if (frames->size() != 2) continue;
        auto event = decode_event(std::move((*frames)[0]), std::move((*frames)[1]));
        if (!event) continue;
        count(*event);
        return event;
      }
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0) return std::nullopt;
      zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
      zmq::poll(&item, 1, left);
    }
  }
};

Subscriber::Subscriber(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Subscriber::~Subscriber() = default;

Result<std::unique_ptr<Subscriber>> Subscriber::connect(const SubscriberOptions& options) {
  if (Status status = check_endpoint(options.endpoint); !status) return tl::unexpected(std::move(status.error()));
  try {
    auto impl = std::make_unique<Impl>();
    impl->socket.set(zmq::sockopt::linger, 0);
    impl->socket.set(zmq::sockopt::rcvhwm, events_queued_max);
    impl->socket.set(zmq::sockopt::maxmsgsize, event_bytes_max);
    impl->socket.set(zmq::sockopt::tcp_keepalive, 1);
    if (options.curve) {
      impl->socket.set(zmq::sockopt::curve_serverkey, options.curve->server_public);
      impl->socket.set(zmq::sockopt::curve_publickey, options.curve->client_public);
      impl->socket.set(zmq::sockopt::curve_secretkey, options.curve->client_secret);
    }
    impl->takes_all = options.topics.empty();
    if (impl->takes_all) impl->socket.set(zmq::sockopt::subscribe, "");
    for (const std::string& topic : options.topics) impl->socket.set(zmq::sockopt::subscribe, topic);
    impl->socket.set(zmq::sockopt::ipv6, needs_ipv6(options.endpoint));
    impl->socket.connect(options.endpoint);
    return std::unique_ptr<Subscriber>(new Subscriber(std::move(impl)));
  } catch (const zmq::error_t& error) {
    return fail(ErrorCode::invalid_argument, "cannot connect to " + options.endpoint + ": " + error.what());
  }
}

Result<std::optional<ReceivedEvent>> Subscriber::next(std::chrono::milliseconds timeout) {
  try {
    return impl_->next(timeout);
  } catch (const zmq::error_t& error) {
    if (error.num() == EINTR) return std::optional<ReceivedEvent>();
    return fail(ErrorCode::internal, std::string("ZeroMQ: ") + error.what());
  }
}

}  // namespace vault
