#include "actors/emergency_reader.hpp"

#include <utility>

#include "os/log.hpp"
#include "wire/codec.hpp"

namespace vault {

Error emergency_refusal(std::string_view what) {
  return {ErrorCode::unavailable,
          std::string(what) +
              " is not available in the emergency mode (backend legacy): without the database there is no "
              "chain and no proof. Ask again once vaultd runs on its database and the seals are imported",
          {}};
}

void EmergencyReader::handle(Message message, Effects& effects) {
  receive<ReaderInbox>(
      std::move(message),
      [&](ReadTask& task) {
        const auto body = run(task);
        report_problems(effects);
        effects.send(to::gateway,
                     ReadAnswer{task.ticket, id_,
                                body ? encode_reply(task.id, *body) : encode_error_reply(task.id, body.error())});
      },
      [](TimerFired&) {});  // it sets none
}

Result<ReplyBody> EmergencyReader::run(const ReadTask& task) {
  if (const auto* read = std::get_if<ReadRequest>(&task.task)) return run_read(*read);
  if (const auto* list = std::get_if<ListRequest>(&task.task)) return run_page(list->page);
  const std::string_view operation = std::holds_alternative<VerifyRangeRequest>(task.task)   ? "verify"
                                     : std::holds_alternative<ProofRequest>(task.task)       ? "proof"
                                     : std::holds_alternative<ConsistencyRequest>(task.task) ? "consistency"
                                     : std::holds_alternative<TileRequest>(task.task)        ? "tile"
                                     : std::holds_alternative<EntryBundleRequest>(task.task) ? "entry_bundle"
                                                                                             : "head";
  return tl::unexpected(emergency_refusal(operation));
}

Result<ReplyBody> EmergencyReader::run_read(const ReadRequest& request) {
  if (request.session) return run_page(*request.session);
  if (request.sequence) return tl::unexpected(emergency_refusal("reading by sequence"));
  auto seal = store_.find(*request.seal_id);
  if (!seal) return tl::unexpected(seal.error());
  if (*seal) return ReplyBody(std::move(**seal));
  return fail(ErrorCode::not_found,
              "there is no seal with seal_id " + format_uuid(*request.seal_id) +
                  " in the emergency mode's directory; what was sealed before is in the database",
              "seal_id");
}

Result<ReplyBody> EmergencyReader::run_page(const PageRequest& request) {
  auto page = store_.page(request);
  if (!page) return tl::unexpected(page.error());
  return ReplyBody(std::move(*page));
}

void EmergencyReader::report_problems(Effects& effects) {
  for (const std::string& problem : store_.take_problems()) {
    alerts_.report({.kind = "emergency_damage", .severity = Severity::critical, .message = problem}, "files", effects);
  }
}

}  // namespace vault
