#include "store/postgres/distribute.hpp"

#include <fmt/format.h>

#include <charconv>

#include "store/postgres/connection.hpp"
#include "store/postgres/migrator.hpp"

namespace vault {

namespace {

// The first version that distributes schemas.
constexpr int citus_major_min = 12;
// A vaultd that has renewed its lease within this time is running.
constexpr int lease_seconds = 10;

// Values returned by script() are text. Every argument is either a schema name that wants_schema() has checked, or
// comes from the server's own catalog.
class Distributor {
 public:
  Distributor(PgConnection& connection, std::string schema) : connection_(connection), schema_(std::move(schema)) {}

  Result<Distribution> run() {
    for (const auto step : {&Distributor::require_coordinator, &Distributor::require_schema, &Distributor::require_rest,
                            &Distributor::require_nodes, &Distributor::distribute, &Distributor::distribute_append,
                            &Distributor::require_guards, &Distributor::find_owner}) {
      if (const Status done = (this->*step)(); !done) return tl::unexpected(done.error());
    }
    return distribution_;
  }

 private:
  Status require_coordinator();
  Status require_schema();
  Status require_rest();
  Status require_nodes();
  Status distribute();
  Status distribute_append();
  Status require_guards();
  Status find_owner();

  PgConnection& connection_;
  std::string schema_;
  Distribution distribution_;
};

int number_of(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Status first(std::string what) {
  return fail(ErrorCode::invalid_argument, std::move(what));
}

Status Distributor::require_coordinator() {
  auto extension = connection_.script("SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'citus'");
  if (!extension) return tl::unexpected(extension.error());
  if (extension->rows() == 0) return first("the database has no extension citus: there is nothing to distribute over");
  distribution_.citus = extension->value(0, 0);
  if (number_of(distribution_.citus) < citus_major_min) {
    return first(
        fmt::format("Citus is at version {}; {} or newer distributes schemas", distribution_.citus, citus_major_min));
  }
  auto group = connection_.script("SELECT groupid FROM pg_catalog.pg_dist_local_group");
  if (!group) return tl::unexpected(group.error());
  if (group->rows() != 1 || group->value(0, 0) != "0") {
    return first("this node is a worker; the coordinator distributes");
  }
  return {};
}

Status Distributor::require_schema() {
  if (schema_ == default_schema) {
    return first(
        "the schema public cannot be distributed; give the ledger one of its own (--schema), by archive and "
        "restore where it is there already");
  }
  auto version =
      connection_.script("SELECT CASE WHEN pg_catalog.to_regclass('vault_schema') IS NOT NULL THEN 1 ELSE 0 END");
  if (!version) return tl::unexpected(version.error());
  int found = 0;
  if (version->value(0, 0) == "1") {
    version = connection_.script("SELECT coalesce(pg_catalog.max(version), 0) FROM vault_schema");
    if (!version) return tl::unexpected(version.error());
    found = number_of(version->value(0, 0));
  }
  if (found != schema_version_wanted()) {
    return first(
        fmt::format("the ledger's schema is at version {}, {} is needed first: vaultctl migrate up --schema {}", found,
                    schema_version_wanted(), schema_));
  }
  auto there = connection_.script(
      fmt::format("SELECT FROM pg_catalog.pg_dist_schema WHERE schemaid = '{}'::regnamespace", schema_));
  if (!there) return tl::unexpected(there.error());
  distribution_.already = there->rows() > 0;
  return {};
}

// Tables are moved under a lock: an appending vaultd would wait, and then find them elsewhere.
Status Distributor::require_rest() {
  if (distribution_.already) return {};
  auto holder =
      connection_.script(fmt::format("SELECT holder FROM vault_lease WHERE holder <> '' AND renewed_at > "
                                     "pg_catalog.clock_timestamp() - interval '{} s'",
                                     lease_seconds));
  if (!holder) return tl::unexpected(holder.error());
  if (holder->rows() == 0) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("{} writes this ledger: stop it, and every standby, first", holder->value(0, 0)));
}

Status Distributor::require_nodes() {
  auto nodes = connection_.script(
      "SELECT nodeid, success, result FROM pg_catalog.run_command_on_all_nodes($command$SELECT "
      "pg_catalog.current_setting('fsync') || ' ' || pg_catalog.current_setting('synchronous_commit') || ' ' || "
      "(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'citus.recover_2pc_interval')$command$) ORDER BY 1");
  if (!nodes) return tl::unexpected(nodes.error());
  distribution_.nodes = nodes->rows();
  for (int row = 0; row < nodes->rows(); ++row) {
    const std::string node(nodes->value(row, 0)), said(nodes->value(row, 2));
    if (nodes->value(row, 1) != "t") return fail(ErrorCode::unavailable, fmt::format("node {}: {}", node, said));
    if (!said.starts_with("on ")) return first(fmt::format("node {}: fsync is off, so nothing there is durable", node));
    const auto commit_ends = said.find(' ', 3);
    const std::string commits = said.substr(3, commit_ends - 3);
    if (commits != "on" && commits != "remote_apply") {
      return first(
          fmt::format("node {}: synchronous_commit is {}; it must be on there, since what a session sets does "
                      "not reach other nodes",
                      node, commits));
    }
    const int interval_ms = commit_ends == std::string::npos ? 0 : number_of(said.substr(commit_ends + 1));
    if (interval_ms <= 0 || interval_ms > recover_2pc_interval_ms_max) {
      return first(
          fmt::format("node {}: citus.recover_2pc_interval is {} ms, so that a lost node keeps a ledger locked "
                      "for as long; fix it with: ALTER SYSTEM SET citus.recover_2pc_interval = '1s'; SELECT "
                      "pg_reload_conf()",
                      node, interval_ms));
    }
  }
  return {};
}

Status Distributor::distribute() {
  if (distribution_.already) return {};
  // Citus asks whether triggers are safe on the nodes: these only read their own row.
  if (auto set = connection_.script("SET citus.enable_unsafe_triggers = on"); !set) return tl::unexpected(set.error());
  auto done = connection_.script(fmt::format("SELECT pg_catalog.citus_schema_distribute('{}')", schema_));
  if (!done) return tl::unexpected(done.error());
  return {};
}

Status Distributor::distribute_append() {
  auto named = connection_.script(
      fmt::format("SELECT oid::regprocedure FROM pg_catalog.pg_proc WHERE proname = 'vault_append' AND pronamespace = "
                  "'{}'::regnamespace",
                  schema_));
  if (!named) return tl::unexpected(named.error());
  if (named->rows() != 1) return fail(ErrorCode::internal, "the schema has no function vault_append, or several");
  auto done = connection_.script(fmt::format(
      "SELECT pg_catalog.create_distributed_function('{}', colocate_with := 'vault_ledger')", named->value(0, 0)));
  if (!done) return tl::unexpected(done.error());
  return {};
}

// Checks the tables on the node that holds the rows, not their names here.
Status Distributor::require_guards() {
  const std::string_view tables[] = {"vault_ledger", "vault_tile",          "vault_checkpoint", "vault_origin",
                                     "vault_meta",   "vault_contradiction", "vault_lease"};
  for (const std::string_view table : tables) {
    const bool insert_only = table != "vault_lease";
    auto found = connection_.script(fmt::format(
        "SELECT nodename, success, result FROM pg_catalog.run_command_on_placements('{}', $command$SELECT "
        "pg_catalog.count(*) "
        "FROM "
        "pg_catalog.pg_trigger WHERE tgrelid = '%s'::regclass AND NOT tgisinternal AND tgenabled {}$command$)",
        table, insert_only ? "= 'A'" : "<> 'D'"));
    if (!found) return tl::unexpected(found.error());
    if (found->rows() != 1) {
      return fail(ErrorCode::internal, fmt::format("{} is on {} nodes, not on one", table, found->rows()));
    }
    if (found->value(0, 1) != "t") {
      return fail(ErrorCode::unavailable, fmt::format("{}: {}", found->value(0, 0), found->value(0, 2)));
    }
    const int wanted = insert_only ? 2 : 1;
    if (number_of(found->value(0, 2)) < wanted) {
      return fail(ErrorCode::internal,
                  fmt::format("on {}, {} of {} has {} of the {} triggers that guard it: do not seal there",
                              found->value(0, 0), table, schema_, found->value(0, 2), wanted));
    }
  }
  return {};
}

Status Distributor::find_owner() {
  auto owner = connection_.script(
      "SELECT n.nodename, n.nodeport FROM pg_catalog.pg_dist_shard s JOIN pg_catalog.pg_dist_placement p "
      "ON p.shardid = s.shardid JOIN pg_catalog.pg_dist_node n ON n.groupid = p.groupid "
      "WHERE s.logicalrelid = 'vault_head'::regclass AND n.noderole = 'primary'");
  if (!owner) return tl::unexpected(owner.error());
  if (owner->rows() != 1) return fail(ErrorCode::internal, "Citus does not name one node that holds the ledger");
  distribution_.owner_host = owner->value(0, 0);
  distribution_.owner_port = number_of(owner->value(0, 1));
  return {};
}

}  // namespace

Result<Distribution> distribute_ledger(const PostgresPlace& place) {
  if (const char* wrong = wants_schema(place.schema)) {
    return fail(ErrorCode::invalid_argument, fmt::format("a schema is {}", wrong), "schema");
  }
  auto connection = PgConnection::open(
      {place.url, "vaultctl migrate", std::chrono::milliseconds(5000), std::chrono::milliseconds(0), place.schema}, "",
      {});
  if (!connection) return tl::unexpected(connection.error());
  return Distributor(**connection, place.schema).run();
}

}  // namespace vault
