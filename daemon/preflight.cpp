#include "daemon/preflight.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>

#include "daemon/exit_code.hpp"
#include "daemon/secret_file.hpp"
#include "daemon/start_check.hpp"
#include "store/postgres/migrator.hpp"
#include "store/postgres/store.hpp"
#include "store/postgres/url.hpp"

namespace vault {
namespace {

class Preflight {
 public:
  explicit Preflight(const Settings& settings) : settings_(settings) {}

  int run() {
    std::fputs(format_given_settings(settings_).c_str(), stdout);
    for (const std::string& doubt : doubtful_variables(settings_)) std::printf("note  %s\n", doubt.c_str());
    for (const auto& [what, outcome] : survey_surroundings(settings_, false)) report(what, outcome);
    report("state directory", look_at_state());
    if (settings_.backend == "legacy") {
      std::puts("note  the emergency mode needs no database");
    } else if (!settings_.embedded.empty()) {
      std::puts("note  the embedded database is not started by a preflight");
    } else {
      look_at_database();
    }
    std::puts(code_ == exit_stopped ? "ready to start"
              : only_waits_         ? "a start would wait for the database"
                                    : "a start would not succeed");
    return code_;
  }

 private:
  // Prints "ok    database" or "FAIL  database: why".
  bool report(const std::string& what, const Status& outcome) {
    if (outcome) {
      std::printf("ok    %s\n", what.c_str());
      return true;
    }
    std::printf("FAIL  %s: %s\n", what.c_str(), outcome.error().message.c_str());
    only_waits_ = only_waits_ && outcome.error().code == ErrorCode::unavailable;
    if (code_ == exit_stopped) {
      const bool no_right = outcome.error().sqlstate == "42501";
      code_ = no_right ? exit_environment : exit_code_of(outcome.error());
    }
    return false;
  }

  Status look_at_state() const {
    if (settings_.backend == "legacy") return {};
    const std::string& directory = settings_.state_dir;
    const auto cannot = [&](ErrorCode code) {
      return fail(code, "state_dir: " + directory + ": " + std::strerror(errno));
    };
    // A start would make it, with its parents.
    std::filesystem::path place = std::filesystem::absolute(directory);
    while (access(place.c_str(), F_OK) != 0 && errno == ENOENT && place.has_relative_path())
      place = place.parent_path();
    if (access(place.c_str(), F_OK) != 0) return cannot(ErrorCode::not_found);
    if (access(place.c_str(), W_OK | X_OK) != 0) return cannot(ErrorCode::forbidden);
    if (!std::filesystem::is_directory(place)) {
      return fail(ErrorCode::invalid_argument, "state_dir: " + place.string() + " is not a directory");
    }
    return {};
  }

  void look_at_database() {
    const PostgresPlace place{settings_.database, settings_.schema};
    const auto shown = show_connection_string(settings_.database);
    const std::string name = "database " + shown.value_or("(not shown: it may hold a password)");
    if (!report(name, check_server(place))) return;
    const auto version = settings_.migrate ? schema_version(place) : Result<int>(schema_version_wanted());
    if (version && *version < schema_version_wanted()) {
      std::printf("note  its schema, at version %d, will be migrated\n", *version);
      report("rights in the database", check_may_migrate(place));
      return;
    }
    if (!report("schema", check_database(place))) return;
    report("rights in the database", check_rights(place));
    report("key of this ledger", look_at_key(place));
    if (settings_.reader_database.empty()) return;
    report("reader_database", check_database({settings_.reader_database, settings_.schema}));
  }

  Status look_at_key(const PostgresPlace& place) const {
    if (settings_.accept_rollback) return {};  // a rollback brings a new one
    const auto known = read_verifier_keys(place);
    if (!known) return tl::unexpected(known.error());
    const std::string path =
        settings_.signing_key.empty() ? settings_.state_dir + "/signing.pem" : settings_.signing_key;
    Status outcome;
    for (const std::string& text : *known) {
      const auto vkey = VerifierKey::parse(text);
      if (!vkey) continue;
      const auto key = read_signing_key(path, vkey->name);
      if (!key) return tl::unexpected(key.error());
      if (!*key) return fail(ErrorCode::not_found, "signing_key: this ledger is signed, and there is no file " + path);
      if ((*key)->verifier().format() == text) return {};
      outcome = fail(ErrorCode::invalid_argument, "signing_key: this ledger is signed with the key " + text +
                                                      ", and the one here is " + (*key)->verifier().format());
    }
    return outcome;
  }

  const Settings& settings_;
  int code_ = exit_stopped;
  bool only_waits_ = true;  // all that failed may pass by itself
};

}  // namespace

int run_preflight(const Settings& settings) {
  return Preflight(settings).run();
}

}  // namespace vault
