// Explains a verification's findings in plain words: what a finding means, and what to do first.
#pragma once

#include <string>
#include <string_view>

namespace vault::ctl {

// A sentence about a reason of `verify` (finding_name() of ledger/verifier.hpp); "" for an unknown one.
std::string explain_finding(std::string_view reason);

// The first steps to take, whatever was found.
extern const char* const finding_first_steps;

}  // namespace vault::ctl
