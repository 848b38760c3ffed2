// What vaultctl reads is checked before it is believed: hashes recomputed, misfits told on stderr, exit code 1.
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

  // Checks an entry that is, or has just been, shown. A misfit is told at once, also with --json; of very many only the
  // first. Returns what did not fit.
  HashFaults check(const Entry& entry, PayloadRule rule = PayloadRule::expected);
  // The same; a seal that the emergency mode keeps has no hashes yet, so nothing is checked.
  void check(const AnyEntry& entry, PayloadRule rule = PayloadRule::expected);
  // The same for one that cannot even be read, so that nothing can be checked.
  void tell_unreadable(const std::string& what);
  // How many misfits were not told, if any. Returns exit_no where there was one, else `code`.
  int finish(int code) const;

 private:
  void tell(const std::string& text);

  bool off_;
  HashChecker checker_;
  std::int64_t misfits_ = 0;
};

}  // namespace vault::ctl
