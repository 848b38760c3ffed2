#include "wire/client/load_generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "wire/endpoint_family.hpp"

namespace vault {
namespace {

using Clock = std::chrono::steady_clock;

// {"v":1,"id":...,"ok":true,...}: this member precedes everything that is long.
constexpr std::size_t verdict_within_bytes = 48;
constexpr std::string_view ok_true("\xa2ok\xc3", 4);
constexpr std::string_view busy_code(
    "\xa4"
    "busy",
    5);

enum class Answer : std::uint8_t { acknowledged, busy, refused };

Answer read_answer(std::string_view reply) {
  if (reply.substr(0, verdict_within_bytes).find(ok_true) != std::string_view::npos) return Answer::acknowledged;
  return reply.find(busy_code) != std::string_view::npos ? Answer::busy : Answer::refused;
}

// A refusal as text: the printable part of its MessagePack.
std::string printable(std::string_view reply) {
  std::string text;
  for (const char c : reply.substr(0, 300)) text += c >= 0x20 && c < 0x7f ? c : ' ';
  return text;
}

}  // namespace

struct LoadGenerator::Impl {
  LoadOptions options;
  std::span<const std::string> requests;
  zmq::context_t context{1};
  std::vector<zmq::socket_t> sockets;
  std::vector<zmq::pollitem_t> items;
  std::size_t next_request = 0;

  // The state of a run.
  LoadWindow window;
  LoadCounts counts;
  Clock::time_point window_start, window_end;
  std::uint64_t in_flight = 0;
  bool sending = false;
  Status failure;

  void send(zmq::socket_t& socket) {
    const std::string& request = requests[next_request];
    next_request = next_request + 1 == requests.size() ? 0 : next_request + 1;
    // Constant memory: libzmq neither copies nor frees it. High-water marks are off, so this never blocks.
    if (zmq_send_const(socket.handle(), request.data(), request.size(), 0) < 0) throw zmq::error_t();
    ++in_flight;
  }

  bool receive(zmq::socket_t& socket, zmq::message_t& frame, zmq::recv_flags flags = zmq::recv_flags::dontwait) {
    if (!socket.recv(frame, flags)) return false;
    while (frame.more()) (void)socket.recv(frame);
    --in_flight;
    return true;
  }

  void count_acknowledgement() {
    ++counts.total;
    if (!sending || counts.total < window.warm_up) return;
    if (counts.total == window.warm_up) {
      window_start = Clock::now();
      return;
    }
    ++counts.acknowledged;
    if (counts.acknowledged >= window.acknowledged_max) end_window();
  }

  void end_window() {
    window_end = Clock::now();
    sending = false;
  }

  void handle_reply(zmq::socket_t& socket, const zmq::message_t& frame) {
    const std::string_view reply(frame.data<char>(), frame.size());
    switch (read_answer(reply)) {
      case Answer::acknowledged:
        count_acknowledgement();
        break;
      case Answer::busy:
        ++counts.busy;
        break;
      case Answer::refused:
        sending = false;
        if (failure) failure = fail(ErrorCode::internal, "a seal was refused: " + printable(reply));
        return;
    }
    if (sending) send(socket);
  }

  // Takes all replies that have arrived, from every socket in turn; false if there were none.
  bool take_replies() {
    bool any = false;
    zmq::message_t frame;
    for (auto& socket : sockets) {
      while (receive(socket, frame)) {
        any = true;
        handle_reply(socket, frame);
      }
    }
    return any;
  }

  bool wait() {
    const auto deadline = Clock::now() + options.patience;
    do {
      try {
        if (zmq::poll(items, std::chrono::milliseconds{200}) > 0) return true;
      } catch (const zmq::error_t& error) {
        if (error.num() != EINTR) throw;
      }
    } while (Clock::now() < deadline);
    failure = fail(ErrorCode::unavailable,
                   fmt::format("no reply from {} within {} ms", options.endpoint, options.patience.count()));
    return false;
  }

  void pump() {
    while (in_flight > 0) {
      if (!take_replies() && !wait()) return;
      const bool measuring = sending && counts.total >= window.warm_up;
      if (measuring && Clock::now() - window_start >= window.duration_max) end_window();
    }
  }
};

LoadGenerator::LoadGenerator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LoadGenerator::~LoadGenerator() = default;

Result<std::unique_ptr<LoadGenerator>> LoadGenerator::connect(const LoadOptions& options,
                                                              std::span<const std::string> requests) {
  if (requests.empty() || options.sockets == 0 || options.in_flight == 0) {
    return fail(ErrorCode::invalid_argument, "a load generator needs requests, sockets and room in flight");
  }
  try {
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    impl->requests = requests;
    for (std::size_t i = 0; i < options.sockets; ++i) {
      zmq::socket_t& socket = impl->sockets.emplace_back(impl->context, zmq::socket_type::dealer);
      socket.set(zmq::sockopt::linger, 0);
      socket.set(zmq::sockopt::sndhwm, 0);
      socket.set(zmq::sockopt::rcvhwm, 0);
      socket.set(zmq::sockopt::rcvtimeo, static_cast<int>(options.patience.count()));
      socket.set(zmq::sockopt::ipv6, needs_ipv6(options.endpoint));
      socket.connect(options.endpoint);
    }
    for (auto& socket : impl->sockets) impl->items.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
    return std::unique_ptr<LoadGenerator>(new LoadGenerator(std::move(impl)));
  } catch (const zmq::error_t& error) {
    return fail(ErrorCode::invalid_argument, fmt::format("cannot connect to {}: {}", options.endpoint, error.what()));
  }
}

Result<LoadCounts> LoadGenerator::run(const LoadWindow& window) {
  Impl& load = *impl_;
  load.window = window;
  load.counts = {};
  load.failure = {};
  load.sending = true;
  load.window_start = Clock::now();
  const std::uint64_t wanted =
      window.acknowledged_max > UINT64_MAX - window.warm_up ? UINT64_MAX : window.acknowledged_max + window.warm_up;
  try {
    for (std::size_t round = 0; round < load.options.in_flight; ++round) {
      for (auto& socket : load.sockets) {
        if (load.in_flight < wanted) load.send(socket);
      }
    }
    load.pump();
  } catch (const zmq::error_t& error) {
    return fail(ErrorCode::internal, fmt::format("ZeroMQ: {}", error.what()));
  }
  if (!load.failure) return tl::unexpected(load.failure.error());
  load.counts.seconds = std::chrono::duration<double>(load.window_end - load.window_start).count();
  return load.counts;
}

Result<std::chrono::nanoseconds> LoadGenerator::round_trip() {
  Impl& load = *impl_;
  load.failure = {};
  try {
    const auto start = Clock::now();
    load.send(load.sockets.front());
    zmq::message_t frame;
    if (!load.receive(load.sockets.front(), frame, zmq::recv_flags::none)) {
      return fail(ErrorCode::unavailable, fmt::format("no reply from {}", load.options.endpoint));
    }
    const auto elapsed = Clock::now() - start;
    const std::string_view reply(frame.data<char>(), frame.size());
    if (read_answer(reply) == Answer::acknowledged) return elapsed;
    return fail(ErrorCode::internal, "a seal was refused: " + printable(reply));
  } catch (const zmq::error_t& error) {
    return fail(ErrorCode::internal, fmt::format("ZeroMQ: {}", error.what()));
  }
}

}  // namespace vault
