#include "os/peer_connection.hpp"

#include <sys/stat.h>

namespace vault {

PeerConnection connection_of(int descriptor) {
  struct stat now {};
  if (descriptor < 0 || ::fstat(descriptor, &now) != 0 || !S_ISSOCK(now.st_mode)) return {};
  return {descriptor, now.st_ino};
}

bool is_closed(const PeerConnection& connection) {
  if (connection.descriptor < 0) return false;
  return connection_of(connection.descriptor).inode != connection.inode;
}

}  // namespace vault
