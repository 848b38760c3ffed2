// The emergency mode's directory: DIR/BBB_LEDGER/entries/<seal_id>.json, one file per seal (emergency_file.hpp).
//
// A file is written under another name, fsynced, and renamed to its own without ever overwriting; the directory is
// fsynced before a receipt is sent. So a crash leaves only complete files, and if two processes keep the same seal_id,
// one finds the other's file. Unfinished files begin with a dot; nobody reads them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ledger/result.hpp"
#include "os/file_lines.hpp"
#include "store/emergency_store.hpp"

namespace vault {

// Makes DIR/BBB_LEDGER/entries if it is missing, including DIR itself. Error: invalid_argument naming the directory
// that cannot be made, entered or written to.
Result<std::unique_ptr<EmergencyWriterStore>> open_emergency_writer(const std::string& directory);
// Keeps an index in memory, 64 bytes per seal, and updates it from the directory for every page, since other processes
// write there too. (pages.cpp)
Result<std::unique_ptr<EmergencyReaderStore>> open_emergency_reader(const std::string& directory);

// Shared by both: opens the entries directory, making it if it is missing.
Result<UniqueFd> open_emergency_entries(const std::string& directory);
// The file name for a seal_id.
std::string emergency_file_name(const Uuid& seal_id);
// The seal kept under a seal_id; nullopt if there is none. Errors: seal_id_conflict (the file exists but was not
// written by the emergency mode; an old record, for example), internal (it cannot be read, or is damaged), unavailable
// (no more files can be opened).
Result<std::optional<KeptSeal>> read_kept_seal(int entries, const Uuid& seal_id);

}  // namespace vault
