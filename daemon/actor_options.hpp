// Derives the options of gateway, writer and notary from the settings.
#pragma once

#include "actors/gateway.hpp"
#include "actors/notary.hpp"
#include "actors/writer.hpp"
#include "daemon/settings/settings.hpp"

namespace vault {

GatewayOptions gateway_options(const Settings& settings);
WriterOptions writer_options(const Settings& settings);
NotaryOptions notary_options(const Settings& settings);

}  // namespace vault
