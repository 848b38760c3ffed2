// vaultctl archive, check-archive, restore: the ledger as a directory of files (docs/archive.md), and back.
#include <cstdlib>

#include "ledger/passwords.hpp"
#include "ledger/quantity.hpp"
#include "os/clock.hpp"
#include "store/postgres/place.hpp"
#include "tools/common/arguments.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/archive_output.hpp"
#include "tools/vaultctl/archive_source.hpp"
#include "tools/vaultctl/schema_argument.hpp"

#include "store/postgres/store.hpp"

namespace vault::ctl {
namespace {

constexpr std::string_view goes_on =
    "the archive's checkpoint is what it was before; run the same command again to go on where this one ended";

struct ArchiveOptions {
  std::string directory, database, vkey, schema = default_schema;
  std::optional<std::chrono::seconds> older_than;
  bool no_payloads = false;
};

Timestamp now() {
  return {wall_clock_micros()};
}

int archive_from(const Context& context, const ArchiveOptions& options, ArchiveSource& source, Asked asked) {
  ArchiveRequest request{options.directory, !options.no_payloads, std::nullopt};
  if (options.older_than) request.not_after = Timestamp{now().micros - options.older_than->count() * 1'000'000};
  ProgressBar bar("archiving", !context.globals.json);
  const auto result =
      write_archive(source, request, [&bar](std::uint64_t done, std::uint64_t total) { bar.update(done, total); });
  bar.finish();
  if (result) return answer_archive(context, options.directory, *result);
  const bool begun = result.error().code == ErrorCode::unavailable;
  return report_failure(context, result.error(), begun ? goes_on : "", asked);
}

int run_archive(const Context& context, const ArchiveOptions& options) {
  if (options.database.empty()) {
    auto client = connect_daemon(context.globals);
    if (!client) return report(context, client.error());
    return archive_from(context, options, *make_daemon_archive_source(**client), Asked::vaultd);
  }
  if (const Status good = check_database({options.database, options.schema}); !good)
    return report_failure(context, good.error(), "", Asked::database);
  PostgresOptions postgres;
  postgres.url = options.database;
  postgres.schema = options.schema;
  postgres.application_name = "vaultctl archive";
  const auto reader = make_postgres_reader(postgres);
  return archive_from(context, options, *make_store_archive_source(*reader), Asked::database);
}

int run_check_archive(const Context& context, const ArchiveOptions& options) {
  const auto key = load_vkey(options.vkey);
  if (!key) return report(context, key.error());
  const auto directory = ArchiveDirectory::open(options.directory);
  if (!directory) return report(context, directory.error());
  ProgressBar bar("checking", !context.globals.json);
  const auto checked = check_archive(*directory, *key, nullptr,
                                     [&bar](std::uint64_t done, std::uint64_t total) { bar.update(done, total); });
  bar.finish();
  if (!checked) return report(context, checked.error());
  return answer_check(context, options.directory, *checked);
}

int run_restore(const Context& context, ArchiveOptions options) {
  if (options.database.empty()) {
    const char* url = std::getenv("DATABASE_URL");
    if (url != nullptr) options.database = url;
  }
  if (options.database.empty()) {
    return report(context,
                  {ErrorCode::invalid_argument, "name the database with --database URL (or DATABASE_URL)", {}});
  }
  const auto key = load_vkey(options.vkey);
  if (!key) return report(context, key.error());
  const auto directory = ArchiveDirectory::open(options.directory);
  if (!directory) return report(context, directory.error());
  std::string stage_now;
  std::optional<ProgressBar> bar;
  const auto restored = restore_archive(*directory, *key, PostgresPlace{options.database, options.schema},
                                        [&](std::string_view stage, std::uint64_t done, std::uint64_t total) {
                                          if (stage != stage_now)
                                            bar.emplace(std::string(stage_now = stage), !context.globals.json);
                                          bar->update(done, total);
                                        });
  bar.reset();
  if (restored) return answer_restore(context, options.directory, *restored);
  return report_failure(context, restored.error().error,
                        restored.error().in_doubt ? "" : "nothing was written to the database", Asked::database);
}

void add_archive(CLI::App& app, Context& context) {
  auto options = std::make_shared<ArchiveOptions>();
  CLI::App* command =
      app.add_subcommand("archive", "Write the ledger into a directory of files, or bring one up to date");
  command->add_option("--out", options->directory, "The directory; created if it is missing")
      ->required()
      ->type_name("DIR");
  command->add_option("--database", options->database, "Read directly from this database instead of asking vaultd")
      ->type_name("URL");
  add_schema(*command, options->schema);
  command
      ->add_option_function<std::string>(
          "--older-than",
          [options](const std::string& text) {
            const auto age = parse_age(text);
            if (!age) {
              throw CLI::ValidationError(
                  "--older-than",
                  "must be an age with its unit, such as 365d, 12h or 30m, not " + quoted_unless_secret(text));
            }
            options->older_than = std::chrono::duration_cast<std::chrono::seconds>(*age);
          },
          "End at the largest stored checkpoint whose last entry is that old: 365d, 12h, 30m")
      ->type_name("AGE");
  command->add_flag("--no-payloads", options->no_payloads, "For publication: leave payloads and salts out");
  command->footer(
      "Every row is hashed anew; one that does not verify stops the archive and is named. What an earlier run has\n"
      "written is kept and continued, also after a crash. The directory is a C2SP tlog-tiles log.\n"
      "Examples:\n"
      "  vaultctl archive --out /var/backups/vault\n"
      "  vaultctl archive --out /srv/www/log --no-payloads --database postgresql:///vault");
  command->callback(
      [options, &context] { context.run = [options, &context] { return run_archive(context, *options); }; });
}

void add_check_archive(CLI::App& app, Context& context) {
  auto options = std::make_shared<ArchiveOptions>();
  CLI::App* command = app.add_subcommand("check-archive", "Recompute everything in an archive; name every bad file");
  command->add_option("directory", options->directory, "The archive")->required()->type_name("DIR");
  add_vkey(*command, options->vkey)->required();
  command->footer(
      "Needs no daemon and no database. Exit code 1 if a file is bad or missing. Files that do not belong "
      "to\n"
      "the archive are reported, and do no harm.\n"
      "Example:\n  vaultctl check-archive /var/backups/vault --vkey log.vkey");
  command->callback(
      [options, &context] { context.run = [options, &context] { return run_check_archive(context, *options); }; });
}

void add_restore(CLI::App& app, Context& context) {
  auto options = std::make_shared<ArchiveOptions>();
  CLI::App* command = app.add_subcommand("restore", "Write an archive into a database that holds no ledger");
  command->add_option("--from", options->directory, "The archive")->required()->type_name("DIR");
  add_vkey(*command, options->vkey)->required();
  command->add_option("--database", options->database, "libpq connection string or URI [DATABASE_URL]")
      ->type_name("URL");
  add_schema(*command, options->schema);
  command->footer(
      "Checks the whole archive first, makes the schema if there is none, and writes everything in one "
      "transaction:\n"
      "afterwards the database holds the archive's tree, or its previous contents.\n"
      "Example:\n  createdb vault && vaultctl restore --from /var/backups/vault --vkey log.vkey --database "
      "postgresql:///vault");
  command->callback(
      [options, &context] { context.run = [options, &context] { return run_restore(context, *options); }; });
}

}  // namespace

void add_archive_commands(CLI::App& app, Context& context) {
  add_archive(app, context);
  add_check_archive(app, context);
  add_restore(app, context);
}

}  // namespace vault::ctl
