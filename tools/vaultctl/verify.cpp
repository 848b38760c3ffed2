// vaultctl verify: checks the whole ledger, or a range, through vaultd or directly in Postgres; and against a
// checkpoint that was kept elsewhere, which is what detects a history that was rewritten as a whole.
#include <nlohmann/json.hpp>

#include <thread>

#include "store/postgres/place.hpp"
#include "tools/common/arguments.hpp"
#include "tools/common/files.hpp"
#include "tools/common/json_output.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/entry_range.hpp"
#include "tools/vaultctl/evidence.hpp"
#include "tools/vaultctl/findings.hpp"
#include "tools/vaultctl/schema_argument.hpp"

#include "ledger/checkpoint.hpp"
#include "ledger/verifier.hpp"
#include "store/postgres/store.hpp"
#include "store/verify.hpp"

namespace vault::ctl {
namespace {

constexpr std::size_t checkpoint_bytes_max = 1 << 20;

struct VerifyOptions {
  EntryRange range;
  std::string checkpoint, vkey, database, schema = default_schema;
};

struct Verified {
  VerifyResult result;
  std::string detail;        // for people
  std::optional<Entry> row;  // the row at the place of the finding, as far as it can be read
};

Verified refuse(Verified verified, std::int64_t sequence, FindingReason reason, std::string detail) {
  verified.result.valid = false;
  verified.result.first_invalid_sequence = sequence;
  verified.result.reason = std::string(finding_name(reason));
  verified.detail = std::move(detail);
  return verified;
}

// Compares a checkpoint kept elsewhere with the ledger that vaultd has just verified: one tree must be a prefix of the
// other, by a proof that is checked here.
Result<Verified> compare_checkpoint(Client& client, const Checkpoint& known, Verified verified) {
  const std::int64_t known_size = known.tree_size;
  const std::int64_t verified_size = verified.result.to;
  const auto mismatch = [&](const std::string& detail) {
    return refuse(std::move(verified), known_size, FindingReason::checkpoint_mismatch, detail);
  };
  const std::string not_prefix =
      "the tree of " + std::to_string(known_size) + " entries is not the one that was signed";
  if (known_size == verified_size) {
    return known.root == verified.result.merkle_root ? verified : mismatch(not_prefix);
  }
  const std::int64_t first = std::min(known_size, verified_size), second = std::max(known_size, verified_size);
  const auto proof = client.get_consistency_proof(first, second);
  if (!proof && proof.error().code == ErrorCode::not_found) {
    return refuse(std::move(verified), verified_size + 1, FindingReason::truncated,
                  "the checkpoint covers " + std::to_string(known_size) + " entries, and vaultd has fewer");
  }
  if (!proof) return tl::unexpected(proof.error());
  const Hash& known_root = known_size == first ? proof->first_root : proof->second_root;
  const Hash& verified_root = known_size == first ? proof->second_root : proof->first_root;
  if (known_root != known.root) return mismatch(not_prefix);
  const bool about_these = proof->first == first && proof->second == second;
  if (!about_these || verified_root != verified.result.merkle_root || !check_consistency(*proof)) {
    return mismatch("vaultd's proof that the signed tree is a part of this one does not check");
  }
  return verified;
}

Result<Verified> verify_online(const Context& context, const VerifyOptions& options,
                               const std::optional<Checkpoint>& known, std::string& raw) {
  auto client = connect_daemon(context.globals);
  if (!client) return tl::unexpected(client.error());
  const auto range = find_range(
      options.range, [&](const PageRequest& page) { return (*client)->list_entries(page).and_then(of_ledger); });
  if (!range) return tl::unexpected(range.error());
  ProgressBar bar("verifying", !context.globals.json);
  const VerifyRangeRequest request{.from = range->from, .to = range->to, .progress = true};
  const auto reply = (*client)->call(request, [&bar](std::int64_t checked, std::int64_t total) {
    bar.update(static_cast<std::uint64_t>(checked), static_cast<std::uint64_t>(total));
  });
  bar.finish();
  if (!reply) return tl::unexpected(reply.error());
  auto result = decode_verify(*reply);
  if (!result) return tl::unexpected(result.error());
  Verified verified{std::move(*result), {}, {}};
  if (!verified.result.valid && !context.globals.json && verified.result.first_invalid_sequence.value_or(0) > 0) {
    if (auto row = (*client)->get_entry_by_sequence(*verified.result.first_invalid_sequence)) verified.row = *row;
  }
  if (verified.result.valid && known) {
    auto compared = compare_checkpoint(**client, *known, verified);
    if (!compared || !compared->result.valid) return compared;
  }
  raw = *reply;
  return verified;
}

// The row at a finding; nothing if it cannot be read: then it is only not shown.
std::optional<Entry> read_row(ReaderStore& reader, std::int64_t sequence) {
  const auto snapshot = reader.snapshot();
  if (!snapshot) return std::nullopt;
  return (*snapshot)->entry_by_sequence(sequence).value_or(std::nullopt);
}

Result<Verified> verify_database(const Context& context, const VerifyOptions& options,
                                 const std::optional<Checkpoint>& known) {
  PostgresOptions postgres;
  postgres.url = options.database;
  postgres.schema = options.schema;
  postgres.application_name = "vaultctl verify";
  const auto reader = make_postgres_reader(postgres);
  const auto range = find_range(options.range, [&](const PageRequest& page) -> Result<Page> {
    const auto snapshot = reader->snapshot();
    if (!snapshot) return tl::unexpected(snapshot.error());
    return (*snapshot)->page(page);
  });
  if (!range) return tl::unexpected(range.error());
  LedgerVerification request;
  request.from = range->from;
  request.to = range->to;
  request.threads = std::thread::hardware_concurrency();
  if (known) request.known.push_back(*known);
  ProgressBar bar("verifying", !context.globals.json);
  const auto started = std::chrono::steady_clock::now();
  const auto report = verify_ledger(*reader, request, [&bar](std::int64_t checked, std::int64_t total) {
    bar.update(static_cast<std::uint64_t>(checked), static_cast<std::uint64_t>(total));
    return true;
  });
  bar.finish();
  if (!report) return tl::unexpected(report.error());
  Verified verified;
  verified.result.valid = true;
  verified.result.checked = report->checked;
  verified.result.from = report->from;
  verified.result.to = report->to;
  verified.result.head_hash = report->end.head.entry_hash;
  verified.result.merkle_root = report->end.head.merkle_root;
  verified.result.elapsed_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started).count();
  if (!report->finding) return verified;
  const Finding& finding = *report->finding;
  if (!context.globals.json && finding.sequence > 0) verified.row = read_row(*reader, finding.sequence);
  return refuse(std::move(verified), finding.sequence, finding.reason, finding.detail);
}

std::string to_json(const VerifyResult& result) {
  using Json = nlohmann::ordered_json;
  const Json none;
  return Json{{"valid", result.valid},
              {"first_invalid_sequence", result.first_invalid_sequence ? Json(*result.first_invalid_sequence) : none},
              {"reason", result.reason ? Json(*result.reason) : none},
              {"checked", result.checked},
              {"from", result.from},
              {"to", result.to},
              {"head_hash", to_hex(result.head_hash)},
              {"merkle_root", to_hex(result.merkle_root)},
              {"elapsed_ms", result.elapsed_ms}}
      .dump();
}

int answer(const Context& context, const Verified& verified, const std::string& raw, bool compared) {
  const VerifyResult& result = verified.result;
  const int code = result.valid ? exit_done : exit_no;
  if (context.globals.json) {
    const auto json = raw.empty() ? Result<std::string>(to_json(result)) : msgpack_to_json(raw);
    if (!json) return report(context, json.error());
    print_line(*json);
    return finish_output(code);
  }
  if (result.valid) {
    const std::string range = result.to < result.from || result.to == 0
                                  ? "the ledger is empty"
                                  : "entries " + std::to_string(result.from) + " to " + std::to_string(result.to);
    print_line(coloured("VALID", Colour::green) + "  " + range + ", " + std::to_string(result.checked) +
               " checked in " + describe_duration(std::chrono::milliseconds(result.elapsed_ms)));
    print_fields({{"head hash", to_hex(result.head_hash)}, {"merkle root", to_hex(result.merkle_root)}});
    if (compared) print_line("It continues the checkpoint.");
    return finish_output(code);
  }
  print_line(coloured("INVALID", Colour::red) + "  at sequence " +
             std::to_string(result.first_invalid_sequence.value_or(0)) + ": " +
             printable(result.reason.value_or("unknown")));
  if (!verified.detail.empty()) print_line(printable(verified.detail));
  const std::string meaning = explain_finding(result.reason.value_or(""));
  if (!meaning.empty()) {
    print_line("");
    print_paragraph(meaning);
  }
  if (verified.row) {
    print_line("\nThe row now says (nobody can tell which of it is true):");
    print_fields(entry_fields(*verified.row));
  }
  print_line("");
  print_paragraph(finding_first_steps);
  return finish_output(code);
}

int run_verify(const Context& context, const VerifyOptions& options) {
  if (const Status fits = check_range(options.range); !fits) return report(context, fits.error());
  std::optional<Checkpoint> known;
  if (!options.checkpoint.empty()) {
    const auto key = load_vkey(options.vkey);
    if (!key) return report(context, key.error());
    const auto note = read_input(options.checkpoint, checkpoint_bytes_max);
    if (!note) return report(context, note.error());
    const auto checkpoint = open_checkpoint(*note, *key);
    if (!checkpoint) return report_invalid(context, "the checkpoint does not check: " + checkpoint.error().message);
    known = *checkpoint;
  }
  std::string raw;
  const Asked asked = options.database.empty() ? Asked::vaultd : Asked::database;
  const auto verified =
      asked == Asked::vaultd ? verify_online(context, options, known, raw) : verify_database(context, options, known);
  if (!verified) return report(context, verified.error(), asked);
  return answer(context, *verified, raw, known.has_value());
}

}  // namespace

void add_verify(CLI::App& app, Context& context) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app.add_subcommand("verify", "Recompute every hash and compare; name the first entry that fails");
  add_range(*command, options->range, "check");
  CLI::Option* vkey = add_vkey(*command, options->vkey);
  command->add_option("--checkpoint", options->checkpoint, "A checkpoint kept elsewhere that the ledger must continue")
      ->type_name("FILE")
      ->needs(vkey);
  command->add_option("--database", options->database, "Check directly in this database, trusting no daemon")
      ->type_name("URL");
  add_schema(*command, options->schema);
  command->footer(
      "Exit code 1 and the sequence and reason if something does not fit.\n"
      "Examples:\n"
      "  vaultctl verify\n"
      "  vaultctl verify --from yesterday\n"
      "  vaultctl verify --checkpoint kept.txt --vkey log.vkey\n"
      "  vaultctl verify --database postgresql:///vault");
  command->callback(
      [options, &context] { context.run = [options, &context] { return run_verify(context, *options); }; });
}

}  // namespace vault::ctl
