// vaultd's settings as flags, variables and a file give them, for the tests of settings.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "daemon/settings/settings.hpp"

namespace vault {

class SettingsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<std::string> ours{"DATABASE_URL"};
    for (char** one = environ; *one != nullptr; ++one) {
      const std::string variable(*one);
      if (variable.starts_with("VAULT")) ours.push_back(variable.substr(0, variable.find('=')));
    }
    for (const std::string& name : ours) unsetenv(name.c_str());
  }

  void TearDown() override { std::remove(file_.c_str()); }

  Result<Settings> load(std::vector<std::string> flags) {
    flags.insert(flags.begin(), "vaultd");
    std::vector<char*> argv;
    for (auto& flag : flags) argv.push_back(flag.data());
    argv.push_back(nullptr);
    return load_settings(static_cast<int>(flags.size()), argv.data(), help_);
  }

  // The settings from a file with this text.
  Result<Settings> load_text(const std::string& text) {
    std::ofstream(file_) << text;
    return load({"--config", file_});
  }

  std::string refusal(const std::string& text) {
    const auto settings = load_text(text);
    if (settings) return "accepted";
    EXPECT_EQ(settings.error().code, ErrorCode::invalid_argument);
    return settings.error().message;
  }

  std::string help_;
  const std::string file_ = testing::TempDir() + "vaultd settings " + std::to_string(getpid()) + ".toml";
};

}  // namespace vault
