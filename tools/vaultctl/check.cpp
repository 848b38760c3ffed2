// vaultctl check-proof, check-receipt: offline. No daemon, no database, nothing but the file and the log's key.
//
// What is being checked is evidence: a file that is malformed proves nothing, so the answer is no (exit 1), like for
// one that does not check. A file that cannot be read and a key that is no key are wrong usage (exit 2).
#include <nlohmann/json.hpp>

#include "tools/vaultctl/arguments.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/evidence.hpp"
#include "tools/vaultctl/files.hpp"
#include "tools/vaultctl/ledger_json.hpp"
#include "tools/vaultctl/terminal.hpp"

#include "ledger/canonical_json.hpp"
#include "ledger/merkle_hash.hpp"
#include "ledger/proof_file.hpp"

namespace vault::ctl {
namespace {

constexpr std::size_t proof_bytes_max = 1 << 20;  // leaf, 63 hashes and a note are far below

struct CheckOptions {
  std::string file, vkey;
  std::string entry;      // check-proof
  std::string data_file;  // check-receipt
};

// What was found to hold.
struct Proven {
  Checkpoint checkpoint;
  std::uint64_t index = 0;
  Hash entry_hash{};
  std::string payload;  // "checked" or "not checked"
};

std::string describe(const Error& error) {
  return error.field.empty() ? error.message : error.message + " [" + error.field + "]";
}

int answer(const Context& context, const Proven& proven) {
  if (context.globals.json) {
    print_line(nlohmann::ordered_json{{"valid", true},
                                      {"sequence", proven.index + 1},
                                      {"leaf_index", proven.index},
                                      {"entry_hash", to_hex(proven.entry_hash)},
                                      {"origin", proven.checkpoint.origin},
                                      {"tree_size", proven.checkpoint.tree_size},
                                      {"merkle_root", to_hex(proven.checkpoint.root)},
                                      {"payload", proven.payload}}
                   .dump());
    return finish_output(exit_done);
  }
  print_line(coloured("VALID", Colour::green) + "  entry " + std::to_string(proven.index + 1) +
             " is in the ledger of " + printable(proven.checkpoint.origin));
  print_fields({{"entry hash", to_hex(proven.entry_hash)},
                {"tree size", std::to_string(proven.checkpoint.tree_size)},
                {"merkle root", to_hex(proven.checkpoint.root)},
                {"payload", proven.payload}});
  return finish_output(exit_done);
}

// The entry's claim about the root at its own sequence.
Status check_root(const Hash& claimed, const Hash& leaf, std::uint64_t index, std::uint64_t size, const Proof& proof) {
  const auto root = root_at_leaf(leaf, index, size, proof);
  if (!root) return tl::unexpected<Error>(root.error());
  if (*root != claimed) {
    return fail(ErrorCode::invalid_argument, "merkle_root is not the root of the tree that ends with this entry",
                "merkle_root");
  }
  return {};
}

Status compare_entry(const EntryText& entry, const ProofFile& file, const std::string& leaf_data) {
  if (static_cast<std::uint64_t>(entry.entry.sequence) - 1 != file.index) {
    return fail(ErrorCode::invalid_argument,
                "the proof is of entry " + std::to_string(file.index + 1) + ", not of this one (" +
                    std::to_string(entry.entry.sequence) + ")",
                "sequence");
  }
  if (file.extra && *file.extra != leaf_data) {
    return fail(ErrorCode::invalid_argument, "the entry is not the one that is proven: its leaf differs");
  }
  return {};
}

// The leaf's own sequence must be where the proof puts it. A leaf that is no envelope names none.
Status check_leaf_sequence(const ProofFile& file) {
  const auto envelope = JsonObject::split(*file.extra);
  if (!envelope || !envelope->has("sequence")) return {};
  const auto sequence = envelope->integer("sequence");
  if (sequence && *sequence >= 1 && static_cast<std::uint64_t>(*sequence) - 1 == file.index) return {};
  return fail(ErrorCode::invalid_argument, "the leaf's sequence does not fit the proof's index", "sequence");
}

Result<Proven> check_proof_text(const std::string& text, const VerifierKey& key,
                                const std::optional<std::string>& entry_text) {
  auto file = parse_proof_file(text);
  if (!file) return tl::unexpected<Error>(file.error());
  std::string payload = "not checked (--entry FILE checks it)";
  std::optional<EntryText> entry;
  if (entry_text) {
    const auto parsed = parse_entry_json(*entry_text);
    if (!parsed) return fail(ErrorCode::invalid_argument, "the entry file: " + describe(parsed.error()));
    entry = *parsed;
    const auto leaf_data = rebuild_leaf(*entry);
    if (!leaf_data) return fail(ErrorCode::invalid_argument, "the entry file: " + describe(leaf_data.error()));
    if (const Status same = compare_entry(*entry, *file, *leaf_data); !same) {
      return tl::unexpected<Error>(same.error());
    }
    file->extra = *leaf_data;  // a proof file may leave the leaf out
    payload = "checked";
  }
  auto checkpoint = check_proof_file(*file, key);
  if (!checkpoint) return tl::unexpected<Error>(checkpoint.error());
  Proven proven{std::move(*checkpoint), file->index, hash_leaf(*file->extra), std::move(payload)};
  if (const Status fits = check_leaf_sequence(*file); !fits) return tl::unexpected<Error>(fits.error());
  if (entry && entry->has_merkle_root) {
    const Status fits =
        check_root(entry->entry.merkle_root, proven.entry_hash, file->index, proven.checkpoint.tree_size, file->proof);
    if (!fits) return fail(ErrorCode::invalid_argument, "the entry file: " + describe(fits.error()));
  }
  return proven;
}

int run_check_proof(const Context& context, const CheckOptions& options) {
  const auto key = load_vkey(options.vkey);
  if (!key) return report(context, key.error());
  const auto text = read_input(options.file, proof_bytes_max);
  if (!text) return report(context, text.error());
  std::optional<std::string> entry;
  if (!options.entry.empty()) {
    auto read = read_input(options.entry);
    if (!read) return report(context, read.error());
    entry = std::move(*read);
  }
  const auto proven = check_proof_text(*text, *key, entry);
  return proven ? answer(context, *proven) : report_invalid(context, describe(proven.error()));
}

Result<Proven> check_receipt_text(const std::string& text, const VerifierKey& key,
                                  const std::optional<std::string>& data) {
  const auto receipt = parse_receipt_json(text);
  if (!receipt) return tl::unexpected<Error>(receipt.error());
  std::optional<std::string> canonical;
  if (data) {
    auto result = canonicalize(*data, {.bytes_max = limits::seal_bytes_max, .bound_numbers = false});
    if (!result) return fail(ErrorCode::invalid_argument, "the payload: " + describe(result.error()));
    canonical = std::move(*result);
  }
  auto checkpoint = check_receipt(*receipt, key, canonical);
  if (!checkpoint) return tl::unexpected<Error>(checkpoint.error());
  const Entry& entry = receipt->entry;
  const Status fits = check_root(entry.merkle_root, entry.entry_hash, receipt->proof->leaf_index,
                                 receipt->proof->tree_size, receipt->proof->proof);
  if (!fits) return tl::unexpected<Error>(fits.error());
  return Proven{std::move(*checkpoint), receipt->proof->leaf_index, entry.entry_hash,
                canonical ? "checked" : "not checked (--data-file FILE checks it)"};
}

int run_check_receipt(const Context& context, const CheckOptions& options) {
  const auto key = load_vkey(options.vkey);
  if (!key) return report(context, key.error());
  const auto text = read_input(options.file);
  if (!text) return report(context, text.error());
  std::optional<std::string> data;
  if (!options.data_file.empty()) {
    auto read = read_input(options.data_file);
    if (!read) return report(context, read.error());
    data = std::move(*read);
  }
  const auto proven = check_receipt_text(*text, *key, data);
  return proven ? answer(context, *proven) : report_invalid(context, describe(proven.error()));
}

}  // namespace

void add_check_commands(CLI::App& app, Context& context) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* proof = app.add_subcommand("check-proof", "Check a proof file offline");
  proof->add_option("FILE", options->file, "The .tlog-proof; - is stdin")->required();
  add_vkey(*proof, options->vkey)->required();
  proof
      ->add_option("--entry", options->entry,
                   "An entry as JSON (vaultctl read --json): that this one, payload included, is the one proven")
      ->type_name("FILE");
  proof->footer(
      "Exit code 1 if the proof is malformed or does not check. Needs no daemon and no database.\n"
      "Example:\n  vaultctl check-proof 42.tlog-proof --vkey log.vkey --entry entry.json");
  proof->callback(
      [options, &context] { context.run = [options, &context] { return run_check_proof(context, *options); }; });

  CLI::App* receipt = app.add_subcommand("check-receipt", "Check a signed receipt offline");
  receipt->add_option("FILE", options->file, "The receipt (vaultctl seal --sign -o FILE); - is stdin")->required();
  add_vkey(*receipt, options->vkey)->required();
  receipt->add_option("--data-file", options->data_file, "The payload: that it is the one sealed; - is stdin")
      ->type_name("F");
  receipt->footer(
      "Exit code 1 if the receipt is malformed, not signed, or does not check. Needs no daemon and no database.\n"
      "Example:\n  vaultctl check-receipt receipt.json --vkey log.vkey --data-file payload.json");
  receipt->callback(
      [options, &context] { context.run = [options, &context] { return run_check_receipt(context, *options); }; });
}

}  // namespace vault::ctl
