#include "daemon/zmtp_meter.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace vault {
namespace {

constexpr std::uint8_t flag_more = 1, flag_long = 2, flag_command = 4;
constexpr std::size_t frame_overhead = 64;  // ZeroMQ's cost of every frame, however small (zmq_msg_t)
constexpr std::size_t topic_overhead = 16;  // even the empty topic costs something
constexpr std::string_view subscribe_command = "\x09SUBSCRIBE", cancel_command = "\6CANCEL";
// PING, its time to live and no context, in a MESSAGE of RFC 26: name, nonce, authenticator, flags.
constexpr std::size_t heartbeat_bytes = 8 + 8 + 16 + 1 + 7;
constexpr std::size_t heartbeats_max = 120;
constexpr std::size_t major_version_at = 10, mechanism_at = 12;

}  // namespace

const char* ZmtpMeter::greet(std::span<const std::uint8_t>& bytes) {
  const std::size_t taken = std::min<std::size_t>(bytes.size(), greeting_.size() - filled_);
  std::memcpy(greeting_.data() + filled_, bytes.data(), taken);
  filled_ += static_cast<unsigned>(taken);
  bytes = bytes.subspan(taken);
  if (greeting_[0] != 0xff || (filled_ > major_version_at && greeting_[major_version_at] < 3)) {
    return "an older protocol than ZMTP 3";
  }
  if (filled_ < greeting_.size()) return nullptr;
  encrypted_ = std::memcmp(greeting_.data() + mechanism_at, "CURVE", 6) == 0;
  at_ = At::flags;
  return nullptr;
}

const char* ZmtpMeter::frame_begins() {
  at_ = At::body;
  if (left_ > limits_.bytes) return "a frame over the limit";
  const auto size = static_cast<std::size_t>(left_);
  frame_bytes_ = size;
  if (flags_ & flag_command) return size > limits_.command_bytes ? "a command over the limit" : nullptr;
  if (encrypted_) return nullptr;
  ++frames_;
  bytes_ += size;
  if (frames_ > limits_.frames) return "a message of too many frames";
  if (bytes_ > limits_.bytes) return "a message over the limit";
  if ((flags_ & flag_more) && bytes_ > limits_.envelope_bytes) return "an envelope over the limit";
  return nullptr;
}

const char* ZmtpMeter::frame_ends(std::vector<std::size_t>& whole) {
  at_ = At::flags;
  if (limits_.topic_bytes > 0) return encrypted_ ? unseen_subscription() : subscription();
  if (flags_ & flag_command) return nullptr;
  begun_ += frame_overhead;
  if (!encrypted_ && (flags_ & flag_more)) return nullptr;
  whole.push_back(std::exchange(begun_, std::size_t{0}));
  frames_ = bytes_ = 0;
  return nullptr;
}

// A subscription is a message of 1 or 0 and a topic (subscribe, unsubscribe), or a command of that name.
const char* ZmtpMeter::subscription() {
  const std::string frame = std::exchange(text_, {});
  bool subscribes = false;
  std::string topic;
  if (!(flags_ & flag_command)) {
    frames_ = bytes_ = 0;
    if (frame.empty() || frame[0] > 1) return nullptr;
    subscribes = frame[0] == 1;
    topic = frame.substr(1);
  } else if (frame.starts_with(subscribe_command)) {
    subscribes = true;
    topic = frame.substr(subscribe_command.size());
  } else if (frame.starts_with(cancel_command)) {
    topic = frame.substr(cancel_command.size());
  } else {
    return nullptr;
  }
  const std::size_t bytes = topic.size() + topic_overhead;
  if (!subscribes) {
    if (topics_.erase(topic) > 0) topic_bytes_ -= bytes;
  } else if (topics_.insert(std::move(topic)).second) {
    topic_bytes_ += bytes;
  }
  return topic_bytes_ > limits_.topic_bytes ? "too many topics" : nullptr;
}

const char* ZmtpMeter::unseen_subscription() {
  if (handshake_left_ > 0) {
    --handshake_left_;
    return nullptr;
  }
  if (frame_bytes_ == heartbeat_bytes && heartbeats_left_ > 0) {
    --heartbeats_left_;
    return nullptr;
  }
  topic_bytes_ += frame_bytes_ + topic_overhead;
  return topic_bytes_ > limits_.topic_bytes ? "too many topics" : nullptr;
}

void ZmtpMeter::allow_heartbeats(std::chrono::steady_clock::time_point now) {
  if (!allowed_until_) allowed_until_ = now;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now - *allowed_until_);
  heartbeats_left_ = std::min(heartbeats_max, heartbeats_left_ + 2 * static_cast<std::size_t>(seconds.count()));
  *allowed_until_ += seconds;
}

const char* ZmtpMeter::feed(std::span<const std::uint8_t> bytes, std::vector<std::size_t>& whole) {
  while (!bytes.empty()) {
    if (at_ == At::greeting) {
      if (const char* wrong = greet(bytes)) return wrong;
    } else if (at_ == At::flags) {
      flags_ = bytes.front();
      bytes = bytes.subspan(1);
      left_ = 0;
      filled_ = 0;
      at_ = At::size;
    } else if (at_ == At::size) {
      left_ = left_ << 8 | bytes.front();
      bytes = bytes.subspan(1);
      if (++filled_ < ((flags_ & flag_long) ? 8U : 1U)) continue;
      if (const char* wrong = frame_begins()) return wrong;
      if (const char* wrong = left_ == 0 ? frame_ends(whole) : nullptr) return wrong;
    } else {
      const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_));
      if (!(flags_ & flag_command)) begun_ += taken;  // ZeroMQ itself handles commands, at once
      if (limits_.topic_bytes > 0 && !encrypted_) text_.append(reinterpret_cast<const char*>(bytes.data()), taken);
      left_ -= taken;
      bytes = bytes.subspan(taken);
      if (const char* wrong = left_ == 0 ? frame_ends(whole) : nullptr) return wrong;
    }
  }
  return nullptr;
}

}  // namespace vault
