#include "wire/client/echo.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <zmq.hpp>

#include "wire/endpoint_family.hpp"

namespace vault {
namespace {

void send_back_message(zmq::socket_t& socket) {
  bool more = true;
  while (more) {
    zmq::message_t frame;
    if (!socket.recv(frame)) return;
    more = frame.more();
    socket.send(frame, more ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }
}

}  // namespace

Status echo_for_ever(const std::string& endpoint) {
  zmq::context_t context{1};
  zmq::socket_t socket(context, zmq::socket_type::router);
  try {
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::ipv6, needs_ipv6(endpoint));
    socket.bind(endpoint);
  } catch (const zmq::error_t& error) {
    return fail(ErrorCode::invalid_argument, fmt::format("cannot bind {}: {}", endpoint, error.what()));
  }
  for (;;) {
    try {
      send_back_message(socket);
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) return fail(ErrorCode::internal, fmt::format("ZeroMQ: {}", error.what()));
    }
  }
}

}  // namespace vault
