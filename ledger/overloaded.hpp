// One function object made of several lambdas, each for one alternative of a variant.
#pragma once

namespace vault {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace vault
