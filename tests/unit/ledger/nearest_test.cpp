#include "ledger/nearest.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace vault {
namespace {

constexpr std::array<std::string_view, 8> commands{"seal", "read",  "status",     "list",
                                                   "top",  "query", "checkpoint", "check-proof"};

TEST(Nearest, MisspeltNames) {
  const auto meant = [](std::string_view name) { return nearest(name, std::span<const std::string_view>(commands)); };
  EXPECT_EQ(meant("stauts"), "status");
  EXPECT_EQ(meant("sael"), "seal");
  EXPECT_EQ(meant("lst"), "list");
  EXPECT_EQ(meant("tpo"), "top");
  EXPECT_EQ(meant("check-prof"), "check-proof");
  EXPECT_EQ(meant("chekpoints"), "checkpoint");
}

TEST(Nearest, ABadGuessIsNone) {
  const auto meant = [](std::string_view name) { return nearest(name, std::span<const std::string_view>(commands)); };
  for (const char* name : {"", "x", "frobnicate", "zzzz", "rm"}) EXPECT_EQ(meant(name), "") << name;
  EXPECT_EQ(nearest("seal", std::span<const std::string>()), "");
}

TEST(Nearest, AnUnknownOptionIsToldWithoutItsValue) {
  const std::vector<std::string> known{"--readers", "--database"};
  const auto told = [&](const std::vector<std::string>& rest) { return describe_unknown_option(rest, known); };
  EXPECT_EQ(told({"stray", "--reders", "3"}), "unknown option --reders; did you mean --readers?");
  EXPECT_EQ(told({"--databse=postgresql://u:x@h/db"}), "unknown option --databse; did you mean --database?");
  EXPECT_EQ(told({"--postgresql://u:x@h/db"}), "unknown option --postgresql");
  EXPECT_EQ(told({"stray", "-1", "--"}), "");
}

}  // namespace
}  // namespace vault
