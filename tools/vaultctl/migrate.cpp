// vaultctl migrate: migrates a database's schema up or down, shows its state, or distributes it over a Citus cluster.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "store/postgres/distribute.hpp"
#include "store/postgres/migrator.hpp"
#include "store/postgres/place.hpp"
#include "tools/common/arguments.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/schema_argument.hpp"

namespace vault::ctl {
namespace {

struct MigrateOptions {
  std::string action, database, schema = default_schema;
  bool destroy = false;
};

nlohmann::ordered_json to_json(const std::vector<MigrationStatus>& migrations) {
  auto list = nlohmann::ordered_json::array();
  for (const MigrationStatus& migration : migrations) {
    list.push_back({{"version", migration.version},
                    {"name", migration.name},
                    {"applied", migration.applied},
                    {"applied_at", migration.applied_at.empty() ? nlohmann::ordered_json()
                                                                : nlohmann::ordered_json(migration.applied_at)},
                    {"checksum_matches", migration.checksum_matches}});
  }
  return list;
}

void print_status(const std::vector<MigrationStatus>& migrations) {
  Table table({"VERSION", "NAME", "APPLIED", "CHECKSUM"});
  for (const MigrationStatus& migration : migrations) {
    table.add({{std::to_string(migration.version), Colour::none, true},
               {printable(migration.name)},
               {migration.applied ? printable(migration.applied_at) : "no",
                migration.applied ? Colour::green : Colour::yellow},
               {migration.checksum_matches ? "matches" : "DIFFERS from this build's",
                migration.checksum_matches ? Colour::none : Colour::red}});
  }
  table.print();
}

int show(const Context& context, const MigrateOptions& options, const std::vector<MigrationStatus>& migrations) {
  if (context.globals.json) {
    const char* member = options.action == "up" ? "applied" : options.action == "down" ? "rolled_back" : "migrations";
    print_line(nlohmann::ordered_json{{member, to_json(migrations)}}.dump(
        -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else if (options.action == "status") {
    print_status(migrations);
  } else if (migrations.empty()) {
    print_line(options.action == "up" ? "nothing to do: the schema is up to date"
                                      : "nothing to do: there is no schema");
  } else {
    for (const MigrationStatus& migration : migrations) {
      print_line((options.action == "up" ? "applied " : "rolled back ") + std::to_string(migration.version) + " " +
                 migration.name);
    }
  }
  bool fits = true;
  for (const MigrationStatus& migration : migrations) fits &= migration.checksum_matches;
  return finish_output(fits ? exit_done : exit_no);
}

int run_distribute(const Context& context, const PostgresPlace& place) {
  const auto done = distribute_ledger(place);
  if (!done) return report(context, done.error(), Asked::database);
  const std::string owner = done->owner_host + ":" + std::to_string(done->owner_port);
  if (context.globals.json) {
    print_line(nlohmann::ordered_json{
        {"schema", place.schema},
        {"distributed", !done->already},
        {"citus", done->citus},
        {"nodes", done->nodes},
        {"owner",
         owner}}.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    print_line(place.schema + (done->already ? " was distributed already" : " is distributed") + " over Citus " +
               printable(done->citus) + " and guarded; " + printable(owner) +
               " holds it. A vaultd on that node needs no other.");
  }
  return finish_output(exit_done);
}

int run_migrate(const Context& context, MigrateOptions options) {
  if (options.database.empty()) {
    const char* url = std::getenv("DATABASE_URL");
    if (url != nullptr) options.database = url;
  }
  if (options.database.empty()) {
    return report(context,
                  {ErrorCode::invalid_argument, "name the database with --database URL (or DATABASE_URL)", {}});
  }
  if (options.action == "down" && !options.destroy) {
    return report(context, {ErrorCode::invalid_argument,
                            "down destroys the ledger with all its entries; say so with --yes-destroy-data",
                            {}});
  }
  const PostgresPlace place{options.database, options.schema};
  if (options.action == "distribute") return run_distribute(context, place);
  const auto migrations = options.action == "up"     ? migrate_up(place)
                          : options.action == "down" ? migrate_down(place)
                                                     : migration_status(place);
  return migrations ? show(context, options, *migrations) : report(context, migrations.error(), Asked::database);
}

}  // namespace

void add_migrate(CLI::App& app, Context& context) {
  auto options = std::make_shared<MigrateOptions>();
  CLI::App* command = app.add_subcommand("migrate", "Create, update, show or drop the schema");
  command->add_option("action", options->action, "up, down, status or distribute")
      ->required()
      ->check(CLI::IsMember({"up", "down", "status", "distribute"}).description(""))
      ->type_name("up|down|status|distribute");
  command->add_option("--database", options->database, "libpq connection string or URI [DATABASE_URL]")
      ->type_name("URL");
  add_schema(*command, options->schema);
  command->add_flag("--yes-destroy-data", options->destroy, "For down: yes, drop the ledger and everything in it");
  command->footer(
      "Each migration is one transaction under a lock. Exit code 1 if the checksum of one differs from this build's.\n"
      "distribute, on a Citus cluster's coordinator, hands the ledger's schema to one of its nodes and checks it "
      "there.\n"
      "Example:\n  vaultctl migrate up --database postgresql:///vault");
  command->callback(
      [options, &context] { context.run = [options, &context] { return run_migrate(context, *options); }; });
}

}  // namespace vault::ctl
