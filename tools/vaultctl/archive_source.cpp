#include "tools/vaultctl/archive_source.hpp"

#include <map>

#include "tools/vaultctl/evidence.hpp"

namespace vault::ctl {
namespace {

constexpr std::int64_t tries_max = 100'000;
constexpr std::int64_t tries_in_flight = 64;
constexpr std::chrono::milliseconds try_timeout{30'000};

// Converts an entry from the wire to a row. Views live as long as the entry and this.
class EntryRow {
 public:
  explicit EntryRow(const Entry& entry)
      : data_hash_(to_hex(entry.data_hash)),
        entry_hash_(to_hex(entry.entry_hash)),
        prev_hash_(to_hex(entry.prev_hash)),
        merkle_root_(to_hex(entry.merkle_root)) {
    view_.sequence = entry.sequence;
    view_.session_id = entry.session_id;
    view_.seal_id = as_view(entry.seal_id.bytes);
    view_.timestamp_micros = entry.timestamp.micros;
    view_.authority = entry.authority;
    view_.verdict = verdict_name(entry.verdict);
    if (entry.seal_data) view_.seal_data = *entry.seal_data;
    if (entry.data_salt) view_.data_salt = as_view(*entry.data_salt);
    if (!entry.seal_data) view_.data_hash = data_hash_;
    view_.entry_hash = entry_hash_;
    view_.prev_hash = prev_hash_;
    view_.merkle_root = merkle_root_;
  }
  EntryRow(const EntryRow&) = delete;
  EntryRow& operator=(const EntryRow&) = delete;

  const RowView& view() const { return view_; }

 private:
  std::string data_hash_, entry_hash_, prev_hash_, merkle_root_;
  RowView view_;
};

class DaemonArchiveSource final : public ArchiveSource {
 public:
  explicit DaemonArchiveSource(Client& client) : client_(client) {}

  Result<std::optional<ArchiveTarget>> target(std::optional<Timestamp> not_after) override {
    const auto newest = client_.get_checkpoint();
    if (!newest) return tl::unexpected(newest.error());
    const auto key = VerifierKey::parse(newest->vkey);
    if (!key) return fail(ErrorCode::internal, "vaultd's verifier key is malformed: " + key.error().message);
    auto opened = open(newest->checkpoint, *key);
    if (!opened || !not_after) return opened;
    const auto last = last_not_after(*not_after);
    if (!last) return tl::unexpected(last.error());
    if (*last >= (*opened)->checkpoint.tree_size) return opened;
    return largest_kept(*last, *key);
  }

  Status rows(std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row) override {
    PageRequest request;
    request.limit = limits::list_limit_max;
    request.order = Order::ascending;
    request.cursor = from - 1;
    while (*request.cursor < to) {
      auto page = list(request);
      if (!page) return tl::unexpected(page.error());
      if (page->entries.empty()) page = list(request, to);  // vaultd's readers may be on a replica
      if (!page || page->entries.empty()) return {};        // the caller notices that the rest is missing
      for (const Entry& entry : page->entries) {
        if (entry.sequence > to || !row(EntryRow(entry).view())) return {};
      }
      request.cursor = page->entries.back().sequence;
    }
    return {};
  }

  Result<Hash> root_at(std::uint64_t size) override {
    if (size == 0) return empty_head().merkle_root;
    const auto head = client_.get_head();
    if (!head) return tl::unexpected(head.error());
    if (static_cast<std::uint64_t>(head->sequence) < size) return fail(ErrorCode::not_found, "the ledger is smaller");
    const auto proof = client_.get_consistency_proof(static_cast<std::int64_t>(size), head->sequence);
    if (!proof) return tl::unexpected(proof.error());
    if (const Status good = check_consistency(*proof); !good) return tl::unexpected(good.error());
    if (proof->second_root != head->merkle_root) return fail(ErrorCode::internal, "vaultd's proof is of another tree");
    return proof->first_root;
  }

 private:
  Result<Page> list(const PageRequest& request, std::int64_t at_least = 0) {
    return client_.list_entries(request, at_least).and_then(of_ledger);
  }

  static Result<std::optional<ArchiveTarget>> open(const std::string& note, const VerifierKey& key) {
    auto checkpoint = open_checkpoint(note, key);
    if (!checkpoint) {
      return fail(ErrorCode::internal, "vaultd's checkpoint does not check: " + checkpoint.error().message);
    }
    return ArchiveTarget{std::move(*checkpoint), note, key};
  }

  Result<std::int64_t> last_not_after(Timestamp not_after) {
    PageRequest request;
    request.to = Timestamp{not_after.micros + 1};
    request.limit = 1;
    while (true) {
      const auto page = list(request);
      if (!page) return tl::unexpected(page.error());
      if (!page->entries.empty()) return page->entries.front().sequence;
      if (!page->next_cursor) return 0;
      request.cursor = page->next_cursor;
    }
  }

  // Asks for sizes by their proofs, which come with the checkpoint if one is stored.
  Result<std::optional<ArchiveTarget>> largest_kept(std::int64_t high, const VerifierKey& key) {
    const std::int64_t end = std::max<std::int64_t>(0, high - tries_max);
    while (high > end) {
      const std::int64_t low = std::max(end, high - tries_in_flight) + 1;
      auto kept = ask_for(low, high);
      if (!kept) return tl::unexpected(kept.error());
      // Checkpoints of an abandoned identity carry other signatures.
      for (auto one = kept->rbegin(); one != kept->rend(); ++one) {
        if (auto opened = open(one->second, key)) return opened;
      }
      high = low - 1;
    }
    if (end == 0) return std::nullopt;
    return fail(ErrorCode::not_found, "no checkpoint is kept of the last " + std::to_string(tries_max) +
                                          " sizes that are that old; --database URL looks through all of them");
  }

  // The sizes in [low, high] of which a checkpoint is stored.
  Result<std::map<std::int64_t, std::string>> ask_for(std::int64_t low, std::int64_t high) {
    for (std::int64_t size = low; size <= high; ++size) {
      const auto sent = client_.submit(ProofRequest{size, size});
      if (!sent) return tl::unexpected(sent.error());
    }
    std::map<std::int64_t, std::string> kept;
    std::optional<Error> failure;
    for (std::int64_t size = low; size <= high; ++size) {
      const auto reply = client_.next_reply(try_timeout);
      if (!reply) return tl::unexpected(reply.error());
      const auto proof = reply->error ? tl::unexpected(*reply->error) : decode_proof(reply->result);
      if (!proof) failure = proof.error();
      if (proof && proof->checkpoint) kept[proof->tree_size] = *proof->checkpoint;
    }
    if (failure) return tl::unexpected(*failure);
    return kept;
  }

  Client& client_;
};

}  // namespace

std::unique_ptr<ArchiveSource> make_daemon_archive_source(Client& client) {
  return std::make_unique<DaemonArchiveSource>(client);
}

}  // namespace vault::ctl
