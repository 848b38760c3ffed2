// Replies as MessagePack.
#include <fmt/format.h>

#include <type_traits>

#include "wire/codec.hpp"
#include "wire/packing.hpp"

namespace vault {
namespace {

// Every pack() writes one map; the error is for a stored payload that is not JSON.

// The members that an entry and a kept seal have in common.
template <class EntryOrSeal>
Status pack_content(Packing& out, const EntryOrSeal& one) {
  out.key("session_id").text(one.session_id);
  out.key("seal_id").uuid(one.seal_id);
  out.key("timestamp").timestamp(one.timestamp);
  out.key("authority").text(one.authority);
  out.key("verdict").text(verdict_name(one.verdict));
  out.key("seal_data");
  if (!one.seal_data) {
    out.nil();
  } else if (!out.json(*one.seal_data)) {
    return fail(ErrorCode::internal, {});
  }
  return {};
}

Status pack_element(Packing& out, const Entry& entry) {
  out.map(13).key("sequence").integer(entry.sequence);
  if (!pack_content(out, entry)) {
    return fail(ErrorCode::internal, fmt::format("the stored payload of sequence {} is not JSON", entry.sequence));
  }
  out.key("data_salt");
  entry.data_salt ? out.hex(*entry.data_salt) : out.nil();
  out.key("data_hash").hex(entry.data_hash);
  out.key("entry_hash").hex(entry.entry_hash);
  out.key("prev_hash").hex(entry.prev_hash);
  out.key("merkle_root").hex(entry.merkle_root);
  out.key("created_at");
  entry.created_at ? out.timestamp(*entry.created_at) : out.nil();
  return {};
}

Status pack_element(Packing& out, const KeptSeal& seal) {
  out.map(7).key("backend").text("legacy");
  if (!pack_content(out, seal)) {
    return fail(ErrorCode::internal, "the kept payload of seal " + format_uuid(seal.seal_id) + " is not JSON");
  }
  return {};
}

Status pack(Packing& out, const Entry& entry) {
  return pack_element(out.map(1).key("entry"), entry);
}

Status pack(Packing& out, const KeptSeal& seal) {
  return pack_element(out.map(1).key("entry"), seal);
}

Status pack(Packing& out, const Receipt& receipt) {
  out.map(Packing::receipt_members_count(true) + (receipt.proof ? 4 : 0));
  out.receipt_members(receipt.entry, receipt.duplicate, true);
  if (receipt.proof) {
    out.key("leaf_index").unsigned_integer(receipt.proof->leaf_index);
    out.key("tree_size").unsigned_integer(receipt.proof->tree_size);
    out.key("proof").proof(receipt.proof->proof);
    out.key("checkpoint").text(receipt.proof->checkpoint);
  }
  return {};
}

Status pack(Packing& out, const KeptReceipt& receipt) {
  out.map(Packing::kept_receipt_members_count).receipt_members(receipt);
  return {};
}

template <class AReceipt>
Status pack_receipts(Packing& out, const std::vector<AReceipt>& receipts) {
  out.map(1).key("receipts").array(receipts.size());
  for (const AReceipt& receipt : receipts) {
    if (Status packed = pack(out, receipt); !packed) return packed;
  }
  return {};
}

Status pack(Packing& out, const ReceiptsResult& result) {
  return pack_receipts(out, result.receipts);
}

Status pack(Packing& out, const KeptReceiptsResult& result) {
  return pack_receipts(out, result.receipts);
}

Packing& integer_or_nil(Packing& out, const std::optional<std::int64_t>& value) {
  return value ? out.integer(*value) : out.nil();
}

Packing& text_or_nil(Packing& out, const std::optional<std::string>& value) {
  return value ? out.text(*value) : out.nil();
}

template <class EntryOrSeal>
Status pack_page(Packing& out, const std::vector<EntryOrSeal>& elements, std::optional<std::int64_t> next_cursor) {
  out.map(2).key("entries").array(elements.size());
  for (const EntryOrSeal& one : elements) {
    if (Status packed = pack_element(out, one); !packed) return packed;
  }
  integer_or_nil(out.key("next_cursor"), next_cursor);
  return {};
}

Status pack(Packing& out, const Page& page) {
  return pack_page(out, page.entries, page.next_cursor);
}

Status pack(Packing& out, const KeptPage& page) {
  return pack_page(out, page.seals, page.next_cursor);
}

Status pack(Packing& out, const VerifyResult& result) {
  out.map(9);
  out.key("valid").boolean(result.valid);
  integer_or_nil(out.key("first_invalid_sequence"), result.first_invalid_sequence);
  text_or_nil(out.key("reason"), result.reason);
  out.key("checked").integer(result.checked);
  out.key("from").integer(result.from);
  out.key("to").integer(result.to);
  out.key("head_hash").hex(result.head_hash);
  out.key("merkle_root").hex(result.merkle_root);
  out.key("elapsed_ms").integer(result.elapsed_ms);
  return {};
}

Status pack(Packing& out, const ProofResult& result) {
  out.map(7);
  out.key("sequence").integer(result.sequence);
  out.key("leaf_index").integer(result.leaf_index);
  out.key("tree_size").integer(result.tree_size);
  out.key("entry_hash").hex(result.entry_hash);
  out.key("merkle_root").hex(result.merkle_root);
  out.key("proof").proof(result.proof);
  text_or_nil(out.key("checkpoint"), result.checkpoint);
  return {};
}

Status pack(Packing& out, const ConsistencyResult& result) {
  out.map(5);
  out.key("first").integer(result.first);
  out.key("second").integer(result.second);
  out.key("first_root").hex(result.first_root);
  out.key("second_root").hex(result.second_root);
  out.key("proof").proof(result.proof);
  return {};
}

Status pack(Packing& out, const CheckpointResult& result) {
  out.map(3);
  out.key("checkpoint").text(result.checkpoint);
  out.key("tree_size").integer(result.tree_size);
  out.key("vkey").text(result.vkey);
  return {};
}

Status pack(Packing& out, const HeadResult& result) {
  const Head& head = result.head;
  out.map(4);
  out.key("sequence").integer(head.sequence);
  out.key("entry_hash").hex(head.entry_hash);
  out.key("merkle_root").hex(head.merkle_root);
  out.key("timestamp");
  head.sequence > 0 ? out.timestamp(head.timestamp) : out.nil();
  return {};
}

Status pack(Packing& out, const TileResult& result) {
  out.map(1).key("hashes").binary(result.hashes);
  return {};
}

Status pack(Packing& out, const EntryBundleResult& result) {
  out.map(1).key("bundle").binary(result.bundle);
  return {};
}

void pack_numbers(Packing& out, const std::map<std::string, std::int64_t>& numbers) {
  out.map(numbers.size());
  for (const auto& [name, value] : numbers) out.key(name).integer(value);
}

void pack_histogram(Packing& out, const HistogramResult& histogram) {
  out.map(4).key("bounds").array(histogram.bounds.size());
  for (const double bound : histogram.bounds) out.number(bound);
  out.key("counts").array(histogram.counts.size());
  for (const std::int64_t count : histogram.counts) out.integer(count);
  out.key("sum").number(histogram.sum);
  out.key("count").integer(histogram.counts.empty() ? 0 : histogram.counts.back());
}

// Members that only monitoring reads.
void pack_measurements(Packing& out, const StatusResult& result) {
  out.key("alert_severities").map(result.severities.size());
  for (const auto& [kind, severity] : result.severities) out.key(kind).text(severity);
  out.key("queue_bytes").integer(result.queue_bytes);
  pack_numbers(out.key("sealed"), result.sealed);
  pack_numbers(out.key("seals_refused"), result.seals_refused);
  out.key("histograms").map(result.histograms.size());
  for (const auto& [name, histogram] : result.histograms) pack_histogram(out.key(name), histogram);
  out.key("gauges").map(result.gauges.size());
  for (const auto& [name, value] : result.gauges) out.key(name).number(value);
}

Status pack(Packing& out, const PublicStatusResult& result) {
  out.map(3);
  out.key("role").text(result.role);
  out.key("ready").boolean(result.ready);
  out.key("sequence").integer(result.sequence);
  return {};
}

void pack_time(Packing& out, Timestamp time) {
  time.micros > 0 ? out.timestamp(time) : out.nil();
}

void pack_details(Packing& out, const std::vector<StatusResult::StandingAlert>& alerts) {
  out.array(alerts.size());
  for (const auto& alert : alerts) {
    out.map(4 + (alert.sequence != 0 ? 1 : 0) + (alert.reason.empty() ? 0 : 1));
    out.key("kind").text(alert.kind);
    out.key("severity").text(alert.severity);
    out.key("since");
    pack_time(out, alert.since);
    if (alert.sequence != 0) out.key("sequence").integer(alert.sequence);
    if (!alert.reason.empty()) out.key("reason").text(alert.reason);
    out.key("message").text(alert.message);
  }
}

Status pack(Packing& out, const StatusResult& result) {
  out.map(27);
  out.key("alert_details");
  pack_details(out, result.standing_alerts);
  out.key("now");
  pack_time(out, result.now);
  out.key("since");
  pack_time(out, result.since);
  out.key("writer");
  if (result.writer) {
    out.map(3);
    out.key("host").text(result.writer->host);
    out.key("pid").integer(result.writer->pid);
    out.key("since");
    pack_time(out, result.writer->since);
  } else {
    out.nil();
  }
  out.key("version").text(result.version);
  out.key("backend").text(result.backend);
  out.key("role").text(result.role);
  out.key("ready").boolean(result.ready);
  out.key("uptime_s").integer(result.uptime_s);
  out.key("sequence").integer(result.sequence);
  out.key("queue_depth").integer(result.queue_depth);
  out.key("in_flight").integer(result.in_flight);
  out.key("writer_epoch").integer(result.writer_epoch);
  out.key("database").map(2);
  out.key("connected").boolean(result.database_connected);
  out.key("detail").text(result.database_detail);
  out.key("readers").map(3);
  out.key("connected").integer(result.readers_connected);
  out.key("total").integer(result.readers);
  out.key("detail").text(result.readers_detail);
  out.key("origin").text(result.origin);
  out.key("vkey").text(result.vkey);
  out.key("ledger_id").text(result.ledger_id);
  pack_numbers(out.key("counters"), result.counters);
  out.key("alerts").array(result.alerts.size());
  for (const std::string& kind : result.alerts) out.text(kind);
  out.key("features").array(result.features.size());
  for (const std::string& name : result.features) out.text(name);
  pack_measurements(out, result);
  return {};
}

}  // namespace

std::string encode_reply(const RequestId& id, const ReplyBody& body) {
  std::string message;
  message.reserve(768);  // a receipt
  Packing out(message);
  out.map(4).key("v").integer(1).key("id").raw(id.msgpack).key("ok").boolean(true).key("result");
  const Status packed = std::visit([&](const auto& result) { return pack(out, result); }, body);
  if (!packed) return encode_error_reply(id, packed.error());
  return message;
}

std::string encode_error_reply(const RequestId& id, const Error& error) {
  std::string message;
  Packing out(message);
  out.map(4).key("v").integer(1).key("id").raw(id.msgpack).key("ok").boolean(false).key("error").error(error);
  return message;
}

std::string encode_progress(const RequestId& id, std::int64_t checked, std::int64_t total) {
  std::string message;
  Packing out(message);
  out.map(3).key("v").integer(1).key("id").raw(id.msgpack);
  out.key("progress").map(2).key("checked").integer(checked).key("total").integer(total);
  return message;
}

}  // namespace vault
