#include "tools/vaultctl/entry_checks.hpp"

#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"

namespace vault::ctl {
namespace {

constexpr std::int64_t misfits_shown_max = 20;

}  // namespace

void add_no_check(CLI::App& command, bool& no_check) {
  command.add_flag("--no-check", no_check,
                   "Show entries without recomputing their hashes; otherwise one that does not fit, or lacks its "
                   "payload, is reported on stderr, and the exit code is 1");
}

HashFaults EntryChecks::check(const Entry& entry, PayloadRule rule) {
  if (off_) return {};
  const HashFaults faults = checker_.check(entry, rule);
  if (faults.any()) report(describe(entry, faults));
  return faults;
}

void EntryChecks::check(const AnyEntry& entry, PayloadRule rule) {
  if (const auto* sealed = std::get_if<Entry>(&entry)) check(*sealed, rule);
}

void EntryChecks::report_unreadable(const std::string& what) {
  if (!off_) report("hash DOES NOT FIT: " + what);
}

void EntryChecks::report(const std::string& text) {
  if (++misfits_ <= misfits_shown_max) print_problem(text);
}

int EntryChecks::finish(int code) const {
  if (misfits_ > misfits_shown_max)
    print_problem(std::to_string(misfits_ - misfits_shown_max) +
                  " more entries whose hash DOES NOT FIT, or whose payload is missing");
  if (misfits_ == 0) return code;
  print_hint("the stored content is not what was sealed; `vaultctl verify` names the first entry that fails");
  return code == exit_done ? exit_no : code;
}

}  // namespace vault::ctl
