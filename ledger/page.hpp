// A query for a ledger's entries, and one page of its answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/entry.hpp"
#include "ledger/limits.hpp"

namespace vault {

enum class Order : std::uint8_t { ascending, descending };

// All conditions must hold.
struct PageRequest {
  std::optional<std::string> session_id;
  std::optional<std::string> authority;
  std::optional<Verdict> verdict;
  std::optional<Timestamp> from;       // inclusive
  std::optional<Timestamp> to;         // exclusive
  std::optional<std::int64_t> cursor;  // continue after (ascending) or before (descending) this sequence
  std::size_t limit = limits::list_limit_default;
  Order order = Order::descending;

  friend bool operator==(const PageRequest&, const PageRequest&) = default;
};

struct Page {
  std::vector<Entry> entries;
  std::optional<std::int64_t> next_cursor;  // nullopt: done

  friend bool operator==(const Page&, const Page&) = default;
};

}  // namespace vault
