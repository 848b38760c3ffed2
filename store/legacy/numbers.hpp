// Undoes what PostgreSQL's jsonb does to numbers written by Python. jsonb keeps values but not spellings: 1e+16 comes
// back as 10000000000000000, 1e-07 as 0.0000001, -0.0 as 0.0. So the text that was hashed cannot be read back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vault {

// Every text, as Python's json.dumps writes it, from which jsonb may have made the number `literal`; `literal` itself
// first if it is one of them. A single text equal to `literal` means that the spelling was kept.
std::vector<std::string> python_spellings(std::string_view literal);

}  // namespace vault
