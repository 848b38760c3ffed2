#include "daemon/database_preparation.hpp"

#include <string>

#include "ledger/signed_note.hpp"
#include "os/log.hpp"
#include "store/postgres/migrator.hpp"
#include "store/postgres/store.hpp"

namespace vault {

// Checks that the key here belongs to one of the log identities that the database holds. Done before the lease is
// requested, so that a start with a wrong key takes nothing from anybody, and in every role, so that a standby can take
// over. Which identity counts, and whether it may continue, is for the notary to decide.
Status DatabasePreparation::check_key() {
  if (settings_.accept_rollback) return {};  // a rollback brings a new one
  const auto known = read_verifier_keys({settings_.database, settings_.schema});
  if (!known) return tl::unexpected(known.error());
  Status outcome;
  for (const std::string& text : *known) {
    const auto vkey = VerifierKey::parse(text);
    if (!vkey) continue;  // tampered with: another check finds that
    const auto key = state_.load_key(vkey->name, false);
    if (!key) return tl::unexpected(key.error());
    if (key->verifier().format() == text) return {};
    outcome = fail(ErrorCode::invalid_argument,
                   "signing_key: this ledger is signed with the key " + text + ", and the one here is " +
                       key->verifier().format() + ". Give vaultd the key that belongs to the database (--signing-key)");
  }
  return outcome;
}

Status DatabasePreparation::run() {
  Status ok = check_database();
  if (ok) ok = check_key();
  if (ok || ok.error().sqlstate != "42501") return ok;  // insufficient_privilege
  rights_missing_ = true;
  return fail(ErrorCode::invalid_argument, ok.error().message + ": give vaultd's role the rights of vault_writer");
}

Status DatabasePreparation::check_database() const {
  const PostgresPlace place{settings_.database, settings_.schema};
  if (settings_.migrate) {
    if (const Status fits = check_server(place); !fits) return fits;
    const auto version = schema_version(place);
    if (!version) return tl::unexpected(version.error());
    if (*version < schema_version_wanted()) {
      const auto applied = migrate_up(place);
      if (!applied) return tl::unexpected(applied.error());
      for (const MigrationStatus& one : *applied) log_info("vaultd", "migration applied", {{"name", one.name}});
    }
  }
  return vault::check_database(place);
}

}  // namespace vault
