// Messages on the requests and ingest sockets, as plain types. codec.hpp turns them into MessagePack and back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ledger/entry.hpp"
#include "ledger/kept_seal.hpp"
#include "ledger/page.hpp"
#include "ledger/proof.hpp"
#include "ledger/receipt.hpp"
#include "ledger/result.hpp"

namespace vault {

// Any scalar, kept as the MessagePack bytes in which it arrived and echoed untouched. Default: nil.
struct RequestId {
  std::string msgpack = std::string(1, '\xc0');
  friend bool operator==(const RequestId&, const RequestId&) = default;
};

// --- Requests --------------------------------------------------------------------------------------------------------

struct SealRequest {
  std::vector<Seal> seals;  // 1 for `seal`, 1..4096 for `seal_batch`
  bool batch = false;       // `seal_batch`: the reply is {receipts: [...]}
  bool sign = false;
};
struct ReadRequest {  // exactly one of the three is set; session_id is a page, ascending
  std::optional<std::int64_t> sequence;
  std::optional<Uuid> seal_id;
  std::optional<PageRequest> session;
};
struct ListRequest {  // `list` and `query`
  PageRequest page;
};
struct VerifyRangeRequest {
  std::optional<std::int64_t> from, to;
  bool progress = false;
};
struct ProofRequest {
  std::int64_t sequence = 0;
  std::optional<std::int64_t> tree_size;
};
struct ConsistencyRequest {
  std::int64_t first = 0;
  std::optional<std::int64_t> second;
};
// Refers to the tree that the latest checkpoint covers; `width` 256 asks for a full tile or bundle.
struct TileRequest {
  std::int64_t level = 0, index = 0, width = 256;
};
struct EntryBundleRequest {
  std::int64_t index = 0, width = 256;
};
struct CheckpointRequest {};
struct HeadRequest {};
struct StatusRequest {};

using Operation =
    std::variant<SealRequest, ReadRequest, ListRequest, VerifyRangeRequest, ProofRequest, ConsistencyRequest,
                 TileRequest, EntryBundleRequest, CheckpointRequest, HeadRequest, StatusRequest>;

struct Request {
  RequestId id;
  Operation operation;
  std::int64_t at_least = 0;  // for reading operations: the answer must include this sequence; 0: any will do
};

// --- Results ---------------------------------------------------------------------------------------------------------

struct ReceiptsResult {  // `seal_batch`
  std::vector<Receipt> receipts;
};
struct KeptReceiptsResult {  // the same in the emergency mode
  std::vector<KeptReceipt> receipts;
};
struct VerifyResult {
  bool valid = false;
  std::optional<std::int64_t> first_invalid_sequence;
  std::optional<std::string> reason;
  std::int64_t checked = 0, from = 0, to = 0;
  Hash head_hash{}, merkle_root{};  // those of `to`
  std::int64_t elapsed_ms = 0;
};
struct ProofResult {
  std::int64_t sequence = 0, leaf_index = 0, tree_size = 0;
  Hash entry_hash{}, merkle_root{};
  Proof proof;
  std::optional<std::string> checkpoint;
};
struct ConsistencyResult {
  std::int64_t first = 0, second = 0;
  Hash first_root{}, second_root{};
  Proof proof;
};
struct TileResult {
  std::string hashes;  // `width` of them, 32 bytes each
};
struct EntryBundleResult {
  std::string bundle;  // as in a tlog-tiles file: each leaf_data preceded by its length
};
struct CheckpointResult {
  std::string checkpoint;
  std::int64_t tree_size = 0;
  std::string vkey;
};
struct HeadResult {
  Head head;  // timestamp is nil on the wire for sequence 0
};
// Counts how often a figure was at most as large as each bound. Histograms of one name share their bounds, so only
// counts travel between actors.
struct HistogramResult {
  std::vector<double> bounds;        // inclusive upper bounds, ascending
  std::vector<std::int64_t> counts;  // cumulative; one more than bounds, the last one counts everything
  double sum = 0;
};
struct StatusResult {
  std::string version;
  std::string backend = "postgres";  // or "legacy": the emergency mode
  std::string role;                  // "writer", "standby" (another vaultd writes) or "waiting" (no writer is known)
  Timestamp since{};                 // since when it has this role
  bool ready = false;
  Timestamp now{};  // this machine's clock
  std::int64_t uptime_s = 0;
  std::int64_t sequence = 0;
  std::int64_t queue_depth = 0;
  std::int64_t in_flight = 0;
  std::int64_t writer_epoch = 0;
  bool database_connected = false;
  std::int64_t readers = 0, readers_connected = 0;
  std::string readers_detail;   // "" or why a reader has no database
  std::string database_detail;  // "" or what is wrong
  std::string origin, vkey, ledger_id;
  std::map<std::string, std::int64_t> counters;  // member `counters`
  std::vector<std::string> alerts;               // kinds raised and not cleared
  struct StandingAlert {
    std::string kind, severity, message;
    Timestamp since{};
    std::int64_t sequence = 0;  // of the entry that was tampered with; 0: none
    std::string reason;         // of the tampering; or ""
  };
  std::vector<StandingAlert> standing_alerts;  // member `alert_details`: worst first
  struct WriterProcess {
    std::string host;
    std::int64_t pid = 0;
    Timestamp since{};  // 0: unknown
  };
  std::optional<WriterProcess> writer;            // nullopt: unknown, or nobody
  std::vector<std::string> features;              // features of this vaultd beyond version 1 of the protocol
  std::map<std::string, std::string> severities;  // of the raised alerts, by kind
  std::int64_t queue_bytes = 0;
  std::map<std::string, std::int64_t> sealed;         // new entries by verdict, since the start
  std::map<std::string, std::int64_t> seals_refused;  // seals by the error's code, since the start
  std::map<std::string, HistogramResult> histograms;
  std::map<std::string, double> gauges;  // values measured now and then; absent if unknown
};
// The status for a peer that only has the role `public`.
struct PublicStatusResult {
  std::string role;
  bool ready = false;
  std::int64_t sequence = 0;
};

// In the emergency mode, a kept seal stands where the ledger's type would, with `backend` in place of `sequence`.
using ReplyBody = std::variant<Receipt, ReceiptsResult, Entry, Page, KeptReceipt, KeptReceiptsResult, KeptSeal,
                               KeptPage, VerifyResult, ProofResult, ConsistencyResult, TileResult, EntryBundleResult,
                               CheckpointResult, HeadResult, StatusResult, PublicStatusResult>;

}  // namespace vault
