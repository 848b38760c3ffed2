// Members of a map that another process has made: none of them need be there, or be of the kind that it should be.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace vault::web {

// The member `name` if it is of the kind of `otherwise`; else `otherwise`, also where `map` is no map. Never throws.
template <class Value>
Value member_or(const nlohmann::json& map, std::string_view name, Value otherwise) {
  const auto found = map.find(name);
  if (found == map.end()) return otherwise;
  const nlohmann::json wanted(otherwise);
  const bool fits = found->type() == wanted.type() || (found->is_number() && wanted.is_number());
  return fits ? found->template get<Value>() : otherwise;
}

}  // namespace vault::web
