// vaultctl check, check-proof, check-receipt: offline checks. No daemon, no database, only files and the log's key.
//
// The file being checked is evidence: a malformed one proves nothing, so the answer is no (exit 1), as for one that
// does not check. A path that leads nowhere and a key that is not a key are wrong usage (exit 2); a file that may not
// be read is neither (exit 4).
#include <nlohmann/json.hpp>

#include "tools/common/arguments.hpp"
#include "tools/common/files.hpp"
#include "tools/vaultctl/check_files.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/foreign_file.hpp"
#include "tools/vaultctl/offline_check.hpp"
#include "tools/vaultctl/proven_output.hpp"

namespace vault::ctl {
namespace {

constexpr std::size_t proof_bytes_max = 1 << 20;  // a leaf, 63 hashes and a note are far smaller

struct CheckOptions {
  std::string file, vkey;
  std::string entry;      // check-proof
  std::string data_file;  // check-receipt
};

int answer(const Context& context, const Proven& proven) {
  if (context.globals.json) {
    print_line(proven_json(proven).dump());
  } else {
    print_proven(proven);
  }
  return finish_output(exit_done);
}

// Of a file that did not check: no forgery if it is something else altogether.
int report_unproven(const Context& context, const std::string& path, const std::string& text, const Error& error,
                    Evidence wanted) {
  if (const std::string what = describe_foreign(text); !what.empty()) {
    return report(context, {ErrorCode::invalid_argument, path + " looks like " + what, {}});
  }
  return report_invalid(context, why_invalid(error, text, wanted));
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
  return proven ? answer(context, *proven)
                : report_unproven(context, options.file, *text, proven.error(), Evidence::proof);
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
  return proven ? answer(context, *proven)
                : report_unproven(context, options.file, *text, proven.error(), Evidence::receipt);
}

void add_check_proof(CLI::App& app, Context& context) {
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
}

void add_check_receipt(CLI::App& app, Context& context) {
  auto options = std::make_shared<CheckOptions>();
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

void add_check(CLI::App& app, Context& context) {
  auto options = std::make_shared<CheckFilesOptions>();
  CLI::App* check = app.add_subcommand("check", "Check evidence offline, whatever it is");
  check->add_option("FILE", options->files, "Receipts, proofs, entries, checkpoints; directories of archives")
      ->required()
      ->type_name("FILE...");
  add_vkey(*check, options->vkey)->required();
  check->footer(
      "Finds out by itself what each file is, and shows what is proven: which entry, of whom, when, with what "
      "verdict.\n"
      "An entry (vaultctl read --json) is checked with the proof of the same sequence among the files, a payload with\n"
      "the receipt whose payload it is. Exit code 1 if anything is malformed or does not check. Needs no daemon and "
      "no\n"
      "database.\n"
      "Examples:\n"
      "  vaultctl check receipt.json payload.json --vkey log.vkey\n"
      "  vaultctl check 42.tlog-proof entry.json /srv/archive --vkey log.vkey");
  check->callback(
      [options, &context] { context.run = [options, &context] { return run_check_files(context, *options); }; });
}

}  // namespace

void add_check_commands(CLI::App& app, Context& context) {
  add_check(app, context);
  add_check_proof(app, context);
  add_check_receipt(app, context);
}

}  // namespace vault::ctl
