#include "actors/runtime/unread_replies.hpp"

#include <algorithm>
#include <utility>

#include "actors/runtime/tsan.hpp"

namespace vault {
namespace {

// Cost of a message besides its bytes: ZeroMQ's record of it and ours.
constexpr std::size_t message_overhead = 256;

}  // namespace

struct UnreadReplies::Held {
  std::string text;
  std::shared_ptr<Bytes> peer, all;

  std::size_t bytes() const { return text.size() + message_overhead; }
};

bool UnreadReplies::fits(const std::string& peer) const {
  const Unread unread = of(peer);
  return unread.peer < limits_.peer_bytes && (unread.all < limits_.all_bytes || unread.peer < limits_.modest_bytes);
}

Unread UnreadReplies::of(const std::string& peer) const {
  const auto found = peers_.find(peer);
  return {found == peers_.end() ? 0 : found->second->load(std::memory_order_relaxed),
          all_->load(std::memory_order_relaxed)};
}

zmq::message_t UnreadReplies::count(std::string text, const std::string& peer) {
  auto& bytes = peers_[peer];
  if (!bytes) bytes = std::make_shared<Bytes>(0);
  auto held = std::make_unique<Held>(Held{std::move(text), bytes, all_});
  *held->peer += held->bytes();
  *held->all += held->bytes();
  if (peers_.size() >= forget_at_) forget_idle();
  Held* const hint = held.get();
  zmq::message_t message(
      hint->text.data(), hint->text.size(),
      [](void*, void* pointer) {
        VAULT_TSAN_ACQUIRE(pointer);
        const std::unique_ptr<Held> owned(static_cast<Held*>(pointer));
        *owned->peer -= owned->bytes();
        *owned->all -= owned->bytes();
      },
      hint);
  (void)held.release();
  VAULT_TSAN_RELEASE(hint);  // not touched here from now on
  return message;
}

void UnreadReplies::forget_idle() {
  std::erase_if(peers_, [](const auto& peer) { return peer.second.use_count() == 1; });
  forget_at_ = std::max<std::size_t>(1'024, 2 * peers_.size());
}

}  // namespace vault
