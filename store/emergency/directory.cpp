#include "store/emergency/directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "ledger/bytes.hpp"
#include "os/durable_file.hpp"
#include "os/whole_file.hpp"
#include "store/emergency_file.hpp"

namespace vault {
namespace {

constexpr std::size_t file_bytes_max = limits::seal_bytes_max + 8'192;  // payload, names and the text around them
constexpr std::size_t open_files_max = 128;                             // open at a time in one keep()
constexpr mode_t directory_mode = 0750;
constexpr mode_t file_mode = 0640;

tl::unexpected<Error> unavailable(const std::string& what, int cause) {
  return fail(ErrorCode::unavailable, "emergency mode: " + what + ": " + std::strerror(cause));
}

// Makes the directory durably if it is missing.
Status make_directory(const std::string& path) {
  const int failure = make_durable_directory(path, directory_mode);
  if (failure == 0) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("cannot make the directory {}: {}", path, std::strerror(failure)), "legacy_dir");
}

class DirectoryWriter final : public EmergencyWriterStore {
 public:
  DirectoryWriter(UniqueFd entries, std::string suffix) : entries_(std::move(entries)), suffix_(std::move(suffix)) {}

  std::vector<Result<std::vector<KeptReceipt>>> keep(std::span<const std::vector<Seal>> orders,
                                                     Timestamp now) override {
    pending_.clear();
    by_id_.clear();
    std::vector<Plan> plans(orders.size());
    for (std::size_t i = 0; i < orders.size(); ++i) plans[i] = plan(orders[i], now);
    write_files();
    publish_files(plans);
    Status durable;
    if (!orders.empty()) durable = sync_directory();
    std::vector<Result<std::vector<KeptReceipt>>> answers;
    for (const Plan& one : plans) answers.push_back(durable ? receipts(one) : tl::unexpected(durable.error()));
    return answers;
  }

  Status probe() override {
    if (broken_ != 0) return broken();
    const std::string name = temporary_name("probe");
    const UniqueFd fd = create(name);
    if (!fd) return unavailable("cannot make a file", errno);
    int failure = write_all(fd.get(), "{}\n");
    if (failure == 0 && ::fsync(fd.get()) != 0) failure = errno;
    ::unlinkat(entries_.get(), name.c_str(), 0);
    return failure == 0 ? Status{} : unavailable("cannot write a file", failure);
  }

 private:
  // A seal_id in this keep(), once for all seals that have it.
  struct Pending {
    KeptSeal seal;
    bool is_new = true;     // not kept yet: a file must be made
    std::string temporary;  // its unfinished file, once written
    std::optional<Error> error;
  };
  struct Place {
    std::size_t pending = 0;
    bool duplicate = false;
  };
  struct Plan {
    std::optional<Error> error;
    std::vector<Place> places;  // one for each seal
  };

  std::string temporary_name(const std::string& what) {
    return fmt::format(".{}.{}-{}.tmp", what, suffix_, ++counter_);
  }

  UniqueFd create(const std::string& name) const {
    return UniqueFd(::openat(entries_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file_mode));
  }

  tl::unexpected<Error> broken() const {
    return unavailable(
        "the directory could not be made durable, and what it holds is uncertain; check the disk and start "
        "vaultd again",
        broken_);
  }

  // Decides what happens to each seal of an order. A refusal undoes whatever the order had added.
  Plan plan(const std::vector<Seal>& order, Timestamp now) {
    Plan out;
    const std::size_t had = pending_.size();
    for (const Seal& seal : order) {
      const auto place = place_of(seal, now);
      if (place) {
        out.places.push_back(*place);
        continue;
      }
      for (std::size_t i = had; i < pending_.size(); ++i) by_id_.erase(pending_[i].seal.seal_id);
      pending_.resize(had);
      out.error = place.error();
      return out;
    }
    return out;
  }

  Result<Place> place_of(const Seal& seal, Timestamp now) {
    const auto [known, is_new] = by_id_.try_emplace(*seal.seal_id, pending_.size());
    Place place{known->second, !is_new};
    if (is_new) {
      auto found = read_kept_seal(entries_.get(), *seal.seal_id);
      if (!found) {
        by_id_.erase(known);
        return tl::unexpected(found.error());
      }
      pending_.push_back({*found ? std::move(**found) : make_kept(seal, now), !*found, {}, {}});
      place.duplicate = !pending_.back().is_new;
    }
    if (!same_content(pending_[place.pending].seal, seal)) {
      if (is_new) {
        by_id_.erase(*seal.seal_id);
        pending_.pop_back();
      }
      return conflict(*seal.seal_id);
    }
    return place;
  }

  static tl::unexpected<Error> conflict(const Uuid& seal_id) {
    return fail(ErrorCode::seal_id_conflict, "seal_id " + format_uuid(seal_id) + " is kept already with other content",
                "seal_id");
  }

  // Timestamps are unique within a process, so that a page can end after any seal.
  KeptSeal make_kept(const Seal& seal, Timestamp now) {
    last_.micros = std::max(now.micros, last_.micros + 1);
    return {seal.session_id, *seal.seal_id, last_, seal.authority, seal.verdict, seal.seal_data};
  }

  // Writes everything before fsyncing anything: the first fsync then does most of the work of the others.
  void write_files() {
    for (std::size_t at = 0; at < pending_.size();) {
      std::vector<std::pair<UniqueFd, Pending*>> open;
      for (; at < pending_.size() && open.size() < open_files_max; ++at) {
        if (!pending_[at].is_new) continue;
        if (UniqueFd fd = write_file(pending_[at])) open.emplace_back(std::move(fd), &pending_[at]);
      }
      for (const auto& [fd, pending] : open) {
        if (::fsync(fd.get()) != 0) pending->error = unavailable("cannot make a file durable", errno).value();
      }
    }
  }

  UniqueFd write_file(Pending& pending) {
    if (broken_ != 0) {
      pending.error = broken().value();
      return UniqueFd();
    }
    std::string name = temporary_name(format_uuid(pending.seal.seal_id));
    UniqueFd fd = create(name);
    if (!fd) {
      pending.error = unavailable("cannot make a file", errno).value();
      return fd;
    }
    pending.temporary = std::move(name);
    if (const int failure = write_all(fd.get(), format_emergency_file(pending.seal)); failure != 0) {
      pending.error = unavailable("cannot write a file", failure).value();
      return UniqueFd();
    }
    ::sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);  // only starts writing; fsync reports errors
    return fd;
  }

  // Names the files of an order only if all of them could be written.
  void publish_files(std::vector<Plan>& plans) {
    std::vector<bool> wanted(pending_.size());
    for (Plan& one : plans) {
      take_errors(one);
      if (one.error) continue;
      for (const Place& place : one.places) wanted[place.pending] = true;
    }
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      if (wanted[i] && pending_[i].is_new) {
        give_name(pending_[i]);
      } else if (!pending_[i].temporary.empty()) {
        ::unlinkat(entries_.get(), pending_[i].temporary.c_str(), 0);
      }
    }
    for (Plan& one : plans) take_errors(one);
  }

  void take_errors(Plan& plan) const {
    for (const Place& place : plan.places) {
      if (!plan.error) plan.error = pending_[place.pending].error;
    }
  }

  void give_name(Pending& pending) {
    const Uuid seal_id = pending.seal.seal_id;
    const int failure = rename_to_new_name(entries_.get(), pending.temporary, emergency_file_name(seal_id));
    if (failure == 0) return;
    ::unlinkat(entries_.get(), pending.temporary.c_str(), 0);
    if (failure != EEXIST) {
      pending.error = unavailable("cannot rename a file", failure).value();
      return;
    }
    // Another process kept the same seal_id first.
    auto found = read_kept_seal(entries_.get(), seal_id);
    if (!found) {
      pending.error = found.error();
      return;
    }
    const KeptSeal& mine = pending.seal;
    const Seal seal{mine.session_id, mine.authority, mine.verdict, *mine.seal_data, seal_id};
    if (!*found || !same_content(**found, seal)) {
      pending.error = conflict(seal_id).value();
      return;
    }
    pending.seal = std::move(**found);
    pending.is_new = false;
  }

  // Needed for duplicates too: the process that made the file may not have synced the directory yet. After a failure
  // the kernel may have dropped what it could not write, and a second fsync would not report it: no receipts from then
  // on.
  Status sync_directory() {
    if (broken_ != 0) return broken();
    if (::fsync(entries_.get()) == 0) return {};
    broken_ = errno;
    return broken();
  }

  Result<std::vector<KeptReceipt>> receipts(const Plan& plan) const {
    if (plan.error) return tl::unexpected(*plan.error);
    std::vector<KeptReceipt> out;
    for (const Place& place : plan.places) {
      const Pending& pending = pending_[place.pending];
      KeptReceipt receipt;
      receipt.seal = pending.seal;
      receipt.seal.seal_data.reset();
      receipt.duplicate = place.duplicate || !pending.is_new;
      out.push_back(std::move(receipt));
    }
    return out;
  }

  UniqueFd entries_;
  std::string suffix_;  // of this process's unfinished files
  std::uint64_t counter_ = 0;
  Timestamp last_;
  int broken_ = 0;  // errno of a failed fsync of the directory
  std::vector<Pending> pending_;
  std::unordered_map<Uuid, std::size_t, UuidHash> by_id_;  // -> pending_
};

}  // namespace

Result<UniqueFd> open_emergency_entries(const std::string& directory) {
  std::string path = directory;
  for (const char* below : {"", "/BBB_LEDGER", "/entries"}) {
    path += below;
    if (const Status made = make_directory(path); !made) return tl::unexpected(made.error());
  }
  UniqueFd entries(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!entries || ::faccessat(entries.get(), ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: {}; vaultd's user must be able to write there", path, std::strerror(errno)),
                "legacy_dir");
  }
  return entries;
}

std::string emergency_file_name(const Uuid& seal_id) {
  return format_uuid(seal_id) + ".json";
}

Result<std::optional<KeptSeal>> read_kept_seal(int entries, const Uuid& seal_id) {
  const std::string name = emergency_file_name(seal_id);
  const UniqueFd fd = open_quietly(entries, name, O_NOFOLLOW);
  if (!fd && errno == ENOENT) return std::nullopt;
  // A fault of this one file is permanent; everything else is the machine's, and may pass.
  const bool of_file = errno == EACCES || errno == EPERM || errno == ELOOP || errno == ENXIO || errno == EISDIR;
  if (!fd && !of_file) return unavailable("cannot open " + name, errno);
  if (!fd) return fail(ErrorCode::internal, name + " cannot be opened: " + std::strerror(errno));
  std::string text;
  if (const int failure = read_to_end(fd.get(), file_bytes_max, text); failure != 0) {
    return fail(ErrorCode::internal, name + " cannot be read: " + std::strerror(failure));
  }
  const auto json = is_valid_utf8(text) ? RawJson::parse(text) : tl::unexpected(RawJsonFault{0, "not UTF-8"});
  if (json && !is_emergency_file(*json)) {
    return fail(ErrorCode::seal_id_conflict,
                name + " is in the directory already, and the emergency mode did not write it: use another seal_id",
                "seal_id");
  }
  auto seal = json ? read_emergency_file(*json) : fail(ErrorCode::internal, json.error().what);
  if (!seal) return fail(ErrorCode::internal, name + " is damaged: " + seal.error().message);
  if (seal->seal_id != seal_id) return fail(ErrorCode::internal, name + " is damaged: it holds another seal_id");
  return std::optional<KeptSeal>(std::move(*seal));
}

Result<std::unique_ptr<EmergencyWriterStore>> open_emergency_writer(const std::string& directory) {
  auto entries = open_emergency_entries(directory);
  if (!entries) return tl::unexpected(entries.error());
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
    return fail(ErrorCode::internal, "no random numbers");
  }
  auto writer = std::make_unique<DirectoryWriter>(std::move(*entries), fmt::format("{:016x}", random));
  if (const Status works = writer->probe(); !works) {
    return fail(ErrorCode::invalid_argument, directory + ": " + works.error().message, "legacy_dir");
  }
  return writer;
}

}  // namespace vault
