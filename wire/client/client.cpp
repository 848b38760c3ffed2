#include "wire/client/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <unordered_set>
#include <utility>
#include <zmq.hpp>

#include "ledger/canonical_json.hpp"
#include "ledger/hash_check.hpp"
#include "ledger/reserved_names.hpp"
#include "wire/client/connection_watch.hpp"
#include "wire/endpoint_family.hpp"
#include "wire/endpoint_form.hpp"

namespace vault {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int messages_queued_max = 65'536;                       // vaultd's own default for seals waiting
constexpr std::int64_t reply_bytes_max = std::int64_t{64} << 20;  // a page of four payloads of the largest size

milliseconds time_left(Clock::time_point deadline) {
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(deadline - Clock::now()));
}

Error seal_error(Error error) {
  if (!error.field.empty() && error.field.find('.') == std::string::npos) error.field = "seal." + error.field;
  return error;
}

void configure(zmq::socket_t& socket, const ClientOptions& options) {
  socket.set(zmq::sockopt::linger, 0);
  // Queue nothing before there is a connection, so that a missing vaultd is noticed.
  socket.set(zmq::sockopt::immediate, true);
  socket.set(zmq::sockopt::sndhwm, messages_queued_max);
  socket.set(zmq::sockopt::rcvhwm, messages_queued_max);
  socket.set(zmq::sockopt::maxmsgsize, reply_bytes_max);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  if (options.curve) {
    socket.set(zmq::sockopt::curve_serverkey, options.curve->server_public);
    socket.set(zmq::sockopt::curve_publickey, options.curve->client_public);
    socket.set(zmq::sockopt::curve_secretkey, options.curve->client_secret);
  }
}

}  // namespace

Result<Seal> check_draft(const SealDraft& draft, std::size_t seal_bytes_max) {
  Seal seal;
  if (Status ok = check_name(draft.session_id, "seal.session_id"); !ok) return tl::unexpected(ok.error());
  if (Status ok = check_name(draft.authority, "seal.authority"); !ok) return tl::unexpected(ok.error());
  if (Status ok = check_not_reserved(draft.session_id, draft.authority, "seal"); !ok) {
    return tl::unexpected(ok.error());
  }
  seal.session_id = draft.session_id;
  seal.authority = draft.authority;
  const auto verdict = parse_verdict(draft.verdict);
  if (!verdict) {
    return fail(ErrorCode::invalid_argument, "verdict must be SEAL, PARTIAL, SABAR, VOID, 888_HOLD or SUNSET",
                "seal.verdict");
  }
  seal.verdict = *verdict;
  if (!draft.seal_id.empty()) {
    seal.seal_id = parse_uuid(draft.seal_id);
    if (!seal.seal_id) {
      return fail(ErrorCode::invalid_argument, "seal_id must be a UUID of 36 characters", "seal.seal_id");
    }
  }
  auto text = canonicalize(
      draft.seal_data,
      {.source = JsonSource::producer, .object_only = true, .bytes_max = seal_bytes_max, .root = "seal.seal_data"});
  if (!text) return tl::unexpected(seal_error(std::move(text.error())));
  seal.seal_data = std::move(*text);
  return seal;
}

struct Client::Impl {
  std::string endpoint;
  milliseconds timeout;
  milliseconds connect_timeout;
  milliseconds connect_turn;
  bool check_hashes = true;
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::dealer};
  std::optional<ConnectionWatch> watch;
  bool refused = false;  // in the last attempt: ZeroMQ does not retry by itself
  std::uint64_t last_id = 0;
  std::unordered_set<std::uint64_t> submitted;  // not yet answered
  std::deque<Reply> answered;                   // of submitted requests, not yet handed out

  // True once the socket is ready for `events`; false at the deadline. A signal does not end the wait early.
  bool wait(short events, Clock::time_point deadline) {
    for (;;) {
      zmq::pollitem_t item{socket.handle(), 0, events, 0};
      try {
        zmq::poll(&item, 1, time_left(deadline));
      } catch (const zmq::error_t& error) {
        if (error.num() != EINTR) throw;
      }
      if ((item.revents & events) != 0) return true;
      if (Clock::now() >= deadline) return false;
    }
  }

  Result<std::uint64_t> send(const Operation& operation, Clock::time_point deadline, std::int64_t at_least = 0) {
    const std::uint64_t id = ++last_id;
    const std::string message = encode_request(id, operation, at_least);
    deadline = std::min(deadline, Clock::now() + connect_turn);
    if (refused) connect_again();
    for (;;) {
      try {
        if (socket.send(zmq::buffer(message), zmq::send_flags::dontwait)) return id;
      } catch (const zmq::error_t& error) {
        if (error.num() != EINTR) throw;
      }
      if (auto ready = wait_for_room(deadline); !ready) return tl::unexpected(ready.error());
    }
  }

  // Waits until the socket accepts a message, or the reason is known why it never will.
  Status wait_for_room(Clock::time_point deadline) {
    for (;;) {
      const auto now = Clock::now();
      if (auto hopeless = watch->look(now)) {
        refused = true;
        return tl::unexpected(std::move(*hopeless));
      }
      if (now >= deadline) return tl::unexpected(watch->give_up(connect_timeout));
      zmq::pollitem_t items[] = {{socket.handle(), 0, ZMQ_POLLOUT, 0}, {watch->events().handle(), 0, ZMQ_POLLIN, 0}};
      try {
        zmq::poll(items, 2, std::min(time_left(deadline), milliseconds(50)));
      } catch (const zmq::error_t& error) {
        if (error.num() != EINTR) throw;
      }
      if ((items[0].revents & ZMQ_POLLOUT) != 0) return {};
    }
  }

  void connect_again() {
    refused = false;
    socket.disconnect(endpoint);
    socket.connect(endpoint);
    (void)watch->look(Clock::now());  // discard reports about the previous attempt
    watch->begin(Clock::now());
  }

  // The next message, whatever request it answers.
  Result<Reply> receive(Clock::time_point deadline) {
    for (;;) {
      if (!wait(ZMQ_POLLIN, deadline)) {
        return fail(ErrorCode::deadline_exceeded,
                    "no reply within the timeout; a seal may still commit: send it again with the same seal_id");
      }
      try {
        zmq::message_t frame;
        if (!socket.recv(frame, zmq::recv_flags::dontwait)) continue;
        while (frame.more()) (void)socket.recv(frame);  // the envelope; the frames of a message arrive together
        return decode_reply(frame.to_string_view());
      } catch (const zmq::error_t& error) {
        if (error.num() != EINTR) throw;
      }
    }
  }

  void keep(Reply reply) {
    const auto found = submitted.find(reply.id);
    if (found == submitted.end()) return;  // it arrived after its call had timed out
    if (!reply.progress) submitted.erase(found);
    answered.push_back(std::move(reply));
  }

  // The reply to `id`. Replies to submitted requests that arrive meanwhile are kept for next_reply().
  Result<std::string> await(std::uint64_t id, const Progress& progress, Clock::time_point deadline) {
    for (;;) {
      auto reply = receive(deadline);
      if (!reply) return tl::unexpected(std::move(reply.error()));
      if (reply->id != id) {
        keep(std::move(*reply));
      } else if (reply->progress) {
        deadline = Clock::now() + timeout;  // vaultd is alive
        if (progress) progress(reply->checked, reply->total);
      } else if (reply->error) {
        return tl::unexpected(std::move(*reply->error));
      } else {
        return std::move(reply->result);
      }
    }
  }
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::connect(const ClientOptions& options) {
  if (Status status = check_endpoint(options.endpoint); !status) return tl::unexpected(std::move(status.error()));
  try {
    auto impl = std::make_unique<Impl>();
    impl->endpoint = options.endpoint;
    impl->timeout = options.timeout;
    impl->connect_timeout = std::min(options.timeout, options.connect_timeout.value_or(options.timeout));
    impl->connect_turn = std::min(impl->connect_timeout, options.connect_turn.value_or(impl->connect_timeout));
    impl->check_hashes = options.check_hashes;
    configure(impl->socket, options);
    impl->socket.set(zmq::sockopt::ipv6, needs_ipv6(options.endpoint));
    ConnectionWatch::Patience patience;
    patience.refused = options.refused_timeout.value_or(impl->connect_timeout);
    patience.handshake = std::min(patience.handshake, impl->connect_timeout);
    impl->watch.emplace(impl->context, impl->socket, options.endpoint, options.curve.has_value(), patience);
    impl->socket.connect(options.endpoint);
    return std::unique_ptr<Client>(new Client(std::move(impl)));
  } catch (const zmq::error_t& error) {
    return fail(ErrorCode::invalid_argument, fmt::format("cannot connect to {}: {}", options.endpoint, error.what()));
  }
}

Result<std::string> Client::call(const Operation& operation, const Progress& progress, std::int64_t at_least) {
  const auto deadline = Clock::now() + impl_->timeout;
  try {
    const auto id = impl_->send(operation, deadline, at_least);
    if (!id) return tl::unexpected(id.error());
    return impl_->await(*id, progress, deadline);
  } catch (const zmq::error_t& error) {
    return fail(ErrorCode::internal, fmt::format("ZeroMQ: {}", error.what()));
  }
}

Result<std::uint64_t> Client::submit(const Operation& operation, std::int64_t at_least) {
  try {
    auto id = impl_->send(operation, Clock::now() + impl_->timeout, at_least);
    if (id) impl_->submitted.insert(*id);
    return id;
  } catch (const zmq::error_t& error) {
    return fail(ErrorCode::internal, fmt::format("ZeroMQ: {}", error.what()));
  }
}

Result<Reply> Client::next_reply(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  try {
    while (impl_->answered.empty()) {
      auto reply = impl_->receive(deadline);
      if (!reply) return reply;
      impl_->keep(std::move(*reply));
    }
  } catch (const zmq::error_t& error) {
    return fail(ErrorCode::internal, fmt::format("ZeroMQ: {}", error.what()));
  }
  Reply reply = std::move(impl_->answered.front());
  impl_->answered.pop_front();
  return reply;
}

Result<AnyReceipt> Client::append_entry(const SealDraft& draft, bool sign) {
  auto seal = check_draft(draft);
  if (!seal) return tl::unexpected(std::move(seal.error()));
  SealRequest request;
  request.seals.push_back(std::move(*seal));
  request.sign = sign;
  return call(request).and_then(decode_receipt);
}

Result<AnyReceipts> Client::append_entries(std::span<const SealDraft> drafts, bool sign) {
  SealRequest request;
  request.batch = true;
  request.sign = sign;
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    auto seal = check_draft(drafts[i]);
    if (!seal) {
      Error error = std::move(seal.error());
      if (error.field.starts_with("seal")) error.field.replace(0, 4, fmt::format("seals[{}]", i));
      return tl::unexpected(std::move(error));
    }
    request.seals.push_back(std::move(*seal));
  }
  return call(request).and_then(decode_receipts);
}

Result<AnyEntry> Client::read_entry(const ReadRequest& request) {
  auto answer = call(request).and_then(decode_entry);
  const auto* entry = answer ? std::get_if<Entry>(&*answer) : nullptr;  // a kept seal has no hashes yet
  if (entry == nullptr || !impl_->check_hashes) return answer;
  const HashFaults faults = HashChecker().check(*entry);
  if (!faults.any()) return answer;
  return fail(ErrorCode::internal, describe(*entry, faults), fmt::format("entry.{}", faults.first()));
}

Result<AnyPage> Client::read_page(const Operation& request, std::int64_t at_least) {
  auto answer = call(request, {}, at_least).and_then(decode_page);
  const auto* page = answer ? std::get_if<Page>(&*answer) : nullptr;
  if (page == nullptr || !impl_->check_hashes) return answer;
  HashChecker checker;
  for (std::size_t i = 0; i < page->entries.size(); ++i) {
    const HashFaults faults = checker.check(page->entries[i]);
    if (!faults.any()) continue;
    return fail(ErrorCode::internal, describe(page->entries[i], faults),
                fmt::format("entries[{}].{}", i, faults.first()));
  }
  return answer;
}

Result<AnyPage> Client::get_entries_by_session(const std::string& session_id, std::optional<std::int64_t> cursor,
                                               std::size_t limit) {
  ReadRequest request;
  PageRequest& page = request.session.emplace();
  page.session_id = session_id;
  page.cursor = cursor;
  page.limit = limit;
  page.order = Order::ascending;
  return read_page(request);
}

Result<Entry> Client::get_entry_by_sequence(std::int64_t sequence) {
  ReadRequest request;
  request.sequence = sequence;
  return read_entry(request).and_then(of_ledger);
}

Result<AnyEntry> Client::get_entry_by_seal_id(const std::string& seal_id) {
  ReadRequest request;
  request.seal_id = parse_uuid(seal_id);
  if (!request.seal_id) {
    return fail(ErrorCode::invalid_argument, "seal_id must be a UUID of 36 characters", "seal_id");
  }
  return read_entry(request);
}

Result<AnyPage> Client::list_entries(const PageRequest& page, std::int64_t at_least) {
  return read_page(ListRequest{page}, at_least);
}

Result<AnyPage> Client::query_by_verdict(Verdict verdict, std::optional<Timestamp> from, std::optional<Timestamp> to,
                                         std::optional<std::int64_t> cursor, std::size_t limit) {
  ListRequest request;
  request.page.verdict = verdict;
  request.page.from = from;
  request.page.to = to;
  request.page.cursor = cursor;
  request.page.limit = limit;
  return read_page(request);
}

Result<VerifyResult> Client::verify_chain(std::optional<std::int64_t> from, std::optional<std::int64_t> to,
                                          const Progress& progress) {
  // Asks for progress even without a listener: it shows that vaultd is at work, however long that takes.
  return call(VerifyRangeRequest{from, to, true}, progress).and_then(decode_verify);
}

Result<ProofResult> Client::get_merkle_proof(std::int64_t sequence, std::optional<std::int64_t> tree_size) {
  return call(ProofRequest{sequence, tree_size}).and_then(decode_proof);
}

Result<ConsistencyResult> Client::get_consistency_proof(std::int64_t first, std::optional<std::int64_t> second) {
  return call(ConsistencyRequest{first, second}).and_then(decode_consistency);
}

Result<CheckpointResult> Client::get_checkpoint() {
  return call(CheckpointRequest{}).and_then(decode_checkpoint);
}
Result<Head> Client::get_head() {
  return call(HeadRequest{}).and_then(decode_head);
}

}  // namespace vault
