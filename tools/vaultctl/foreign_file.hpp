// Recognises files that cannot be evidence, so that a slip in a path is not reported as a forgery.
#pragma once

#include <string>
#include <string_view>

namespace vault::ctl {

// Describes what a file looks like, and what to do with it: "a verifier key: it goes behind --vkey". "" for whatever
// may be evidence, also damaged. Pure.
std::string describe_foreign(std::string_view content);

}  // namespace vault::ctl
