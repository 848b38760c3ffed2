// vaultctl legacy import: seals the records of a filesystem vault, or of the old service's table, with many requests in
// flight. Each record has its own seal_id, so a later run finds whatever an interrupted run has sealed.
#include <deque>
#include <utility>

#include "ledger/reserved_names.hpp"
#include "tools/common/json_output.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/legacy.hpp"
#include "tools/vaultctl/legacy_source.hpp"
#include "tools/vaultctl/seal_pipe.hpp"
#include "wire/codec.hpp"
#include "wire/error.hpp"

namespace vault::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view run_again =
    "run the same command again once vaultd can take seals: what is in the ledger already is not sealed twice";
// A table of any size may be wrong in every row: each problem is reported, but only this many are kept for --json.
constexpr std::size_t problems_kept_max = 1'000;

class Importer {
 public:
  // `client` is nullptr for a dry run.
  Importer(const Context& context, LegacySource& source, Client* client)
      : context_(context), source_(source), bar_("importing", !context.globals.json) {
    if (client != nullptr) pipe_.emplace(*client, context.globals.timeout, false);
  }

  int run() {
    while (!finished()) {
      read_records();
      if (pipe_) {
        pipe_->turn();
        take_answers();
      }
      const auto progress = source_.progress();
      bar_.update(progress.done, progress.total, progress.unit);
    }
    if (!stopped_by_) stopped_by_ = source_.failure();
    bar_.finish();
    context_.globals.json ? print_json() : print();
    return finish_output(stopped_by_ ? exit_code(stopped_by_->code) : summary_.problems.empty() ? exit_done : exit_no);
  }

 private:
  bool stops() const { return stopped_by_ || (pipe_ && pipe_->gave_up()); }
  bool finished() const { return (all_read_ || stops()) && (!pipe_ || pipe_->empty()); }

  // Takes as many as the pipe accepts; a dry run returns now and then, to update the bar.
  void read_records() {
    constexpr int dry_run_turn = 256;
    for (int read = 0; !all_read_ && !stops() && (pipe_ ? pipe_->has_room() : read < dry_run_turn); ++read) {
      auto item = source_.next();
      all_read_ = !item;
      if (!item) return;
      // A problem that is sealed with its record is reported later: the receipt shows whether it is new.
      const bool later = pipe_ && item->record && source_.remembers_problems();
      if (item->problem && !later) report(std::move(*std::exchange(item->problem, std::nullopt)));
      if (!item->record) continue;
      if (!may_import(*item->record)) {
        if (item->problem) report(std::move(*item->problem));
        continue;
      }
      add_record(*item->record, summary_);
      if (!pipe_) continue;
      in_pipe_.push_back({std::move(item->record->place), std::move(item->problem), item->record->of_all});
      pipe_->put(std::move(item->record->seal));
    }
  }

  void take_answers() {
    while (auto answer = pipe_->take()) {
      Sent sent = std::move(in_pipe_.front());
      in_pipe_.pop_front();
      auto receipt = std::move(answer->receipt).and_then([](const std::string& r) { return decode_receipt(r); });
      if (!receipt) {
        if (sent.problem) report(std::move(*sent.problem));
        refused(sent.place, receipt.error());
        continue;
      }
      const bool duplicate = is_duplicate(*receipt);
      if (!sent.of_all) ++(duplicate ? present_ : imported_);
      if (!sent.problem) continue;
      if (duplicate) {
        ++known_;
      } else {
        report(std::move(*sent.problem));
      }
    }
  }

  // vaultd would refuse such a record with the same error as a key without the role, which ends the run; this is one
  // record's own fault, so it is reported here and the others continue.
  bool may_import(const LegacyRecord& record) {
    const Status allowed =
        check_not_reserved(record.seal.session_id, record.seal.authority, "seal", record.seal.seal_id);
    if (!allowed) refuse_record(record.place, allowed.error());
    return allowed.has_value();
  }

  // An error that would affect every other record as well ends the run.
  void refused(const LegacyPlace& place, const Error& error) {
    const bool of_all = exit_code(error.code) == exit_unavailable || error.code == ErrorCode::forbidden;
    if (of_all) {
      if (!stopped_by_) stopped_by_ = error;
      return;
    }
    refuse_record(place, error);
  }

  void refuse_record(const LegacyPlace& place, const Error& error) {
    const std::string field = error.field.empty() ? "" : " [" + error.field + "]";
    std::string reason = "not imported: " + std::string(error_name(error.code)) + ": " + error.message + field;
    if (place.kind == LegacyKind::database && error.code == ErrorCode::seal_id_conflict) {
      reason += "; the row itself is in the ledger as it is here, but its place in the old chain looked different then";
    }
    report({place.source, place.line, std::move(reason), place.kind});
  }

  void report(LegacyProblem problem) {
    bar_.finish();
    if (problem.kind == LegacyKind::database && summary_.problems.size() == problems_kept_max) {
      ++problems_left_out_;
      if (!context_.globals.json) print_problem(describe_problem(problem));
      return;
    }
    report_problem(context_, std::move(problem), summary_);
  }

  void print_json() const {
    Json out{{"dry_run", !pipe_}};
    out.update(summary_json(summary_));
    if (pipe_) {
      out["imported"] = imported_;
      out["duplicates"] = present_;
    }
    out["complete"] = !stopped_by_;
    if (stopped_by_) out["error"] = Json::parse(error_json(*stopped_by_));
    out["ignored"] = source_.ignored();
    out["problems"] = problems_json(summary_.problems);
    if (source_.remembers_problems()) {
      out["problems_left_out"] = problems_left_out_;
      out["problems_known"] = known_;
      out["database"] = source_.findings();
    }
    print_line(out.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  void print() const {
    const auto findings = source_.findings_in_words();
    if (!pipe_) {
      print_fields(findings);
      print_summary(summary_, source_.ignored());
      print_line("dry run: " + std::to_string(summary_.records) +
                 " records would be sealed, except those that are in the ledger already; nothing was sent");
    } else {
      Fields fields{{"imported", std::to_string(imported_)},
                    {"in the ledger already", std::to_string(present_)},
                    {"kept as bytes", std::to_string(summary_.raw)},
                    {"problems", std::to_string(summary_.problems.size() + problems_left_out_)}};
      if (known_ > 0) fields.emplace_back("problems known before", std::to_string(known_));
      fields.insert(fields.end(), findings.begin(), findings.end());
      print_fields(fields);
      for (const std::string& name : source_.ignored()) print_note("left alone, no part of a vault: " + name);
    }
    if (stopped_by_) print_stop();
  }

  void print_stop() const {
    print_problem("stopped: " + std::string(error_name(stopped_by_->code)) + ": " + stopped_by_->message);
    if (source_.failure()) {
      print_hint("reading the table ended before its end; run the same command again");
    } else {
      print_hint(stopped_by_->code == ErrorCode::forbidden
                     ? "the key needs the role producer and the authority legacy_migration"
                     : run_again);
    }
  }

  // A record sent to vaultd, and what is wrong with it.
  struct Sent {
    LegacyPlace place;
    std::optional<LegacyProblem> problem;
    bool of_all = false;
  };

  const Context& context_;
  LegacySource& source_;
  std::optional<SealPipe> pipe_;
  ProgressBar bar_;
  LegacySummary summary_;
  std::deque<Sent> in_pipe_;
  std::uint64_t imported_ = 0, present_ = 0, known_ = 0, problems_left_out_ = 0;
  std::optional<Error> stopped_by_;
  bool all_read_ = false;
};

// A vaultd in the emergency mode would store the records as files again, perhaps in the very same directory.
Status check_backend(Client& client) {
  const auto status =
      client.call(StatusRequest{}).and_then([](const std::string& map) { return msgpack_to_json(map); });
  if (!status) return tl::unexpected(status.error());
  const Json map = Json::parse(*status, nullptr, false);
  if (!map.is_object() || map.value("backend", "") != "legacy") return {};
  return fail(ErrorCode::unavailable,
              "this vaultd runs in the emergency mode; import once it runs on its database again");
}

int run_import(const Context& context, Result<std::unique_ptr<LegacySource>> source, bool dry_run) {
  if (!source) return report(context, source.error(), Asked::database);  // vaultd has not been asked yet
  if (dry_run) return Importer(context, **source, nullptr).run();
  auto client = connect_daemon(context.globals);
  const Status usable = client ? check_backend(**client) : tl::unexpected(client.error());
  if (!usable) {
    const int code = report(context, usable.error());
    if (code == exit_unavailable && !context.globals.json) print_hint(run_again);
    return code;
  }
  return Importer(context, **source, client->get()).run();
}

}  // namespace

int run_legacy_import(const Context& context, const std::string& directory, bool dry_run) {
  return run_import(context, open_legacy_directory(directory), dry_run);
}

int run_legacy_import(const Context& context, const PostgresPlace& database, bool dry_run) {
  return run_import(context, open_legacy_database(database), dry_run);
}

}  // namespace vault::ctl
