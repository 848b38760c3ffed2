// vaultctl proof, consistency, checkpoint: evidence from the ledger. Whatever vaultd sends is checked here before it is
// written: a file that does not prove anything would be worse than none.
#include "tools/common/arguments.hpp"
#include "tools/common/json_output.hpp"
#include "tools/common/numbers.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/evidence.hpp"
#include "tools/vaultctl/output_file.hpp"

#include "ledger/merkle_hash.hpp"
#include "ledger/proof_file.hpp"

namespace vault::ctl {
namespace {

constexpr mode_t evidence_mode = 0644;  // neither proofs nor checkpoints hold secrets

struct ProofOptions {
  std::optional<std::int64_t> sequence, size;
  OutputOptions out;
  std::string vkey;
};

tl::unexpected<Error> untrue(const std::string& what) {
  return fail(ErrorCode::invalid_message, "vaultd's answer does not check: " + what);
}

// The proof file for `entry`, or what is wrong with vaultd's proof of it.
Result<std::string> build_proof_file(const Entry& entry, const ProofResult& proof,
                                     const std::optional<VerifierKey>& key) {
  if (!proof.checkpoint) {
    return fail(ErrorCode::not_found,
                "no checkpoint of " + std::to_string(proof.tree_size) +
                    " entries is kept; without --size the latest one is used",
                "tree_size");
  }
  std::string leaf_data;
  append_leaf_data(entry, leaf_data);
  const Hash leaf = hash_leaf(leaf_data);
  if (leaf != proof.entry_hash) return untrue("the entry's hash is not the one proven");
  const auto index = static_cast<std::uint64_t>(entry.sequence) - 1;
  const auto size = static_cast<std::uint64_t>(proof.tree_size);
  if (const Status status = verify_inclusion(leaf, index, size, proof.proof, proof.merkle_root); !status) {
    return untrue(status.error().message);
  }
  const auto checkpoint = key ? open_checkpoint(*proof.checkpoint, *key) : peek_checkpoint(*proof.checkpoint);
  if (!checkpoint) return untrue(checkpoint.error().message);
  if (checkpoint->tree_size != proof.tree_size || checkpoint->root != proof.merkle_root) {
    return untrue("the checkpoint is of another tree");
  }
  return format_proof_file({.extra = leaf_data, .index = index, .proof = proof.proof, .checkpoint = *proof.checkpoint});
}

Result<std::string> fetch_proof_file(Client& client, std::int64_t sequence, const std::string& result,
                                     const std::optional<VerifierKey>& key) {
  const auto proof = decode_proof(result);
  if (!proof) return tl::unexpected(proof.error());
  const auto entry = client.get_entry_by_sequence(sequence);
  if (!entry) return tl::unexpected(entry.error());
  if (entry->sequence != sequence || proof->sequence != sequence) return untrue("it is about another entry");
  return build_proof_file(*entry, *proof, key);
}

int run_proof(const Context& context, const ProofOptions& options) {
  std::optional<VerifierKey> key;
  if (!options.vkey.empty()) {
    const auto loaded = load_vkey(options.vkey);
    if (!loaded) return report(context, loaded.error());
    key = *loaded;
  }
  auto output = OutputFile::open(options.out, evidence_mode);
  if (!output) return report(context, output.error());
  auto client = connect_daemon(context.globals);
  if (!client) return report(context, client.error());
  const auto result = (*client)->call(ProofRequest{.sequence = *options.sequence, .tree_size = options.size});
  if (!result) return report(context, result.error());
  // --json without a file only asks for the result map, which need not have a checkpoint.
  if (!context.globals.json || !options.out.path.empty() || key) {
    const auto text = fetch_proof_file(**client, *options.sequence, *result, key);
    if (!text) return report(context, text.error());
    if (options.out.path.empty() && !context.globals.json) std::fwrite(text->data(), 1, text->size(), stdout);
    if (const Status written = output->write(*text); !written) return report(context, written.error());
  }
  if (context.globals.json && options.out.path != "-") {
    const auto json = msgpack_to_json(*result);
    if (!json) return report(context, json.error());
    print_line(*json);
  } else if (!options.out.path.empty() && options.out.path != "-") {
    print_line("proof of entry " + std::to_string(*options.sequence) + " in " + options.out.path +
               "; check it anywhere with: vaultctl check-proof FILE --vkey KEY");
  }
  return finish_output(exit_done);
}

struct ConsistencyOptions {
  std::optional<std::int64_t> first, second;
};

int run_consistency(const Context& context, const ConsistencyOptions& options) {
  if (options.second && *options.first > *options.second) {
    return report(context, {ErrorCode::invalid_argument, "the first size is greater than the second", "first"});
  }
  auto client = connect_daemon(context.globals);
  if (!client) return report(context, client.error());
  const auto result = (*client)->call(ConsistencyRequest{.first = *options.first, .second = options.second});
  if (!result) return report(context, result.error());
  const auto decoded = decode_consistency(*result);
  if (!decoded) return report(context, decoded.error());
  const bool same_sizes =
      decoded->first == *options.first && decoded->second == options.second.value_or(decoded->second);
  if (!same_sizes) return report(context, untrue("it is about other trees").value());
  const Status status = check_consistency(*decoded);
  if (!status) return report(context, untrue(status.error().message).value());
  if (context.globals.json) {
    const auto json = msgpack_to_json(*result);
    if (!json) return report(context, json.error());
    print_line(*json);
    return finish_output(exit_done);
  }
  print_line(coloured("CONSISTENT", Colour::green) + "  the first " + std::to_string(decoded->first) + " of " +
             std::to_string(decoded->second) + " entries are unchanged");
  print_fields({{"first root", to_hex(decoded->first_root)},
                {"second root", to_hex(decoded->second_root)},
                {"proof", std::to_string(decoded->proof.size()) + " hashes"}});
  return finish_output(exit_done);
}

struct CheckpointOptions {
  bool vkey = false;
  OutputOptions out;
};

// The root as every other output has it; in the note it is base64.
void show_checkpoint(const CheckpointResult& result) {
  Fields fields{{"entries", with_thousands(static_cast<std::uint64_t>(result.tree_size))}};
  if (const auto checkpoint = peek_checkpoint(result.checkpoint)) {
    fields.emplace_back("merkle root", to_hex(checkpoint->root));
  }
  fields.emplace_back("key", printable(result.vkey));
  print_fields(fields);
}

int run_checkpoint(const Context& context, const CheckpointOptions& options) {
  auto output = OutputFile::open(options.out, evidence_mode);
  if (!output) return report(context, output.error());
  auto client = connect_daemon(context.globals);
  if (!client) return report(context, client.error());
  const auto result = (*client)->call(CheckpointRequest{});
  if (!result) return report(context, result.error());
  const auto decoded = decode_checkpoint(*result);
  if (!decoded) return report(context, decoded.error());
  if (const Status written = output->write(options.vkey ? decoded->vkey + "\n" : decoded->checkpoint); !written) {
    return report(context, written.error());
  }
  if (context.globals.json) {
    const auto json = msgpack_to_json(*result);
    if (!json) return report(context, json.error());
    if (options.out.path != "-") print_line(*json);
  } else if (!options.out.path.empty()) {
    if (options.out.path != "-") {
      print_line("written to " + options.out.path);
      if (!options.vkey) show_checkpoint(*decoded);
    }
  } else if (options.vkey) {
    print_line(printable(decoded->vkey));
  } else {
    const std::string note = printable(decoded->checkpoint, true);
    std::fwrite(note.data(), 1, note.size(), stdout);
    if (stdout_is_terminal()) {  // elsewhere the note alone, byte for byte
      print_line("");
      show_checkpoint(*decoded);
    }
  }
  return finish_output(exit_done);
}

void add_proof(CLI::App& app, Context& context) {
  auto options = std::make_shared<ProofOptions>();
  CLI::App* command = app.add_subcommand("proof", "Write a proof file that an entry is in the ledger");
  add_integer(*command, "sequence", options->sequence, 1, "The entry")->required();
  add_integer(*command, "--size", options->size, 1, "In the tree of this many entries [that of the latest checkpoint]");
  add_output(*command, options->out, "Write the .tlog-proof there [stdout]; never over a file that is there");
  add_vkey(*command, options->vkey);
  command->footer(
      "The file is checked before it is written; with --vkey also the checkpoint's signature.\n"
      "Example:\n  vaultctl proof 42 -o 42.tlog-proof && vaultctl check-proof 42.tlog-proof --vkey log.vkey");
  command->callback(
      [options, &context] { context.run = [options, &context] { return run_proof(context, *options); }; });
}

}  // namespace

void add_proof_commands(CLI::App& app, Context& context) {
  add_proof(app, context);

  auto consistency = std::make_shared<ConsistencyOptions>();
  CLI::App* command = app.add_subcommand("consistency", "Prove that the ledger of M entries is a prefix of that of N");
  add_integer(*command, "M", consistency->first, 0, "The smaller tree's size")->required();
  add_integer(*command, "N", consistency->second, 0, "The larger tree's size [that of the latest checkpoint]");
  command->footer("Example:\n  vaultctl consistency 100 200");
  command->callback(
      [consistency, &context] { context.run = [=, &context] { return run_consistency(context, *consistency); }; });

  auto checkpoint = std::make_shared<CheckpointOptions>();
  command = app.add_subcommand("checkpoint", "Print the latest signed checkpoint");
  command->add_flag("--vkey", checkpoint->vkey, "Print the log's verifier key instead");
  add_output(*command, checkpoint->out, "Write it there; never over a file that is there");
  command->footer(
      "Keep a checkpoint and the key somewhere else: with them a rewritten history is found. On a terminal its root "
      "is\n"
      "shown in hex too, as everywhere else; in a file or pipe the note stands alone.\n"
      "Examples:\n  vaultctl checkpoint > kept.txt\n  vaultctl checkpoint --vkey > log.vkey");
  command->callback(
      [checkpoint, &context] { context.run = [=, &context] { return run_checkpoint(context, *checkpoint); }; });
}

}  // namespace vault::ctl
