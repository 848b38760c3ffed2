// Adoption: before a tree is written on, it must continue the last checkpoint that was signed for it.
#include <utility>

#include "actors/log.hpp"
#include "actors/notary.hpp"
#include "ledger/canonical_json.hpp"
#include "ledger/merkle_hash.hpp"
#include "ledger/reserved_names.hpp"

namespace vault {
namespace {

// That seal is made once an identity, however often vaultd starts with the flag.
constexpr Uuid rollback_namespace{
    {0x6b, 0x1d, 0x0c, 0x52, 0x9a, 0x0e, 0x4f, 0x3b, 0x8f, 0x61, 0x2e, 0x47, 0xd5, 0x90, 0x33, 0xc8}};

Seal make_rollback_seal(std::int64_t accepted, std::int64_t lost, const std::string& old_origin,
                        const std::string& new_origin) {
  JsonDocument document;
  JsonBuilder builder(document, JsonRules{});
  std::string text;
  const bool built = builder.begin_object() && builder.key("accepted_sequence") && builder.integer(accepted) &&
                     builder.key("lost_tree_size") && builder.integer(lost) && builder.key("old_origin") &&
                     builder.string(old_origin) && builder.key("new_origin") && builder.string(new_origin) &&
                     builder.end_object();
  if (built) append_canonical(document, text);
  Seal seal;
  seal.session_id = rollback_session;
  seal.authority = reserved_authority;
  seal.verdict = Verdict::hold;
  seal.seal_data = std::move(text);
  seal.seal_id = make_uuid_v5(rollback_namespace, new_origin);
  return seal;
}

}  // namespace

void Notary::adopt(Adopt adopt, Effects& effects) {
  active_ = false;
  adopting_.reset();
  leaves_since_.clear();
  first_seals_.clear();
  stored_size_ = storing_size_ = -1;
  epoch_ = adopt.epoch;
  if (const Status chosen = choose_identity(adopt); !chosen) {
    if (chosen.error().code == ErrorCode::invalid_argument) {
      effects.fatal_configuration(chosen.error().message);
    }
    refuse("configuration", chosen.error(), effects);
    return;
  }
  if (const Status recalled = recall(adopt); !recalled) {
    refuse("rollback", recalled.error(), effects);
    return;
  }
  const std::uint64_t last = signed_ ? static_cast<std::uint64_t>(signed_->tree_size) : 0;
  const auto head = static_cast<std::uint64_t>(adopt.head.sequence);
  adopting_ = std::move(adopt);
  if (last == 0 && !signed_) {
    // Nothing was ever signed for this ledger: its tree as it stands is the first to be.
    signed_frontier_ = Frontier();
    if (head == 0) {
      root_now_ = empty_root();
      finish_adoption(effects);
      return;
    }
  }
  effects.send(ActorId::reader_first, SliceRequest{last, head});
}

// Which origin and key sign for this database.
Status Notary::choose_identity(const Adopt& adopt) {
  if (adopt.identities.empty()) {
    const std::string origin = options_.origin.empty() ? "vault999.local/" + adopt.ledger_id : options_.origin;
    auto key = disk_.load_key(origin, !adopt.newest);
    if (!key) return tl::unexpected<Error>(key.error());
    key_ = std::move(*key);
    identity_ = {origin, key_->verifier().format(), 0};
    return {};
  }
  const LogIdentity& newest = adopt.identities.back();
  const std::string origin = options_.origin.empty() ? newest.origin : options_.origin;
  auto key = disk_.load_key(origin, false);
  if (!key) return tl::unexpected<Error>(key.error());
  key_ = std::move(*key);
  const std::string vkey = key_->verifier().format();
  if (origin == newest.origin) {
    if (vkey != newest.vkey) {
      return fail(ErrorCode::invalid_argument, "the signing key is not the database's: this log is signed by " +
                                                   newest.vkey + ", the key given is " + vkey +
                                                   ". Give vaultd the key that signs this ledger (--signing-key)");
    }
    identity_ = newest;
    return {};
  }
  if (!options_.accept_rollback) {
    return fail(ErrorCode::invalid_argument,
                "the database belongs to the log \"" + newest.origin + "\", not to \"" + origin +
                    "\". Leave --origin out, or start a new identity on purpose with --accept-rollback");
  }
  return accept_rollback(adopt, newest);
}

Status Notary::accept_rollback(const Adopt& adopt, const LogIdentity& old) {
  if (key_->verifier().format() == old.vkey ||
      as_view(key_->verifier().public_key) ==
          as_view(VerifierKey::parse(old.vkey).value_or(VerifierKey{}).public_key)) {
    return fail(ErrorCode::invalid_argument, "a new log identity needs a new signing key (vaultctl keygen)");
  }
  if (adopt.head.sequence != *options_.accept_rollback) {
    return fail(ErrorCode::invalid_argument, "--accept-rollback names sequence " +
                                                 std::to_string(*options_.accept_rollback) +
                                                 ", but the ledger's head is " + std::to_string(adopt.head.sequence));
  }
  identity_ = {key_->name(), key_->verifier().format(), adopt.head.sequence};
  return {};
}

// Sets signed_ to the newest checkpoint of this identity that anyone remembers.
Status Notary::recall(const Adopt& adopt) {
  auto remembered = disk_.load_checkpoint();
  if (!remembered) return tl::unexpected<Error>(remembered.error());
  const std::optional<StoredCheckpoint> stored = adopt.newest;
  std::optional<StoredCheckpoint> best;
  std::int64_t newest_of_others = 0;
  std::string other_origin = stored && stored->origin != identity_.origin ? stored->origin : "";
  if (stored) {
    if (stored->origin == identity_.origin) {
      // A row that somebody else wrote must not hide what is remembered here.
      const auto opened = open_checkpoint(stored->note, key_->verifier());
      if (opened && opened->root == stored->root &&
          opened->tree_size == static_cast<std::uint64_t>(stored->tree_size)) {
        best = stored;
        stored_size_ = stored->tree_size;
      } else {
        log_error("notary", "the newest checkpoint in the database is not one that this log signed; ignored",
                  {{"tree_size", std::to_string(stored->tree_size)}});
      }
    } else {
      newest_of_others = stored->tree_size;
    }
  }
  if (*remembered) {
    auto peeked = peek_checkpoint(**remembered);
    if (!peeked) return tl::unexpected<Error>(peeked.error());
    const auto size = static_cast<std::int64_t>(peeked->tree_size);
    if (peeked->origin == identity_.origin) {
      const auto opened = open_checkpoint(**remembered, key_->verifier());
      if (!opened) return tl::unexpected<Error>(opened.error());
      if (!best || size > best->tree_size) best = StoredCheckpoint{peeked->origin, size, peeked->root, **remembered};
    } else if (!options_.accept_rollback && adopt.identities.empty()) {
      return fail(ErrorCode::invalid_argument, "the state directory remembers checkpoints of another log (\"" +
                                                   peeked->origin +
                                                   "\"); give this ledger a state directory of its own");
    } else {
      newest_of_others = std::max(newest_of_others, size);
      if (other_origin.empty()) other_origin = peeked->origin;
    }
  }
  signed_ = best;
  if (options_.accept_rollback && identity_.accepted_sequence == *options_.accept_rollback && !other_origin.empty()) {
    first_seals_.push_back(
        make_rollback_seal(identity_.accepted_sequence, newest_of_others, other_origin, identity_.origin));
  }
  if (signed_ && signed_->tree_size > adopt.head.sequence) {
    return fail(ErrorCode::unavailable,
                "the database is behind what was signed: its head is " + std::to_string(adopt.head.sequence) +
                    ", a checkpoint of size " + std::to_string(signed_->tree_size) +
                    " exists. Restore the newer database, or accept the loss with --accept-rollback " +
                    std::to_string(adopt.head.sequence) + " --origin NEW --signing-key NEW");
  }
  return {};
}

void Notary::on_slice(TreeSlice slice, Effects& effects) {
  if (!adopting_) return;
  if (!slice.frontier) {
    refuse("database", slice.frontier.error(), effects);
    return;
  }
  const std::uint64_t grown_to = slice.frontier->size() + slice.leaves.size();
  if (grown_to != static_cast<std::uint64_t>(adopting_->head.sequence)) {
    refuse("database", {ErrorCode::unavailable, "the ledger moved while it was being adopted", {}}, effects);
    return;
  }
  if (signed_ && slice.frontier->root() != signed_->root) {
    refuse("tamper",
           {ErrorCode::internal,
            "the ledger does not continue the checkpoint of size " + std::to_string(signed_->tree_size) +
                " that was signed for it; run vaultctl verify",
            {}},
           effects);
    return;
  }
  signed_frontier_ = std::move(*slice.frontier);
  leaves_since_ = std::move(slice.leaves);
  root_now_ = adopting_->head.merkle_root;
  Frontier grown = signed_frontier_;
  for (const Hash& leaf : leaves_since_) grown.append(leaf);
  if (grown.root() != root_now_) {
    refuse("tamper",
           {ErrorCode::internal, "entries after the last checkpoint do not lead to the head; run vaultctl verify", {}},
           effects);
    return;
  }
  finish_adoption(effects);
}

void Notary::finish_adoption(Effects& effects) {
  adopting_.reset();
  active_ = true;
  signed_at_.reset();
  if (!refused_for_.empty()) {
    effects.alert({.kind = refused_for_, .severity = Severity::info, .message = "over", .raised = false});
    refused_for_.clear();
  }
  if (signed_) {
    CheckpointSigned message{*signed_, identity_.vkey, std::nullopt};
    effects.send(ActorId::gateway, message);
    effects.send(ActorId::auditor, std::move(message));
  }
  awaited_seal_.reset();
  if (!first_seals_.empty()) awaited_seal_ = first_seals_.back().seal_id;
  effects.send(ActorId::writer, Adopted{epoch_, std::nullopt, std::move(first_seals_)});
  first_seals_.clear();
  store(effects);
}

void Notary::refuse(const std::string& alert, Error error, Effects& effects) {
  adopting_.reset();
  if (refused_for_ != alert) {
    effects.alert({.kind = alert, .severity = Severity::critical, .message = error.message});
    log_error("notary", "refusing to sign", {{"reason", error.message}});
    refused_for_ = alert;
  }
  effects.send(ActorId::writer, Adopted{epoch_, std::move(error), {}});
}

}  // namespace vault
