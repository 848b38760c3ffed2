// Sample values shared by the tests of wire/.
#pragma once

#include <algorithm>
#include <msgpack.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/entry.hpp"
#include "ledger/hash_chain.hpp"
#include "ledger/receipt.hpp"
#include "wire/codec.hpp"

namespace vault::samples {

inline const std::string seal_id_text = "018f3c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f";

inline Hash hash_of(std::uint8_t byte) {
  Hash hash;
  hash.fill(byte);
  return hash;
}

inline Seal seal() {
  return {"session-1", "deploy-bot", Verdict::hold, R"({"commit":"9f3c","n":[1,-2,0.5,null,true]})",
          parse_uuid(seal_id_text)};
}

inline Entry entry() {
  Entry entry;
  entry.sequence = 42;
  entry.session_id = "session-1";
  entry.seal_id = *parse_uuid(seal_id_text);
  entry.timestamp = *parse_timestamp("2026-01-02T03:04:05.000678Z");
  entry.authority = "deploy-bot";
  entry.verdict = Verdict::hold;
  entry.seal_data = R"({"a":[{},-5,18446744073709551615,0.25,"é"],"b":null})";
  entry.data_salt = Salt{1, 2, 3, 255};
  entry.data_hash = hash_of(0xd1);
  entry.entry_hash = hash_of(0xe1);
  entry.prev_hash = hash_of(0x0f);
  entry.merkle_root = hash_of(0xab);
  return entry;
}

inline Entry erased_entry() {
  Entry erased = entry();
  erased.seal_data.reset();
  erased.data_salt.reset();
  return erased;
}

// With hashes that fit, as vaultd hands it out.
inline Entry sealed(Entry one) {
  link_entry(one, hash_of(0x0f));
  return one;
}
// An entry whose payload somebody has removed.
inline Entry sealed_without_payload(Entry one) {
  one = sealed(std::move(one));
  one.seal_data.reset();
  one.data_salt.reset();
  return one;
}
// The same for the entries of a page, in either order: linked one to the next.
inline std::vector<Entry> sealed(std::vector<Entry> entries) {
  std::vector<Entry*> ascending;
  for (Entry& one : entries) ascending.push_back(&one);
  std::sort(ascending.begin(), ascending.end(), [](auto* a, auto* b) { return a->sequence < b->sequence; });
  Hash previous = hash_of(0x0f);
  for (Entry* one : ascending) {
    link_entry(*one, previous);
    previous = one->entry_hash;
  }
  return entries;
}

inline Receipt receipt() {
  Receipt receipt;
  receipt.entry = entry();
  receipt.entry.seal_data.reset();
  return receipt;
}

inline KeptSeal kept_seal() {
  const Entry one = entry();
  return {one.session_id, one.seal_id, one.timestamp, one.authority, one.verdict, one.seal_data};
}
inline KeptReceipt kept_receipt() {
  KeptReceipt receipt{kept_seal(), true};
  receipt.seal.seal_data.reset();
  return receipt;
}

inline Receipt signed_receipt() {
  Receipt signed_one = receipt();
  signed_one.duplicate = true;
  signed_one.proof = ReceiptProof{41, 50, {hash_of(1), hash_of(2)}, "vault.example\n50\nAAAA\n\n— x y\n"};
  return signed_one;
}

// JSON text as MessagePack, names in the order of the text.
inline std::string pack(std::string_view json) {
  std::string out;
  nlohmann::ordered_json::to_msgpack(nlohmann::ordered_json::parse(json), nlohmann::detail::output_adapter<char>(out));
  return out;
}

// MessagePack as JSON, for examining members.
inline nlohmann::json unpack(std::string_view message) {
  return nlohmann::json::from_msgpack(message);
}

}  // namespace vault::samples
