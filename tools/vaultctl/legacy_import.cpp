// vaultctl legacy import: the records of a filesystem vault become seals, many requests in flight. Each record has a
// seal_id of its own, so what a run that was cut short has sealed, the next run finds there.
#include <deque>

#include "ledger/reserved_names.hpp"
#include "tools/vaultctl/json_output.hpp"
#include "tools/vaultctl/legacy.hpp"
#include "tools/vaultctl/seal_pipe.hpp"
#include "tools/vaultctl/terminal.hpp"
#include "wire/codec.hpp"
#include "wire/error.hpp"

namespace vault::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view run_again =
    "run the same command again once vaultd can take seals: what is in the ledger already is not sealed twice";

class Importer {
 public:
  // `client` is nullptr for a dry run.
  Importer(const Context& context, LegacyDirectory& directory, Client* client)
      : context_(context), directory_(directory), bar_("importing", !context.globals.json) {
    if (client != nullptr) pipe_.emplace(*client, context.globals.timeout, false);
  }

  int run() {
    while (!finished()) {
      read_records();
      if (pipe_) {
        pipe_->turn();
        take_answers();
      }
      bar_.update(directory_.bytes_done() >> 10, directory_.bytes_total() >> 10, "KiB");
    }
    bar_.finish();
    context_.globals.json ? print_json() : print();
    return finish_output(stopped_by_ ? exit_code(stopped_by_->code) : summary_.problems.empty() ? exit_done : exit_no);
  }

 private:
  bool stops() const { return stopped_by_ || (pipe_ && pipe_->gave_up()); }
  bool finished() const { return (all_read_ || stops()) && (!pipe_ || pipe_->empty()); }

  // As many as the pipe takes; a dry run returns now and then, for the bar.
  void read_records() {
    constexpr int dry_run_turn = 256;
    for (int read = 0; !all_read_ && !stops() && (pipe_ ? pipe_->has_room() : read < dry_run_turn); ++read) {
      auto item = directory_.next();
      all_read_ = !item;
      if (!item) return;
      if (item->problem) tell(std::move(*item->problem));
      if (!item->record || !may_import(*item->record)) continue;
      add_record(*item->record, summary_);
      if (!pipe_) continue;
      in_pipe_.push_back(std::move(item->record->place));
      pipe_->put(std::move(item->record->seal));
    }
  }

  void take_answers() {
    while (auto answer = pipe_->take()) {
      const LegacyPlace place = std::move(in_pipe_.front());
      in_pipe_.pop_front();
      auto receipt = std::move(answer->receipt).and_then([](const std::string& r) { return decode_receipt(r); });
      if (receipt) {
        ++(receipt->duplicate ? present_ : imported_);
      } else {
        refused(place, receipt.error());
      }
    }
  }

  // vaultd would refuse such a record as it refuses a key without the role, which ends the run; this is one record's
  // own fault, so it is told here and the others go on.
  bool may_import(const LegacyRecord& record) {
    const Status allowed =
        check_not_reserved(record.seal.session_id, record.seal.authority, "seal", record.seal.seal_id);
    if (!allowed) refuse_record(record.place, allowed.error());
    return allowed.has_value();
  }

  // What would happen to every other record as well ends the run.
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
    tell({place.source, place.line,
          "not imported: " + std::string(error_name(error.code)) + ": " + error.message + field});
  }

  void tell(LegacyProblem problem) {
    bar_.finish();
    tell_problem(context_, std::move(problem), summary_);
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
    out["ignored"] = directory_.ignored();
    out["problems"] = problems_json(summary_.problems);
    print_line(out.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  void print() const {
    if (!pipe_) {
      print_summary(summary_, directory_.ignored());
      print_line("dry run: " + std::to_string(summary_.records) +
                 " records would be sealed, except those that are in the ledger already; nothing was sent");
      return;
    }
    print_fields({{"imported", std::to_string(imported_)},
                  {"in the ledger already", std::to_string(present_)},
                  {"kept as bytes", std::to_string(summary_.raw)},
                  {"problems", std::to_string(summary_.problems.size())}});
    for (const std::string& name : directory_.ignored()) print_note("left alone, no part of a vault: " + name);
    if (!stopped_by_) return;
    print_problem("stopped: " + std::string(error_name(stopped_by_->code)) + ": " + stopped_by_->message);
    print_hint(stopped_by_->code == ErrorCode::forbidden
                   ? "the key needs the role producer and the authority legacy_migration"
                   : run_again);
  }

  const Context& context_;
  LegacyDirectory& directory_;
  std::optional<SealPipe> pipe_;
  ProgressBar bar_;
  LegacySummary summary_;
  std::deque<LegacyPlace> in_pipe_;
  std::uint64_t imported_ = 0, present_ = 0;
  std::optional<Error> stopped_by_;
  bool all_read_ = false;
};

// A vaultd in the emergency mode would keep the records as files again, perhaps in the very same directory.
Status check_backend(Client& client) {
  const auto status =
      client.call(StatusRequest{}).and_then([](const std::string& map) { return msgpack_to_json(map); });
  if (!status) return tl::unexpected<Error>(status.error());
  const Json map = Json::parse(*status, nullptr, false);
  if (!map.is_object() || map.value("backend", "") != "legacy") return {};
  return fail(ErrorCode::unavailable,
              "this vaultd runs in the emergency mode; import once it runs on its database again");
}

}  // namespace

int run_legacy_import(const Context& context, const std::string& path, bool dry_run) {
  auto directory = LegacyDirectory::open(path);
  if (!directory) return report(context, directory.error());
  if (dry_run) return Importer(context, *directory, nullptr).run();
  auto client = connect_daemon(context.globals);
  const Status usable = client ? check_backend(**client) : tl::unexpected<Error>(client.error());
  if (!usable) {
    const int code = report(context, usable.error());
    if (code == exit_unavailable && !context.globals.json) print_hint(run_again);
    return code;
  }
  return Importer(context, *directory, client->get()).run();
}

}  // namespace vault::ctl
