#include "wire/packing.hpp"

#include "wire/codec.hpp"
#include "wire/error.hpp"

namespace vault {
namespace {

constexpr std::size_t error_text_bytes_max = 1024;

// Errors quote names from messages: cut to a bound, and to valid UTF-8, which every peer can read.
std::string presentable(std::string_view text) {
  std::string out(text.substr(0, error_text_bytes_max));
  if (is_valid_utf8(out)) return out;
  for (char& c : out) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return out;
}

}  // namespace

Packing& Packing::proof(const Proof& proof) {
  array(proof.size());
  for (const Hash& hash : proof) hex(hash);
  return *this;
}

template <class EntryOrSeal>
Packing& Packing::receipt_envelope(const EntryOrSeal& one) {
  key("seal_id").uuid(one.seal_id);
  key("session_id").text(one.session_id);
  key("verdict").text(verdict_name(one.verdict));
  key("authority").text(one.authority);
  return key("timestamp").timestamp(one.timestamp);
}

Packing& Packing::receipt_members(const Entry& entry, bool duplicate, bool with_salt) {
  key("sequence").integer(entry.sequence);
  receipt_envelope(entry);
  key("entry_hash").hex(entry.entry_hash);
  key("prev_hash").hex(entry.prev_hash);
  key("merkle_root").hex(entry.merkle_root);
  key("data_hash").hex(entry.data_hash);
  if (with_salt) {
    key("data_salt");
    entry.data_salt ? hex(*entry.data_salt) : nil();
  }
  return key("duplicate").boolean(duplicate);
}

Packing& Packing::receipt_members(const KeptReceipt& receipt) {
  key("backend").text("legacy");
  receipt_envelope(receipt.seal);
  return key("duplicate").boolean(receipt.duplicate);
}

Packing& Packing::error(const Error& error) {
  map(error.field.empty() ? 3 : 4);
  key("code").text(error_name(error.code));
  key("message").text(presentable(error.message));
  if (!error.field.empty()) key("field").text(presentable(error.field));
  return key("retryable").boolean(is_retryable(error.code));
}

Packing& Packing::document(const JsonDocument& document) {
  // The tape is in the same order as MessagePack.
  for (const JsonNode& node : document.nodes()) {
    switch (node.kind) {
      case JsonKind::null:
        nil();
        break;
      case JsonKind::boolean:
        boolean(node.as.boolean);
        break;
      case JsonKind::signed_integer:
        integer(node.as.signed_integer);
        break;
      case JsonKind::unsigned_integer:
        unsigned_integer(node.as.unsigned_integer);
        break;
      case JsonKind::number:
        number(node.as.number);
        break;
      case JsonKind::string:
        text(document.text(node));
        break;
      case JsonKind::object:
        map(node.size);
        break;
      case JsonKind::array:
        array(node.size);
        break;
    }
  }
  return *this;
}

bool Packing::json(std::string_view canonical) {
  const JsonRules rules{
      .source = JsonSource::stored, .object_only = false, .bytes_max = limits::seal_bytes_max * 64, .root = {}};
  JsonDocument parsed;
  if (!parse_json(canonical, rules, parsed)) return false;
  document(parsed);
  return true;
}

void append_msgpack(const JsonDocument& document, std::string& out) {
  Packing(out).document(document);
}

}  // namespace vault
