// A ZeroMQ frame that owns a value: threads of one process use it to pass each other messages, neither copied nor
// encoded.
#pragma once

#include <memory>
#include <zmq.hpp>

#include "actors/runtime/tsan.hpp"
#include "ledger/check.hpp"

namespace vault {

// ZeroMQ frees the value once the frame has been read, or can no longer be read.
template <class Value>
zmq::message_t frame_of(std::unique_ptr<Value> value) {
  VAULT_TSAN_RELEASE(value.get());
  zmq::message_t frame(value.get(), sizeof(Value), [](void* data, void*) {
    VAULT_TSAN_ACQUIRE(data);
    delete static_cast<Value*>(data);
  });
  (void)value.release();
  return frame;
}

// The value in a frame that frame_of() made. It belongs to the frame; whoever has received the frame may move it out.
// VAULT_CHECK: a frame of that size.
template <class Value>
Value& value_in(zmq::message_t& frame) {
  VAULT_CHECK(frame.size() == sizeof(Value));
  auto* value = frame.data<Value>();
  VAULT_TSAN_ACQUIRE(value);
  return *value;
}

}  // namespace vault
