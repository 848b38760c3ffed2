// vaultctl seal: one seal, or with --batch a stream of them (seal_batch.cpp).
#include <thread>

#include "tools/common/connect.hpp"
#include "tools/common/files.hpp"
#include "tools/common/json_output.hpp"
#include "tools/common/seal_ids.hpp"
#include "tools/common/terminal.hpp"
#include "tools/common/verdicts.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/output_file.hpp"
#include "tools/vaultctl/seal_batch.hpp"

namespace vault::ctl {
namespace {

constexpr mode_t receipt_mode = 0600;  // it holds data_salt, with which its holder can test guesses at the payload

struct SealOptions {
  std::string session, authority, verdict, seal_id;
  std::optional<std::string> data, data_file;
  std::string input;  // the positional: "-" for one seal, the file for --batch
  bool batch = false, sign = false, resume = false;
  OutputOptions out;
};

Result<SealDraft> make_draft(const SealOptions& options) {
  const auto missing = [](const char* flag) {
    return fail(ErrorCode::invalid_argument, std::string(flag) + " is needed (or --batch)");
  };
  if (options.session.empty()) return missing("--session");
  if (options.authority.empty()) return missing("--authority");
  if (options.verdict.empty()) return missing("--verdict");
  const int sources = (options.data ? 1 : 0) + (options.data_file ? 1 : 0) + (options.input.empty() ? 0 : 1);
  if (sources != 1) {
    return fail(ErrorCode::invalid_argument, "the payload comes from exactly one of --data, --data-file and -");
  }
  if (!options.input.empty() && options.input != "-") {
    return fail(ErrorCode::invalid_argument, "a payload file is given as --data-file " + options.input);
  }
  SealDraft draft{options.session, options.authority, options.verdict, {}, options.seal_id};
  if (options.data) {
    draft.seal_data = *options.data;
    return draft;
  }
  auto text = read_input(options.data_file.value_or("-"));
  if (!text) return tl::unexpected(text.error());
  draft.seal_data = std::move(*text);
  return draft;
}

// Sends until there is an answer other than `busy`, or the timeout has passed.
Result<std::string> call_patiently(Client& client, const SealRequest& request, std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (std::chrono::milliseconds pause{20};; pause = std::min(pause * 2, std::chrono::milliseconds(1'000))) {
    auto result = client.call(request);
    if (result || result.error().code != ErrorCode::busy) return result;
    if (std::chrono::steady_clock::now() + pause >= until) return result;
    std::this_thread::sleep_for(pause);
  }
}

EntryView shown_entry(const AnyReceipt& receipt) {
  if (const auto* kept = std::get_if<KeptReceipt>(&receipt)) return kept->seal;
  return std::get<Receipt>(receipt).entry;
}

void print_receipt(const AnyReceipt& receipt) {
  Fields fields = entry_fields(shown_entry(receipt));
  if (is_duplicate(receipt)) {
    fields.emplace_back("duplicate", "yes: this seal_id was sealed before, with the same content");
  }
  if (const auto* sealed = std::get_if<Receipt>(&receipt); sealed != nullptr && sealed->proof) {
    fields.emplace_back("signed", "tree of " + std::to_string(sealed->proof->tree_size) + " entries");
  }
  print_fields(fields);
}

// `json` is the receipt as it was to be written. It goes to stdout instead, because it must not be lost.
int report_unkept(const Context& context, const EntryView& entry, const std::string& json, const Error& error) {
  print_line(json);
  const std::string where = entry.sealed == nullptr ? "" : " as " + std::to_string(entry.sealed->sequence);
  print_problem("it is sealed" + where + ", but the receipt could not be kept: " + error.message +
                "; it is on standard output instead");
  if (!context.globals.json) print_hint("do not seal it again: --seal-id " + format_uuid(entry.seal_id));
  return finish_output(exit_environment);
}

// Everything that can fail on this side has succeeded before anything is sealed.
int seal_and_keep(const Context& context, Seal seal, bool sign, OutputFile output, const std::string& path) {
  auto client = connect_daemon(context.globals);
  if (!client) return report(context, client.error());
  const Uuid seal_id = *seal.seal_id;
  const SealRequest request{.seals = {std::move(seal)}, .batch = false, .sign = sign};
  const auto result = call_patiently(**client, request, context.globals.timeout);
  if (!result) {
    const int code = report(context, result.error());
    // Even with --json: without this seal_id, which may have been drawn here, trying again may seal it twice.
    const bool sent = !is_unreachable(result.error()) && result.error().code != ErrorCode::busy;
    if (code == exit_unavailable && sent) {
      print_hint("it may be sealed all the same: run it again with --seal-id " + format_uuid(seal_id) +
                 ", which seals nothing twice");
    }
    return code;
  }
  const auto json = msgpack_to_json(*result);
  if (!json) return report(context, json.error());
  const auto receipt = decode_receipt(*result);
  if (!receipt) return report(context, receipt.error());
  const EntryView entry = shown_entry(*receipt);
  if (const Status written = output.write(*json + "\n"); !written) {
    return report_unkept(context, entry, *json, written.error());
  }
  if (context.globals.json) {
    if (path != "-") print_line(*json);
  } else if (path.empty()) {
    print_receipt(*receipt);
  } else if (path != "-") {
    print_line((entry.sealed == nullptr ? "kept by the emergency mode, not in the chain yet"
                                        : "sealed as " + std::to_string(entry.sealed->sequence)) +
               "; receipt in " + path);
  }
  return finish_output(exit_done);
}

int run_seal(const Context& context, const SealOptions& options) {
  if (options.resume) return report(context, {ErrorCode::invalid_argument, "--resume goes with --batch FILE", {}});
  const auto draft = make_draft(options);
  if (!draft) return report(context, draft.error());
  auto seal = check_seal(*draft);
  if (!seal) return report(context, seal.error());
  if (!seal->seal_id) seal->seal_id = draw_seal_id();
  auto output = OutputFile::open(options.out, receipt_mode);
  if (!output) return report(context, output.error());
  return seal_and_keep(context, std::move(*seal), options.sign, std::move(*output), options.out.path);
}

int run(const Context& context, const SealOptions& options) {
  if (!options.batch) return run_seal(context, options);
  const bool single = !options.session.empty() || !options.authority.empty() || !options.verdict.empty() ||
                      !options.seal_id.empty() || options.data || options.data_file || !options.out.path.empty();
  if (single) {
    return report(context, {ErrorCode::invalid_argument,
                            "with --batch everything about a seal is in its line; only --sign and --resume go with it",
                            {}});
  }
  return run_seal_batch(
      context, {.path = options.input.empty() ? "-" : options.input, .sign = options.sign, .resume = options.resume});
}

}  // namespace

void add_seal(CLI::App& app, Context& context) {
  auto options = std::make_shared<SealOptions>();
  CLI::App* command = app.add_subcommand("seal", "Seal a record (or many) and print the receipt");
  command->add_option("--session", options->session, "Session the record belongs to, 1-256 bytes")->type_name("S");
  command->add_option("--authority", options->authority, "Who vouches for it, 1-256 bytes")->type_name("A");
  command->add_option("--verdict", options->verdict, "SEAL, PARTIAL, SABAR, VOID, 888_HOLD or SUNSET")->type_name("V");
  command->add_option("--data", options->data, "The payload: a JSON object")->type_name("JSON");
  command->add_option("--data-file", options->data_file, "The payload from a file; - is stdin")->type_name("F");
  command
      ->add_option("--seal-id", options->seal_id,
                   "UUID that makes the seal idempotent: sealing the same again returns the first receipt")
      ->type_name("U");
  command->add_flag("--sign", options->sign,
                    "Wait for the checkpoint that covers the entry; the receipt proves itself");
  add_output(*command, options->out, "Write the receipt there as JSON (mode 0600); never over a file that is there");
  command->add_flag("--batch", options->batch,
                    "Seal the JSON objects on the lines of FILE or stdin: {session_id, authority, verdict, seal_data, "
                    "seal_id?}; receipts as NDJSON in the same order");
  command->add_flag("--resume", options->resume,
                    "With --batch FILE: draw the seal_id of a line that has none from FILE's path and the line's "
                    "number, so that a second run seals nothing twice");
  command->add_option("FILE", options->input,
                      "With --batch the file to read [stdin]; without, - for a payload on stdin");
  command->footer(
      verdicts_explained() +
      "Examples:\n"
      "  vaultctl seal --session s-1 --authority deploy-bot --verdict SEAL --data '{\"commit\":\"9f3c\"}'\n"
      "  vaultctl seal --session s-1 --authority deploy-bot --verdict VOID --data-file - --sign -o receipt.json < "
      "why.json\n"
      "  vaultctl seal --batch --resume seals.ndjson > receipts.ndjson\n\n"
      "--batch: a line that cannot be sealed is answered by an error map with its `line`; the others go on. Unknown\n"
      "members are refused, except names that begin with x-, which are ignored. Ctrl-C reads no further, waits for\n"
      "outstanding receipts, and says how to continue: exit code 130; a second Ctrl-C ends at once.\n"
      "Exit code 4: it is sealed, but -o could not be written; the receipt is on standard output instead.\n"
      "Exit code 3 if vaultd could not take some, else 4 after an internal error, else 1 if it refused some, else 2 if "
      "lines were wrong.");
  command->callback([options, &context] { context.run = [options, &context] { return run(context, *options); }; });
}

}  // namespace vault::ctl
