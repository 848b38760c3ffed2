// The client library for producers and readers in C++ (CMake target vault_client). Other languages need nothing but
// ZeroMQ and MessagePack: docs/protocol.md.
//
//   auto client = vault::Client::connect({.endpoint = "ipc:///run/vaultd/requests"});
//   auto receipt = client->append_entry({.session_id = "s-1", .authority = "deploy-bot", .verdict = "SEAL",
//                                        .seal_data = R"({"commit":"9f3c"})"});
//   if (!receipt) return give_up(receipt.error());
//   const auto* sealed = std::get_if<vault::Receipt>(&*receipt);
//   if (sealed != nullptr) std::puts(vault::to_hex(sealed->entry.entry_hash).c_str());
//
// A vaultd in the emergency mode answers with kept seals (ledger/kept_seal.hpp): AnyReceipt and similar types hold
// either kind. A program that needs the chain appends `.and_then(vault::of_ledger)` to the call.
//
// Errors of the connection itself, as opposed to vaultd's own answers, have the `field` "endpoint" or "key_dir". A
// Client belongs to one thread. Calls block until the reply or the timeout (deadline_exceeded: the seal may still
// commit; send it again with the same seal_id). No exceptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wire/codec.hpp"
#include "wire/message.hpp"

namespace vault {

// CURVE (RFC 26): 40-character Z85 keys.
struct CurveKeys {
  std::string server_public;
  std::string client_public;
  std::string client_secret;
};

struct ClientOptions {
  std::string endpoint = "ipc:///run/vaultd/requests";
  std::chrono::milliseconds timeout{30'000};
  std::optional<CurveKeys> curve;
  // How long a call waits for a connection before it fails with `unavailable`; nullopt: as long as the timeout.
  std::optional<std::chrono::milliseconds> connect_timeout{};
  // How much of that time one call waits, for a caller that calls again until it has passed and has other things to do
  // in between; nullopt: all of it. The error names connect_timeout in any case.
  std::optional<std::chrono::milliseconds> connect_turn{};
  // How much of that time it waits while nobody listens (vaultd may be restarting); nullopt: all of it. A client that
  // vaultd refuses, or whose endpoint has an unknown host name, does not wait: the error names the cause at once.
  std::optional<std::chrono::milliseconds> refused_timeout{};
  // Whether entries that are read are checked: data_hash, entry_hash, and the links between neighbours on a page are
  // recomputed. An entry that does not fit, or lacks its payload, is not handed out: `internal`, with `field`
  // "entry.entry_hash", "entries[3].data_hash" or "entry.seal_data". False: to inspect such entries anyway
  // (ledger/hash_check.hpp then says what does not fit).
  bool check_hashes = true;
};

// A seal as people write it: verdict by name, payload as JSON text, seal_id as text.
struct SealDraft {
  std::string session_id;
  std::string authority;
  std::string verdict;
  std::string seal_data;
  std::string seal_id;  // empty: the writer draws one, and a retry seals once more
};

// Checks a draft by the rules that vaultd applies, and converts the payload to canonical text.
Result<Seal> check_draft(const SealDraft& draft, std::size_t seal_bytes_max = limits::seal_bytes_max);

class Client {
 public:
  // Waits for nothing except the look-up of a host name in the endpoint: the first call finds out whether anybody
  // listens and whether vaultd accepts this client.
  static Result<std::unique_ptr<Client>> connect(const ClientOptions& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Result<AnyReceipt> append_entry(const SealDraft& draft, bool sign = false);
  Result<AnyReceipts> append_entries(std::span<const SealDraft> drafts, bool sign = false);
  Result<AnyPage> get_entries_by_session(const std::string& session_id, std::optional<std::int64_t> cursor = {},
                                         std::size_t limit = limits::list_limit_default);
  Result<Entry> get_entry_by_sequence(std::int64_t sequence);
  Result<AnyEntry> get_entry_by_seal_id(const std::string& seal_id);
  // `at_least`: a sequence that the answer must include, from a receipt or an event; 0: any answer will do.
  Result<AnyPage> list_entries(const PageRequest& page = {}, std::int64_t at_least = 0);
  Result<AnyPage> query_by_verdict(Verdict verdict, std::optional<Timestamp> from = {},
                                   std::optional<Timestamp> to = {}, std::optional<std::int64_t> cursor = {},
                                   std::size_t limit = limits::list_limit_default);
  using Progress = std::function<void(std::int64_t checked, std::int64_t total)>;
  Result<VerifyResult> verify_chain(std::optional<std::int64_t> from = {}, std::optional<std::int64_t> to = {},
                                    const Progress& progress = {});
  Result<ProofResult> get_merkle_proof(std::int64_t sequence, std::optional<std::int64_t> tree_size = {});
  Result<ConsistencyResult> get_consistency_proof(std::int64_t first, std::optional<std::int64_t> second = {});
  Result<CheckpointResult> get_checkpoint();
  Result<Head> get_head();

  // Any operation; returns the reply's `result` map as MessagePack bytes.
  Result<std::string> call(const Operation& operation, const Progress& progress = {}, std::int64_t at_least = 0);

  // For many requests in flight: submit() returns the id under which next_reply() hands out the answer, in any order.
  Result<std::uint64_t> submit(const Operation& operation, std::int64_t at_least = 0);
  // Error: deadline_exceeded if no reply came within `timeout`.
  Result<Reply> next_reply(std::chrono::milliseconds timeout);

 private:
  Result<AnyEntry> read_entry(const ReadRequest& request);
  Result<AnyPage> read_page(const Operation& request, std::int64_t at_least = 0);

  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vault
