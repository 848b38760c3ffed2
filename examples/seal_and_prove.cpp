// Seals one decision, reads it back, and checks its proof without trusting the daemon that gave it.
//
//   vault_example ipc:///run/vaultd/requests
//
// Link the CMake target vault_client; everything used here is declared in wire/client.hpp.
#include <cstdio>

#include "ledger/proof.hpp"
#include "wire/client.hpp"
#include "wire/error.hpp"

namespace {

int give_up(const char* step, const vault::Error& error) {
  const std::string code(vault::error_name(error.code));
  std::fprintf(stderr, "%s: %s: %s %s\n", step, code.c_str(), error.message.c_str(), error.field.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  vault::ClientOptions options;
  if (argc > 1) options.endpoint = argv[1];
  auto client = vault::Client::connect(options);
  if (!client) return give_up("connect", client.error());

  // Choosing the seal_id makes the seal safe to repeat: after a lost reply, send the same draft again. A seal kept by a
  // vaultd without its database is not in the chain yet, so there is nothing to prove: of_ledger() refuses it.
  const auto receipt = (*client)
                           ->append_entry({.session_id = "example-session",
                                           .authority = "example",
                                           .verdict = "SEAL",
                                           .seal_data = R"({"commit":"9f3c2ab","score":0.97})",
                                           .seal_id = {}})
                           .and_then(vault::of_ledger);
  if (!receipt) return give_up("append_entry", receipt.error());
  const std::int64_t sequence = receipt->entry.sequence;
  std::printf("sealed   sequence %lld\n", static_cast<long long>(sequence));
  std::printf("         entry_hash %s\n", vault::to_hex(receipt->entry.entry_hash).c_str());

  const auto entry = (*client)->get_entry_by_sequence(sequence);
  if (!entry) return give_up("get_entry_by_sequence", entry.error());
  std::printf("read     %s\n", entry->seal_data->c_str());

  // The hash is computed here, from the returned members; the proof ties it to the root of the whole tree.
  const auto proof = (*client)->get_merkle_proof(sequence);
  if (!proof) return give_up("get_merkle_proof", proof.error());
  const auto proven =
      vault::verify_inclusion(vault::compute_entry_hash(*entry), static_cast<std::uint64_t>(proof->leaf_index),
                              static_cast<std::uint64_t>(proof->tree_size), proof->proof, proof->merkle_root);
  if (!proven) return give_up("verify_inclusion", proven.error());
  std::printf("proven   among %lld entries, root %s\n", static_cast<long long>(proof->tree_size),
              vault::to_hex(proof->merkle_root).c_str());
  return 0;
}
