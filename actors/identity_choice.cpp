#include "actors/identity_choice.hpp"

#include <algorithm>
#include <utility>

#include "ledger/announcement.hpp"
#include "ledger/bytes.hpp"

namespace vault {
namespace {

using Choice = Result<ChosenIdentity>;

Choice refused(const std::string& message) {
  return fail(ErrorCode::invalid_argument, message);
}

bool announces(const std::optional<AnnouncementSeen>& announcement, const std::string& origin) {
  return announcement && is_announcement_of(announcement->seal_id, origin);
}

// Continues the newest identity, unless another one has been announced since.
Choice go_on(SigningKey key, const Promises& promises) {
  const LogIdentity& newest = promises.identities.back();
  const std::string vkey = key.verifier().format();
  if (vkey != newest.vkey) {
    return refused("the signing key is not the database's: this log is signed by " + newest.vkey +
                   ", the key given is " + vkey + ". Give vaultd the key that signs this ledger (--signing-key)");
  }
  if (promises.announcement && !announces(promises.announcement, newest.origin)) {
    const std::string sequence = std::to_string(promises.announcement->sequence);
    return fail(ErrorCode::unavailable,
                "entry " + sequence + " announces that \"" + newest.origin +
                    "\" signs no more, and its successor has not signed yet. Start vaultd as it was started then: "
                    "--accept-rollback " +
                    std::to_string(promises.announcement->sequence - 1) +
                    " with the --origin and --signing-key that read --sequence " + sequence + " shows");
  }
  return ChosenIdentity{std::move(key), promises.identities, false, false};
}

bool same_key(const SigningKey& key, const LogIdentity& other) {
  const auto parsed = VerifierKey::parse(other.vkey);
  return parsed && as_view(parsed->public_key) == as_view(key.verifier().public_key);
}

// A new identity replaces the newest one, on the history as it stands; or continues what it began. `remembered`:
// promises of an identity that the database does not know.
Choice begin(SigningKey key, std::int64_t accepted, const Promises& promises, const Head& head,
             const std::optional<StoredCheckpoint>& remembered) {
  const std::string origin = key.name();
  for (const LogIdentity& other : promises.identities) {
    if (other.origin == origin) return refused("origin: the log identity \"" + origin + "\" has been given up");
    if (same_key(key, other)) return refused("a new log identity needs a new signing key (vaultctl keygen)");
  }
  const bool announced = announces(promises.announcement, origin);
  const std::int64_t expected = announced ? promises.announcement->sequence - 1 : head.sequence;
  if (accepted != expected) {
    return refused("--accept-rollback names sequence " + std::to_string(accepted) +
                   (announced ? ", but the rollback to \"" + origin + "\" has accepted "
                              : std::string(", but the ledger's head is ")) +
                   std::to_string(expected));
  }
  ChosenIdentity chosen{std::move(key), promises.identities, true, announced};
  const auto of_remembered = [&](const LogIdentity& one) { return one.origin == remembered->origin; };
  if (remembered && remembered->origin != origin &&
      std::none_of(chosen.identities.begin(), chosen.identities.end(), of_remembered)) {
    chosen.identities.push_back({remembered->origin, {}, accepted});
  }
  chosen.identities.push_back({origin, chosen.key.verifier().format(), accepted});
  return chosen;
}

}  // namespace

Choice choose_identity(NotaryDisk& disk, const PromiseMemory& memory, const IdentityOptions& options,
                       const Promises& promises, const Head& head, const std::string& ledger_id) {
  const bool fresh = promises.identities.empty();
  const std::string own_name = "vault999.local/" + ledger_id;
  const std::string stored = fresh ? own_name : promises.identities.back().origin;
  const std::string origin = options.origin.empty() ? stored : options.origin;
  auto key = disk.load_key(origin, fresh && !memory.checkpoint());
  if (!key) return tl::unexpected(key.error());
  if (!fresh && origin == stored) return go_on(*std::move(key), promises);
  if (!fresh) {
    if (options.accept_rollback)
      return begin(*std::move(key), *options.accept_rollback, promises, head, memory.checkpoint());
    return refused("the database belongs to the log \"" + stored + "\", not to \"" + origin +
                   "\". Leave --origin out, or start a new identity on purpose with --accept-rollback");
  }
  // The database knows no identity: it is new, or older than what is remembered here.
  const auto& remembered = memory.checkpoint();
  if (remembered && remembered->origin != origin) {
    if (!options.accept_rollback) {
      return refused("the state directory remembers checkpoints of another log (\"" + remembered->origin +
                     "\"); give this ledger a state directory of its own");
    }
    return begin(*std::move(key), *options.accept_rollback, promises, head, remembered);
  }
  ChosenIdentity chosen{std::move(key.value()), {}, false, false};
  chosen.identities.push_back({origin, chosen.key.verifier().format(), 0});
  return chosen;
}

}  // namespace vault
