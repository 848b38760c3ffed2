#include "tools/vaultctl/legacy_source.hpp"

#include <utility>

#include "ledger/sha256.hpp"
#include "store/legacy/chain.hpp"
#include "store/legacy/draft.hpp"
#include "tools/vaultctl/legacy_table.hpp"

namespace vault::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* head_table = "vault_head";

class DirectorySource final : public LegacySource {
 public:
  explicit DirectorySource(LegacyDirectory directory) : directory_(std::move(directory)) {}
  std::optional<LegacyItem> next() override { return directory_.next(); }
  Progress progress() const override { return {directory_.bytes_done() >> 10, directory_.bytes_total() >> 10, "KiB"}; }
  std::vector<std::string> ignored() const override { return directory_.ignored(); }
  // `problems` describes the directory as it is now.
  bool remembers_problems() const override { return false; }

 private:
  LegacyDirectory directory_;
};

class DatabaseSource final : public LegacySource {
 public:
  explicit DatabaseSource(std::unique_ptr<PostgresLegacyTable> table) : table_(std::move(table)) {}

  std::optional<LegacyItem> next() override {
    if (ended_) return std::nullopt;
    auto row = table_->next();
    if (row && *row) return read(**row);
    ended_ = true;
    if (row) return read_head();
    failure_ = row.error();
    return std::nullopt;
  }

  std::optional<Error> failure() const override { return failure_; }

  // Sequences may have gaps, so the number of rows is not known beforehand.
  Progress progress() const override {
    const auto& range = table_->range();
    if (!range) return {0, 0, "rows"};
    const auto from_first = [&](std::int64_t sequence) {
      return static_cast<std::uint64_t>(sequence) - static_cast<std::uint64_t>(range->first) + 1;
    };
    return {rows_ == 0 ? 0 : from_first(last_), from_first(range->last), "rows"};
  }

  bool remembers_problems() const override { return true; }

  Json findings() const override {
    return {{"rows", rows_},
            {"hash_invalid", hash_invalid_},
            {"hash_unknown", hash_unknown_},
            {"chain_invalid", chain_invalid_},
            {"root_invalid", root_invalid_},
            {"head_valid", head_valid_ ? Json(*head_valid_) : Json(nullptr)}};
  }

  std::vector<std::pair<std::string, std::string>> findings_in_words() const override {
    std::vector<std::pair<std::string, std::string>> out{{"rows", std::to_string(rows_)},
                                                         {"entry_hash wrong", std::to_string(hash_invalid_)},
                                                         {"prev_hash wrong", std::to_string(chain_invalid_)},
                                                         {"merkle_root wrong", std::to_string(root_invalid_)}};
    if (hash_unknown_ > 0) out.emplace_back("entry_hash not to be checked", std::to_string(hash_unknown_));
    out.emplace_back("head", !head_valid_ ? "there is none" : *head_valid_ ? "fits" : "WRONG");
    return out;
  }

 private:
  LegacyItem read(const LegacyRow& row) {
    const LegacyRowHash hash = check_row_hash(row);
    const LegacyLinks links = chain_.take(row, hash);
    ++rows_;
    last_ = row.sequence;
    hash_invalid_ += hash.outcome == LegacyHash::invalid ? 1 : 0;
    hash_unknown_ += hash.outcome == LegacyHash::unknown ? 1 : 0;
    chain_invalid_ += links.chain_valid ? 0 : 1;
    root_invalid_ += links.root_valid ? 0 : 1;
    return read_legacy_row(row, hash, links);
  }

  // A head that does not fit is a record of its own, so that a later run finds it in the ledger.
  std::optional<LegacyItem> read_head() {
    const auto& head = table_->head();
    if (!head) return std::nullopt;
    const std::string wrong = chain_.check_head(head->hash, head->root);
    head_valid_ = wrong.empty();
    if (wrong.empty()) return std::nullopt;
    const auto quoted = [](const std::optional<std::string>& text) {
      return text ? legacy_quoted(text->substr(0, 128)) : std::string("null");
    };
    LegacyDraft draft;
    draft.data = "{\"head_hash\":" + quoted(head->hash) + ",\"last_sequence\":" + std::to_string(last_) +
                 ",\"merkle_root\":" + quoted(head->root) + "}";
    draft.hash = LegacyHash::invalid;
    const std::string bytes = draft.data;
    LegacyItem item = finish_legacy_record({LegacyKind::database, head_table, 0}, bytes, std::move(draft));
    if (item.record) item.record->of_all = true;
    item.problem = LegacyProblem{head_table, 0, wrong, LegacyKind::database};
    return item;
  }

  std::unique_ptr<PostgresLegacyTable> table_;
  LegacyChain chain_;
  std::uint64_t rows_ = 0, hash_invalid_ = 0, hash_unknown_ = 0, chain_invalid_ = 0, root_invalid_ = 0;
  std::int64_t last_ = 0;
  bool ended_ = false;
  std::optional<bool> head_valid_;
  std::optional<Error> failure_;
};

}  // namespace

Result<std::unique_ptr<LegacySource>> open_legacy_directory(const std::string& path) {
  auto directory = LegacyDirectory::open(path);
  if (!directory) return tl::unexpected(directory.error());
  return std::make_unique<DirectorySource>(std::move(*directory));
}

Result<std::unique_ptr<LegacySource>> open_legacy_database(const PostgresPlace& place) {
  auto table = PostgresLegacyTable::open(place);
  if (!table) return tl::unexpected(table.error());
  return std::make_unique<DatabaseSource>(std::move(*table));
}

}  // namespace vault::ctl
