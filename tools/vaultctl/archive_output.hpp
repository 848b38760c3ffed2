// The output of archive, check-archive and restore.
#pragma once

#include <nlohmann/json.hpp>

#include "store/archive/check.hpp"
#include "store/archive/write.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/restore_archive.hpp"

namespace vault::ctl {

// Each returns the exit code.
int answer_archive(const Context& context, const std::string& directory, const ArchiveResult& result);
int answer_check(const Context& context, const std::string& directory, const ArchiveReport& report);
int answer_restore(const Context& context, const std::string& directory, const RestoreResult& result);

// The findings of a check, in the form of --json.
nlohmann::ordered_json archive_report_json(const ArchiveReport& report);

// Reports a refusal by whoever was asked, with a hint for people about what became of the work done so far.
int report_failure(const Context& context, const Error& error, std::string_view hint, Asked asked);

}  // namespace vault::ctl
