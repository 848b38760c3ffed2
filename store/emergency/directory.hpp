// The emergency mode's place on disk: DIR/BBB_LEDGER/entries/<seal_id>.json, one file a seal (emergency_file.hpp).
//
// A file is written under another name, fsynced, and renamed to its own without ever overwriting; the directory is
// fsynced before a receipt leaves. So a crash leaves whole files only, and of two processes that keep the same seal_id
// one finds the other's. Unfinished files begin with a dot; nobody reads them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ledger/result.hpp"
#include "os/file_lines.hpp"
#include "store/emergency_store.hpp"

namespace vault {

// Makes DIR/BBB_LEDGER/entries where it is missing, DIR itself too. Error: invalid_argument naming the directory that
// cannot be made, entered or written to.
Result<std::unique_ptr<EmergencyWriterStore>> open_emergency_writer(const std::string& directory);
// Keeps an index in memory, 64 bytes a seal, and brings it up to date with the directory at every page: other processes
// write there too. (pages.cpp)
Result<std::unique_ptr<EmergencyReaderStore>> open_emergency_reader(const std::string& directory);

// What both stand on. The entries directory, made where it is missing.
Result<UniqueFd> open_emergency_entries(const std::string& directory);
// The file's name for a seal_id.
std::string emergency_file_name(const Uuid& seal_id);
// What is kept under a seal_id; nullopt where nothing is. Errors: seal_id_conflict (the file is there and is no seal of
// the emergency mode, an old record say), internal (it cannot be read, or is damaged), unavailable (no more files can
// be opened).
Result<std::optional<KeptSeal>> read_kept_seal(int entries, const Uuid& seal_id);

}  // namespace vault
