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
// "; did you mean SEAL?" for a misspelt verdict; "" if it is a verdict, or nothing is near.
std::string did_you_mean_verdict(std::string_view text);

}  // namespace vault::ctl
