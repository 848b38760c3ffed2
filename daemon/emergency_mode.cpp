#include "daemon/emergency_mode.hpp"

#include <utility>

#include "store/emergency/directory.hpp"

namespace vault {

Result<std::unique_ptr<EmergencyMode>> EmergencyMode::open(const std::string& directory) {
  auto writer = open_emergency_writer(directory);
  if (!writer) return tl::unexpected(writer.error());
  auto reader = open_emergency_reader(directory);
  if (!reader) return tl::unexpected(reader.error());
  std::unique_ptr<EmergencyMode> mode(new EmergencyMode);
  mode->writer_store_ = std::move(*writer);
  mode->reader_store_ = std::move(*reader);
  mode->writer_ = std::make_unique<EmergencyWriter>(*mode->writer_store_, directory);
  mode->reader_ = std::make_unique<EmergencyReader>(reader_id(0), *mode->reader_store_);
  return mode;
}

// The writer writes files, so it may wait for the disk.
Status EmergencyMode::start(Supervisor& supervisor) {
  if (const Status ok = supervisor.start({{reader_id(0), reader_.get()}}); !ok) return ok;
  return supervisor.start({{ActorId::writer, writer_.get()}}, {}, true);
}

}  // namespace vault
