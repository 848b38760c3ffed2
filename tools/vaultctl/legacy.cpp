// vaultctl legacy: reads and imports the filesystem vault that the ledger replaced (docs/legacy.md).
#include "tools/vaultctl/legacy.hpp"

#include <algorithm>
#include <memory>

#include "tools/common/arguments.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/schema_argument.hpp"

namespace vault::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t name_columns_max = 40;

struct LegacyOptions {
  std::string directory, session, database, schema = default_schema;
  std::optional<std::int64_t> limit;
  bool dry_run = false;
};

// A record without its payload: small enough to keep all of a vault's.
struct Listed {
  Json json;
  LegacyPlace place;
  std::optional<Timestamp> time;
  std::string session_id;
  Verdict verdict = Verdict::seal;
};

void print_document(Json document, const LegacyDirectory& directory, const LegacySummary& summary) {
  document["ignored"] = directory.ignored();
  document["problems"] = problems_json(summary.problems);
  print_line(document.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// Passes every record to `take`, and reports every problem to the user.
template <class Take>
void read_all(const Context& context, LegacyDirectory& directory, LegacySummary& summary, const Take& take) {
  ProgressBar bar("reading", !context.globals.json);
  while (auto item = directory.next()) {
    if (item->problem) {
      bar.finish();
      report_problem(context, std::move(*item->problem), summary);
    }
    if (item->record) {
      add_record(*item->record, summary);
      take(std::move(*item->record));
    }
    bar.update(directory.bytes_done() >> 10, directory.bytes_total() >> 10, "KiB");
  }
}

int run_stats(const Context& context, const LegacyOptions& options) {
  auto directory = LegacyDirectory::open(options.directory);
  if (!directory) return report(context, directory.error());
  LegacySummary summary;
  read_all(context, *directory, summary, [](const LegacyRecord&) {});
  if (context.globals.json) {
    print_document(summary_json(summary), *directory, summary);
  } else {
    print_summary(summary, directory->ignored());
  }
  return finish_output(exit_done);
}

void print_list(const std::vector<Listed>& records, std::size_t count) {
  Table table({"TIME", "KIND", "VERDICT", "SESSION", "WHERE"});
  for (std::size_t i = 0; i < count; ++i) {
    const Listed& one = records[i];
    const std::string line = one.place.line > 0 ? ":" + std::to_string(one.place.line) : "";
    table.add({{one.time ? shown_time(*one.time) : "-"},
               {std::string(legacy_kind_name(one.place.kind))},
               {std::string(verdict_name(one.verdict)), verdict_colour(one.verdict)},
               {cut_to_columns(printable(one.session_id), name_columns_max)},
               {printable(one.place.source + line), Colour::dim}});
  }
  if (table.empty())
    print_note("no records");
  else
    table.print();
}

int run_list(const Context& context, const LegacyOptions& options) {
  auto directory = LegacyDirectory::open(options.directory);
  if (!directory) return report(context, directory.error());
  LegacySummary summary;
  std::vector<Listed> records;
  read_all(context, *directory, summary, [&](LegacyRecord record) {
    records.push_back({context.globals.json ? record_json(record) : Json(), std::move(record.place), record.time,
                       std::move(record.seal.session_id), record.seal.verdict});
  });
  // Newest first; those without a time last; ties are ordered by place, so that the order is always the same.
  std::stable_sort(records.begin(), records.end(), [](const Listed& a, const Listed& b) {
    if (a.time != b.time) return a.time > b.time;
    return std::pair(a.place.source, a.place.line) < std::pair(b.place.source, b.place.line);
  });
  const std::size_t count =
      options.limit ? std::min(records.size(), static_cast<std::size_t>(*options.limit)) : records.size();
  if (!context.globals.json) {
    print_list(records, count);
    if (count < records.size()) print_note(std::to_string(records.size() - count) + " more without --limit");
    return finish_output(exit_done);
  }
  Json listed = Json::array();
  for (std::size_t i = 0; i < count; ++i) listed.push_back(std::move(records[i].json));
  print_document({{"records", std::move(listed)}}, *directory, summary);
  return finish_output(exit_done);
}

void print_record(const LegacyRecord& record) {
  const std::string line = record.place.line > 0 ? ":" + std::to_string(record.place.line) : "";
  Fields fields{{"kind", std::string(legacy_kind_name(record.place.kind))},
                {"where", printable(record.place.source + line)},
                {"session", printable(record.seal.session_id)},
                {"timestamp", printable(record.timestamp)},
                {"verdict", std::string(verdict_name(record.seal.verdict))}};
  if (record.mapped_from) fields.emplace_back("original verdict", printable(*record.mapped_from));
  if (record.hash != LegacyHash::none) {
    fields.emplace_back("entry_hash", record.hash == LegacyHash::valid ? "fits" : "WRONG");
  }
  fields.emplace_back("seal id", record.seal.seal_id ? format_uuid(*record.seal.seal_id) : "");
  fields.emplace_back("sha256", to_hex(record.sha256));
  fields.emplace_back("payload", printable(record.seal.seal_data));
  print_fields(fields);
}

int run_read(const Context& context, const LegacyOptions& options) {
  auto directory = LegacyDirectory::open(options.directory);
  if (!directory) return report(context, directory.error());
  LegacySummary summary;
  std::string documents;
  std::size_t found = 0;
  read_all(context, *directory, summary, [&](const LegacyRecord& record) {
    if (record.seal.session_id != options.session) return;
    if (!context.globals.json) {
      if (found > 0) print_line("");
      print_record(record);
    } else {
      // The payload as text: a round trip through Json would round its numbers.
      std::string text = record_json(record).dump(-1, ' ', false, Json::error_handler_t::replace);
      text.insert(text.size() - 1, ",\"seal_data\":" + record.seal.seal_data);
      documents += (found > 0 ? "," : "") + text;
    }
    ++found;
  });
  if (found == 0) {
    return report(context, {ErrorCode::not_found, "there is no record of session " + options.session, "session"});
  }
  if (context.globals.json) {
    print_line("{\"records\":[" + documents + "],\"problems\":" +
               problems_json(summary.problems).dump(-1, ' ', false, Json::error_handler_t::replace) + "}");
  }
  return finish_output(exit_done);
}

using Options = std::shared_ptr<LegacyOptions>;

CLI::App* add_action(CLI::App& legacy, const std::string& name, const std::string& help, const Options& options,
                     Context& context, int (*run)(const Context&, const LegacyOptions&)) {
  CLI::App* action = legacy.add_subcommand(name, help);
  action->add_option("DIR", options->directory, "The vault's directory, which holds ledger.jsonl and BBB_LEDGER/")
      ->required();
  action->callback(
      [options, &context, run] { context.run = [options, &context, run] { return run(context, *options); }; });
  return action;
}

int run_import(const Context& context, const LegacyOptions& options) {
  if (options.directory.empty() == options.database.empty()) {
    return report(context, {ErrorCode::invalid_argument, "import needs either a directory or --database", ""});
  }
  if (options.database.empty()) return run_legacy_import(context, options.directory, options.dry_run);
  return run_legacy_import(context, PostgresPlace(options.database, options.schema), options.dry_run);
}

void add_import(CLI::App& legacy, const Options& options, Context& context) {
  CLI::App* import =
      add_action(legacy, "import", "Seal every record that is not in the ledger yet", options, context, run_import);
  import->get_option("DIR")->required(false);
  CLI::Option* database = import->add_option("--database", options->database,
                                             "In place of DIR: the database of the old service's table vault_ledger");
  database->type_name("URL");
  add_schema(*import, options->schema)
      ->description("The schema that holds that table, where it is not \"public\"")
      ->needs(database);
  import->add_flag("--dry-run", options->dry_run, "Only count and say what would happen; vaultd is not asked");
  import->footer(
      "Every record is sealed with authority legacy_migration under a seal_id made from its place and bytes: a second\n"
      "run seals nothing twice, and continues one that was cut short. Files written by vaultd's emergency mode keep\n"
      "their seal_id, session, authority, verdict and payload. Exit code 1 if anything was reported, 3 if vaultd could "
      "not\n"
      "take them all. With --database the old chain is checked, too; what is wrong with a row is kept with it, and\n"
      "reported when the row is sealed for the first time.\n"
      "Examples:\n"
      "  vaultctl legacy import /srv/VAULT999\n"
      "  vaultctl legacy import --database postgresql://reader@db.example.org/old --dry-run");
}

}  // namespace

void add_legacy(CLI::App& app, Context& context) {
  auto options = std::make_shared<LegacyOptions>();
  CLI::App* legacy = app.add_subcommand("legacy", "Read a filesystem vault, or import it into the ledger");
  legacy->require_subcommand(1);
  add_action(*legacy, "stats", "Count what is there", options, context, run_stats);
  CLI::App* list = add_action(*legacy, "list", "List the records, newest first", options, context, run_list);
  add_integer(*list, "--limit", options->limit, 1, "At most this many");
  CLI::App* read = add_action(*legacy, "read", "Show the records of a session", options, context, run_read);
  read->add_option("--session", options->session, "The session")->required()->type_name("S");
  add_import(*legacy, options, context);
  legacy->footer(
      "DIR is only read. Broken records are reported on stderr (with --json: in `problems`) and skipped.\n"
      "Examples:\n"
      "  vaultctl legacy stats /srv/VAULT999\n"
      "  vaultctl legacy read /srv/VAULT999 --session sess-2026-01-05\n"
      "  vaultctl legacy import /srv/VAULT999 --dry-run");
}

}  // namespace vault::ctl
