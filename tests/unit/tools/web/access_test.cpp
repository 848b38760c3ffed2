// Access rights; names and origins; tokens; limits for one remote.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tools/web/access.hpp"
#include "tools/web/remote_limits.hpp"
#include "tools/web/token.hpp"

namespace vault::web {
namespace {

constexpr Asker here = Asker::here, proxied = Asker::proxied, elsewhere = Asker::elsewhere;
constexpr Access yes = Access::allowed, ask = Access::unauthenticated, no = Access::forbidden;

struct Row {
  const char* what;
  AccessPolicy policy;
  Asker asker;
  bool token;
  Access strangers, metrics, page, api, seals;
};

TEST(WebAccess, TheTable) {
  const AccessPolicy plain{.has_token = true};
  const AccessPolicy trusting{.trust_local_users = true};
  const AccessPolicy sealing{.allow_seal = true, .has_token = true};
  const AccessPolicy open{.is_public = true};
  const AccessPolicy open_metrics{.is_public = true, .public_metrics = true};
  const AccessPolicy open_with_token{.is_public = true, .has_token = true};
  const Row rows[] = {
      {"loopback", plain, here, false, yes, yes, yes, ask, no},
      {"loopback, token", plain, here, true, yes, yes, yes, yes, no},
      {"loopback, trusting", trusting, here, false, yes, yes, yes, yes, no},
      {"trusting is for loopback", trusting, elsewhere, false, no, no, no, no, no},
      {"proxied", plain, proxied, false, yes, ask, yes, ask, no},
      {"proxied, trusting", trusting, proxied, false, yes, no, no, no, no},
      {"proxied, sealing", sealing, proxied, false, yes, ask, yes, ask, ask},
      {"proxied, token", plain, proxied, true, yes, yes, yes, yes, no},
      {"elsewhere", plain, elsewhere, false, ask, ask, yes, ask, no},
      {"elsewhere, token", plain, elsewhere, true, yes, yes, yes, yes, no},
      {"sealing", sealing, here, false, yes, yes, yes, ask, yes},
      {"sealing from elsewhere", sealing, elsewhere, false, ask, ask, yes, ask, ask},
      {"sealing, token", sealing, elsewhere, true, yes, yes, yes, yes, yes},
      {"public", open, elsewhere, false, yes, no, no, no, no},
      {"public behind a proxy", open, here, false, yes, no, no, no, no},
      {"public metrics", open_metrics, elsewhere, false, yes, yes, no, no, no},
      {"public, token", open_with_token, elsewhere, false, yes, ask, yes, ask, no},
      {"public, with it", open_with_token, elsewhere, true, yes, yes, yes, yes, no},
  };
  for (const Row& row : rows) {
    const auto decide = [&row](Audience audience) { return decide_access(row.policy, audience, row.asker, row.token); };
    EXPECT_EQ(decide(Audience::strangers), row.strangers) << row.what;
    EXPECT_EQ(decide(Audience::metrics), row.metrics) << row.what;
    EXPECT_EQ(decide(Audience::page), row.page) << row.what;
    EXPECT_EQ(decide(Audience::api), row.api) << row.what;
    EXPECT_EQ(decide(Audience::seals), row.seals) << row.what;
  }
}

TEST(WebAccess, Hosts) {
  for (const char* own : {"localhost", "LOCALHOST:9999", "127.0.0.1", "127.0.0.1:80", "127.1.2.3", "[::1]",
                          "[::1]:9999", "vault.example:443"}) {
    EXPECT_TRUE(is_own_host(own, "127.0.0.1", {"Vault.example"})) << own;
  }
  for (const char* other :
       {"", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "127.0.1", "127.0.0.256",
        "127.0.0.0x1", "127.0.0.", "[::2]", "::1", "[::1", "[::1]x", "vault.example.org"}) {
    EXPECT_FALSE(is_own_host(other, "127.0.0.1", {"vault.example"})) << other;
  }
}

TEST(WebAccess, WhatAProxyHandsOnIsNotFromHere) {
  for (const char* host : {"localhost", "127.0.0.1:9999", "[::1]:9999"}) {
    EXPECT_EQ(asker_on_loopback(host, "127.0.0.1", false), here) << host;
    EXPECT_EQ(asker_on_loopback(host, "127.0.0.1", true), proxied) << host;
  }
  EXPECT_EQ(asker_on_loopback("vault.example", "127.0.0.1", false), proxied);
}

TEST(WebAccess, Origins) {
  EXPECT_FALSE(is_cross_origin({"localhost:9999", "", ""}));
  EXPECT_FALSE(is_cross_origin({"localhost:9999", "http://localhost:9999", "same-origin"}));
  EXPECT_FALSE(is_cross_origin({"v.example", "https://v.example", "none"}));
  EXPECT_TRUE(is_cross_origin({"localhost:9999", "http://localhost:8080", ""}));
  EXPECT_TRUE(is_cross_origin({"localhost:9999", "null", ""}));
  for (const char* site : {"cross-site", "same-site", "x"}) EXPECT_TRUE(is_cross_origin({"a", "", site}));
}

TEST(WebToken, IsMadeOnceAndCompared) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "vault-web-token";
  std::filesystem::remove(path);
  ASSERT_TRUE(read_or_make_token(path, -1));
  const auto mode = std::filesystem::status(path).permissions();
  EXPECT_EQ(static_cast<unsigned>(mode), 0640U);
  std::string text;
  std::ifstream(path) >> text;
  const auto token = read_or_make_token(path, -1);
  ASSERT_TRUE(token);
  EXPECT_TRUE(token->matches("Bearer " + text));
  EXPECT_TRUE(token->matches("bearer  " + text + " "));
  for (const std::string& other : {std::string(), std::string("Bearer"), std::string("Bearer "), text, "Basic " + text,
                                   "Bearer " + text + "0", "Bearer " + text.substr(1)}) {
    EXPECT_FALSE(token->matches(other)) << other;
  }
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  EXPECT_EQ(read_token(path).error().code, ErrorCode::forbidden);
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  std::ofstream(path) << "short\n";
  EXPECT_EQ(read_token(path).error().code, ErrorCode::invalid_argument);
  std::filesystem::remove(path);
  EXPECT_EQ(read_token(path).error().code, ErrorCode::not_found);
}

TEST(WebLimits, ConnectionsAndRequestsOfARemote) {
  RemoteLimits limits(2, 10);
  RemoteLimits::Instant now{std::chrono::seconds(100)};
  EXPECT_TRUE(limits.connect("a", now));
  EXPECT_TRUE(limits.connect("a", now));
  EXPECT_FALSE(limits.connect("a", now));
  EXPECT_TRUE(limits.connect("b", now));
  limits.disconnect("a");
  EXPECT_TRUE(limits.connect("a", now));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(limits.request("a", now)) << i;
  EXPECT_FALSE(limits.request("a", now));
  EXPECT_TRUE(limits.request("b", now));
  now += std::chrono::milliseconds(250);
  EXPECT_TRUE(limits.request("a", now));
  EXPECT_TRUE(limits.request("a", now));
  EXPECT_FALSE(limits.request("a", now));
}

TEST(WebLimits, ForgetsWhoHasGone) {
  RemoteLimits limits(2, 10);
  RemoteLimits::Instant now{std::chrono::seconds(100)};
  for (int i = 0; i < 1'000; ++i) {
    const std::string name = std::to_string(i);
    limits.connect(name, now);
    limits.disconnect(name);
  }
  now += std::chrono::seconds(5);
  limits.connect("x", now);
  EXPECT_EQ(limits.addresses(), 1U);
}

TEST(WebLimits, AddressesThatAreOneRemote) {
  EXPECT_EQ(limited_address("10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(limited_address("::ffff:10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(limited_address("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
  EXPECT_EQ(limited_address("2001:db8:1:2:ffff::1"), "2001:db8:1:2::");
}

}  // namespace
}  // namespace vault::web
