// Numbers formatted for people.
#pragma once

#include <cstdint>
#include <string>

namespace vault::ctl {

// "12,345,678".
std::string with_thousands(std::uint64_t number);

}  // namespace vault::ctl
