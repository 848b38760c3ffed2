#include "actors/committer.hpp"

#include <utility>

#include "ledger/check.hpp"

namespace vault {

using std::chrono::milliseconds;

void Committer::handle(Message message, Effects& effects) {
  receive<CommitterInbox>(
      std::move(message),  //
      [&](Append& request) { append(std::move(request), effects); },
      [&](UseSession& use) {
        session_ = std::move(use.session);
        open_.clear();  // the writer has requeued whatever was open in the previous session
      },
      [&](TimerFired&) {
        patience_timer_set_ = false;
        answer(effects);  // this process may have been stopped while the answer arrived
        if (!session_ || open_.empty()) return;
        if (effects.clock() - waiting_since_ >= answer_timeout) {
          session_->give_up();
          answer(effects);
        } else {
          wait_for_answer(effects);
        }
      });
}

void Committer::append(Append request, Effects& effects) {
  const bool hopeless = failed_generation_ && request.generation <= *failed_generation_;
  const bool no_session =
      !session_ || (session_->lost() && open_.empty());  // otherwise in turn, behind the open batches
  if (hopeless || no_session) {
    failed_generation_ = request.generation;
    effects.send(to::writer, AppendAnswer{request.generation,
                                          {AppendKind::failed, hopeless ? "built on a batch that was not committed"
                                                                        : "no connection to the database"}});
    return;
  }
  if (open_.empty()) waiting_since_ = effects.clock();
  open_.push_back(request.generation);
  session_->append(std::move(request.request));
  if (!patience_timer_set_) wait_for_answer(effects);
  // A connection that ended while the batch was being sent has no descriptor to report it.
  if (session_->lost() || session_->watch().descriptor < 0) answer(effects);
}

void Committer::answer(Effects& effects) {
  if (!session_) return;
  // Asked once even if nothing is open: this notices a session that has ended.
  do {
    auto outcome = session_->outcome();
    if (!outcome) break;
    VAULT_CHECK(!open_.empty());
    const std::uint64_t generation = open_.front();
    open_.pop_front();
    waiting_since_ = effects.clock();
    if (outcome->kind != AppendKind::committed) failed_generation_ = generation;
    effects.send(to::writer, AppendAnswer{generation, *std::move(outcome)});
  } while (!open_.empty());
  if (!session_->lost() || !open_.empty()) return;
  session_.reset();
  effects.send(to::writer, SessionLost{});
}

// One timer serves every batch: it fires again as long as any is open.
void Committer::wait_for_answer(Effects& effects) {
  const auto left = answer_timeout - (effects.clock() - waiting_since_);
  effects.set_timer(patience_timer, std::chrono::ceil<milliseconds>(left));
  patience_timer_set_ = true;
}

bool Committer::stop(Effects&) {
  session_.reset();
  return true;
}

}  // namespace vault
