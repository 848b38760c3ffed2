// Reads the rows of an archive directly from a store.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "store/archive/write.hpp"
#include "store/end_check.hpp"
#include "store/verify.hpp"

namespace vault {
namespace {

// Number of sizes searched for a checkpoint at a time, at first; doubled until one is found.
constexpr std::int64_t window_first = 1'024;

class StoreArchiveSource final : public ArchiveSource {
 public:
  explicit StoreArchiveSource(ReaderStore& store) : store_(store) {}

  Result<std::optional<ArchiveTarget>> target(std::optional<Timestamp> not_after) override {
    auto target = find_target(not_after);
    if (target || target.error().code == ErrorCode::unavailable) return target;
    // Something does not fit: let verification name the first thing that does not.
    const auto report = verify_ledger(store_, {}, nullptr);
    if (!report || !report->finding) return target;
    const Finding& bad = *report->finding;
    return fail(ErrorCode::internal,
                fmt::format("entry {} does not verify: {}: {}", bad.sequence, finding_name(bad.reason), bad.detail));
  }

  Status rows(std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row) override {
    auto snapshot = store_.snapshot();
    if (!snapshot) return tl::unexpected(snapshot.error());
    return (*snapshot)->scan(from, to, row);
  }

  // Like vaultctl verify --database, this also checks the tiles and stored checkpoints of these rows.
  Result<ArchiveWalk> walk(const LedgerState& start, std::int64_t to,
                           const std::function<Status(const Verifier&)>& row) override {
    LedgerVerification request;
    request.resume = start;
    request.to = to;
    request.rows_only = true;
    request.threads = std::thread::hardware_concurrency();
    request.sink = row;
    auto report = verify_ledger(store_, request, nullptr);
    if (!report) return tl::unexpected(report.error());
    return ArchiveWalk{std::move(report->end), std::move(report->finding)};
  }

  Result<Hash> root_at(std::uint64_t size) override {
    auto snapshot = store_.snapshot();
    if (!snapshot) return tl::unexpected(snapshot.error());
    const auto edge = load_edge(**snapshot, size);
    if (!edge) return tl::unexpected(edge.error());
    return edge->root();
  }

 private:
  Result<std::optional<ArchiveTarget>> find_target(std::optional<Timestamp> not_after) {
    auto snapshot = store_.snapshot();
    if (!snapshot) return tl::unexpected(snapshot.error());
    const auto identities = (*snapshot)->identities();
    if (!identities) return tl::unexpected(identities.error());
    if (identities->empty()) {
      return fail(ErrorCode::not_found, "the database holds no checkpoint yet: start vaultd on it once");
    }
    // An archive is only made of a ledger whose end is intact.
    CheckpointCheck checkpoints;
    checkpoints.use_identities(*identities);
    const auto end = check_end(**snapshot, checkpoints, {});
    if (!end) return tl::unexpected(end.error());
    if (end->finding) return fail(ErrorCode::internal, end->finding->detail);
    const LogIdentity& identity = identities->back();
    const auto kept = not_after ? newest_not_after(**snapshot, *not_after, identity) : (*snapshot)->newest_checkpoint();
    if (!kept) return tl::unexpected(kept.error());
    if (!*kept && not_after) return std::nullopt;
    if (!*kept) return fail(ErrorCode::not_found, "the database holds no checkpoint of " + identity.origin + " yet");
    return open(**kept, identity);
  }

  static Result<std::optional<ArchiveTarget>> open(const StoredCheckpoint& kept, const LogIdentity& identity) {
    const auto refuse = [&](const std::string& why) {
      return fail(ErrorCode::internal,
                  fmt::format("the stored checkpoint of {} entries does not check: {}", kept.tree_size, why));
    };
    const auto key = VerifierKey::parse(identity.vkey);
    if (!key) return refuse(key.error().message);
    const auto checkpoint = open_checkpoint(kept.note, *key);
    if (!checkpoint) return refuse(checkpoint.error().message);
    if (checkpoint->tree_size != kept.tree_size) return refuse("it is of another size");
    return ArchiveTarget{*checkpoint, kept.note, *key};
  }

  // Only checkpoints above the sequence on which their identity began count.
  static Result<std::optional<StoredCheckpoint>> newest_not_after(Snapshot& snapshot, Timestamp not_after,
                                                                  const LogIdentity& identity) {
    auto last = last_not_after(snapshot, not_after);
    if (!last) return tl::unexpected(last.error());
    std::int64_t high = *last;
    const std::int64_t first = std::max<std::int64_t>(identity.accepted_sequence, 1);
    for (std::int64_t window = window_first; high >= first; window *= 2) {
      const std::int64_t low = std::max(first, high - window + 1);
      auto kept = snapshot.checkpoints(low, high, static_cast<std::size_t>(window) * 2);
      if (!kept) return tl::unexpected(kept.error());
      std::erase_if(*kept, [&](const StoredCheckpoint& one) { return one.origin != identity.origin; });
      if (!kept->empty()) return std::move(kept->back());
      high = low - 1;
    }
    return std::nullopt;
  }

  // The last entry that is not newer than `not_after`; 0 if there is none.
  static Result<std::int64_t> last_not_after(Snapshot& snapshot, Timestamp not_after) {
    PageRequest request;
    request.to = Timestamp{not_after.micros + 1};
    request.limit = 1;
    while (true) {
      auto page = snapshot.page(request);
      if (!page) return tl::unexpected(page.error());
      if (!page->entries.empty()) return page->entries.front().sequence;
      if (!page->next_cursor) return 0;
      request.cursor = page->next_cursor;
    }
  }

  ReaderStore& store_;
};

}  // namespace

Result<ArchiveWalk> ArchiveSource::walk(const LedgerState& start, std::int64_t to,
                                        const std::function<Status(const Verifier&)>& row) {
  Verifier verifier(start);
  ArchiveWalk walked;
  Status taken;
  const Status read = rows(start.head.sequence + 1, to, [&](const RowView& view) {
    walked.finding = verifier.feed(view);
    if (!walked.finding) taken = row(verifier);
    verifier.clear_finished_tiles();
    return !walked.finding && taken;
  });
  if (!taken) return tl::unexpected(taken.error());
  if (!read) return tl::unexpected(read.error());
  walked.end = verifier.state();
  return walked;
}

std::unique_ptr<ArchiveSource> make_store_archive_source(ReaderStore& store) {
  return std::make_unique<StoreArchiveSource>(store);
}

}  // namespace vault
