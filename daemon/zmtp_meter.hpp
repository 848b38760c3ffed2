// Follows the bytes of one ZeroMQ connection (ZMTP 3, RFC 37) just enough to know where messages end, and how much
// memory each will cost while it waits. It copies nothing and decodes nothing.
//
// ZeroMQ bounds a frame (ZMQ_MAXMSGSIZE) and the number of whole messages (ZMQ_RCVHWM), but not one message of endless
// frames: that grows before anybody can see it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace vault {

struct MessageLimits {
  std::size_t frames = 64;                             // of one message
  std::size_t bytes = std::size_t{64} << 20;           // of one message, all frames
  std::size_t envelope_bytes = std::size_t{64} << 10;  // of all frames but the last
  std::size_t command_bytes = std::size_t{4} << 10;    // of one command: greeting, ping, subscription
  std::size_t topic_bytes = 0;  // > 0: messages are subscriptions; a connection may have this many bytes of topics
};

class ZmtpMeter {
 public:
  explicit ZmtpMeter(const MessageLimits& limits) : limits_(limits) {}

  // Takes the next bytes. For each message that ends in them, appends to `whole` the cost of that message while it
  // waits. Returns why the connection must be cut, or nullptr. On a CURVE connection the last frame of a message cannot
  // be recognised: there each frame counts as a message.
  const char* feed(std::span<const std::uint8_t> bytes, std::vector<std::size_t>& whole);
  // The cost so far of the message that has begun.
  std::size_t begun() const { return begun_; }
  // Memory that a read pins besides its bytes; counted with the message that has begun or comes next.
  void charge(std::size_t bytes) { begun_ = frames_ == 0 ? bytes : begun_ + bytes; }
  bool encrypted() const { return encrypted_; }
  // Bytes of all subscribed topics. On a CURVE connection the contents of frames are hidden: there each one after the
  // handshake, except heartbeats, counts as a topic, even an unsubscription.
  std::size_t topics() const { return topic_bytes_; }
  // On a CURVE connection, two frames a second of a heartbeat's size are taken for heartbeats, although they might be
  // topics of six bytes. Call before each feed().
  void allow_heartbeats(std::chrono::steady_clock::time_point now);
  // Limits one message from now on.
  void set_bytes_max(std::size_t bytes) { limits_.bytes = bytes; }

 private:
  enum class At : std::uint8_t { greeting, flags, size, body };
  const char* greet(std::span<const std::uint8_t>& bytes);
  const char* frame_begins();
  const char* frame_ends(std::vector<std::size_t>& whole);
  const char* subscription();
  const char* unseen_subscription();

  MessageLimits limits_;
  std::array<std::uint8_t, 64> greeting_{};
  At at_ = At::greeting;
  std::uint8_t flags_ = 0;
  unsigned filled_ = 0;                 // bytes of the greeting, or of the size
  std::uint64_t left_ = 0;              // bytes of the frame's size field while it is read, then of its body
  std::size_t frames_ = 0, bytes_ = 0;  // of this message so far
  std::size_t begun_ = 0;
  bool encrypted_ = false;
  std::string text_;  // of a frame that is or may be a subscription
  std::set<std::string> topics_;
  std::size_t topic_bytes_ = 0;
  std::size_t frame_bytes_ = 0;     // of the current frame, once it is complete
  std::size_t handshake_left_ = 2;  // HELLO and INITIATE
  std::size_t heartbeats_left_ = 0;
  std::optional<std::chrono::steady_clock::time_point> allowed_until_;
};

}  // namespace vault
