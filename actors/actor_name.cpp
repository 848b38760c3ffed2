// Names of actors, for the log and for alerts.
#include "actors/message.hpp"

namespace vault {

std::string actor_name(ActorId id) {
  switch (id) {
    case ActorId::gateway:
      return "gateway";
    case ActorId::decoder:
      return "decoder";
    case ActorId::writer:
      return "writer";
    case ActorId::committer:
      return "committer";
    case ActorId::coordinator:
      return "coordinator";
    case ActorId::lease_keeper:
      return "lease_keeper";
    case ActorId::notary:
      return "notary";
    case ActorId::publisher:
      return "publisher";
    case ActorId::auditor:
      return "auditor";
    case ActorId::authenticator:
      return "authenticator";
    case ActorId::reader_first:
      break;
  }
  return "reader-" + std::to_string(static_cast<int>(id) - static_cast<int>(ActorId::reader_first));
}

}  // namespace vault
