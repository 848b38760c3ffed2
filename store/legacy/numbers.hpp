// What PostgreSQL's jsonb does to the numbers that Python writes. It keeps values and forgets spellings: 1e+16 comes
// back as 10000000000000000, 1e-07 as 0.0000001, -0.0 as 0.0. Whoever hashed the text cannot find it again there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vault {

// Every text from which jsonb may have made the number `literal`, as Python's json.dumps writes it; `literal` itself
// first where it may be one of them. One text that is `literal`: the spelling was kept.
std::vector<std::string> python_spellings(std::string_view literal);

}  // namespace vault
