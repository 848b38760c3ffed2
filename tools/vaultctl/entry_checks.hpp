// Checks entries that vaultctl has read before trusting them: recomputes hashes, reports misfits on stderr, exit code
// 1.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

#include "ledger/hash_check.hpp"
#include "ledger/kept_seal.hpp"

namespace vault::ctl {

// The flag --no-check.
void add_no_check(CLI::App& command, bool& no_check);

class EntryChecks {
 public:
  explicit EntryChecks(bool no_check) : off_(no_check) {}

  // Checks an entry that is, or has just been, shown. Reports a misfit at once, even with --json; if there are very
  // many, only the first. Returns what did not fit.
  HashFaults check(const Entry& entry, PayloadRule rule = PayloadRule::expected);
  // The same; a seal kept by the emergency mode has no hashes yet, so nothing is checked.
  void check(const AnyEntry& entry, PayloadRule rule = PayloadRule::expected);
  // The same for an entry that cannot even be read, so that nothing can be checked.
  void report_unreadable(const std::string& what);
  // Reports how many misfits were not shown, if any. Returns exit_no if there was one, otherwise `code`.
  int finish(int code) const;

 private:
  void report(const std::string& text);

  bool off_;
  HashChecker checker_;
  std::int64_t misfits_ = 0;
};

}  // namespace vault::ctl
