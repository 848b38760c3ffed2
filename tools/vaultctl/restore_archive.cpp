#include "tools/vaultctl/restore_archive.hpp"

#include <utility>

#include "store/archive/write.hpp"
#include "store/postgres/migrator.hpp"

namespace vault {
namespace {

// The second reading: passes every entry to `take` once it is found good.
Status read_again(const ArchiveDirectory& directory, const RestoreTarget& target, const RestoreSink& take,
                  const RestoreProgress& progress) {
  const auto report = check_archive(directory, target.key, take, [&](std::uint64_t done, std::uint64_t total) {
    progress("restoring", done, total);
  });
  if (!report) return tl::unexpected(report.error());
  if (!report->valid() || report->checkpoint != target.checkpoint) {
    return fail(ErrorCode::internal, "the archive changed while it was being restored");
  }
  return {};
}

}  // namespace

tl::expected<RestoreResult, RestoreFailure> restore_archive(const ArchiveDirectory& directory, const VerifierKey& key,
                                                            const PostgresPlace& place,
                                                            const RestoreProgress& progress) {
  auto bare = needs_schema(place, key);
  if (!bare) return tl::unexpected(bare.error());
  auto report = check_archive(directory, key, nullptr,
                              [&](std::uint64_t done, std::uint64_t total) { progress("checking", done, total); });
  if (!report) return tl::unexpected(report.error());
  RestoreResult result{std::move(*report), false};
  if (!result.report.valid()) return result;
  if (!result.report.payloads) {
    return fail(
        ErrorCode::invalid_argument,
        directory.path() + " holds no payloads (it was made with --no-payloads): nothing can be restored from it");
  }
  auto note = directory.read(archive_checkpoint_name, archive_checkpoint_bytes_max);
  if (!note) return tl::unexpected(note.error());
  const auto checkpoint = open_checkpoint(note->value_or(""), key);
  if (!checkpoint || *checkpoint != result.report.checkpoint) {
    return fail(ErrorCode::internal, "the archive changed while it was being checked");
  }
  if (*bare) {
    if (auto migrated = migrate_up(place); !migrated) return tl::unexpected(migrated.error());
    result.migrated = true;
  }
  const RestoreTarget target{*checkpoint, **note, key};
  const auto written = restore_ledger(
      place, target, [&](const RestoreSink& take) { return read_again(directory, target, take, progress); });
  if (!written) return tl::unexpected<RestoreFailure>(written.error());
  return result;
}

}  // namespace vault
