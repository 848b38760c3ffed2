// The meanings of the verdicts, for people: in --help, and beside an entry.
#pragma once

#include <string>
#include <string_view>

#include "ledger/entry.hpp"

namespace vault::ctl {

// "approved", "held for a person".
std::string_view verdict_meaning(Verdict verdict);

// A line for each, for the foot of a command's help.
std::string verdicts_explained();

}  // namespace vault::ctl
