// seal_ids drawn by vaultctl, so that what it sends again after a lost reply seals nothing twice.
#pragma once

#include "ledger/uuid.hpp"

namespace vault::ctl {

// A UUIDv7 of now.
Uuid draw_seal_id();

}  // namespace vault::ctl
