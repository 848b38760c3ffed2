// Requests open to strangers: targets, routes, arguments.
#include <gtest/gtest.h>

#include "tools/web/route.hpp"

namespace vault::web {
namespace {

Result<Route> route(const std::string& target) {
  return parse_target(target).and_then(find_route);
}
std::string refusal_of(const std::string& target) {
  const auto found = route(target);
  if (found) return "ok";
  return found.error().code == ErrorCode::not_found ? "not_found" : found.error().field;
}

TEST(WebRoutes, WhatThereIs) {
  EXPECT_EQ(route("/")->name, "index.html");
  EXPECT_EQ(route("/page/app.js")->name, "app.js");
  EXPECT_EQ(route("/healthz")->kind, RouteKind::healthz);
  EXPECT_TRUE(route("/readyz?role=reader")->readers_do);
  EXPECT_EQ(route("/api/v1/status")->kind, RouteKind::status);
  EXPECT_TRUE(route("/api/v1/seals?sign=1")->sign);
  EXPECT_EQ(route("/api/v1/openapi.json")->kind, RouteKind::openapi);
  EXPECT_EQ(std::get<ReadRequest>(route("/api/v1/entries/7")->operation).sequence, 7);
  EXPECT_EQ(route("/api/v1/head?at_least=9")->at_least, 9);
  EXPECT_EQ(std::get<ReadRequest>(route("/api/v1/sessions/a%2Fb%20%C3%A9")->operation).session->session_id, "a/b é");
  const auto page = std::get<ListRequest>(
                        route("/api/v1/entries?verdict=888_HOLD&authority=a+b&order=asc&limit=7&cursor=3")->operation)
                        .page;
  EXPECT_EQ(page.verdict, Verdict::hold);
  EXPECT_EQ(page.authority, "a b");
  EXPECT_EQ(page.limit, 7U);
  EXPECT_EQ(page.cursor, 3);
  EXPECT_EQ(page.order, Order::ascending);
  EXPECT_EQ(std::get<ProofRequest>(route("/api/v1/proof/3?size=8")->operation).tree_size, 8);
  EXPECT_EQ(route("/api/v1/events?topics=entry.VOID,alert")->topics, (std::vector<std::string>{"entry.VOID", "alert"}));
}

TEST(WebRoutes, Tiles) {
  const auto tile = route("/tile/1/x001/234");
  EXPECT_TRUE(tile->whole);
  EXPECT_EQ(std::get<TileRequest>(tile->operation).level, 1);
  EXPECT_EQ(std::get<TileRequest>(tile->operation).index, 1'234);
  const auto bundle = route("/tile/entries/000.p/9");
  EXPECT_FALSE(bundle->whole);
  EXPECT_EQ(std::get<EntryBundleRequest>(bundle->operation).width, 9);
  for (const char* other : {"/tile", "/tile/0", "/tile/0/1", "/tile/data/000", "/tile/0/000.p/0", "/tile/0/000.p/256",
                            "/tile/0/000.p/07", "/tile/00/000", "/tile/64/000", "/tile/0/x000/000", "/tile/%30/000"}) {
    EXPECT_EQ(refusal_of(other), "not_found") << other;
  }
}

TEST(WebRoutes, WhatIsRefusedByName) {
  const std::pair<const char*, const char*> refused[] = {
      {"/api/v1/entries?limit=0", "limit"},
      {"/api/v1/entries?limit=1001", "limit"},
      {"/api/v1/entries?limit=9999999999999999999", "limit"},
      {"/api/v1/entries?limit=1&limit=2", "limit"},
      {"/api/v1/entries?verdict=seal", "verdict"},
      {"/api/v1/entries?from=yesterday", "from"},
      {"/api/v1/entries?token=x", "token"},
      {"/api/v1/entries/0", "sequence"},
      {"/api/v1/entries/1x", "sequence"},
      {"/api/v1/seals/x", "seal_id"},
      {"/api/v1/proof/9?size=8", "size"},
      {"/api/v1/consistency", "first"},
      {"/api/v1/consistency?first=2&second=1", "second"},
      {"/api/v1/events?topics=all", "topics"},
      {"/healthz?x=1", "x"},
      {"/readyz?role=boss", "role"},
  };
  for (const auto& [target, field] : refused) EXPECT_EQ(refusal_of(target), field) << target;
  for (const char* none :
       {"/x", "/api", "/api/v1", "/api/v2/status", "/api/v1/entries/1/2", "/page/a/b", "/page", "/metrics/x"}) {
    EXPECT_EQ(refusal_of(none), "not_found") << none;
  }
}

TEST(WebRoutes, MalformedTargets) {
  for (const std::string target : {"",        "x",    "http://host/",   "*",        "//",
                                   "/a//b",   "/./x", "/../etc/passwd", "/page/..", "/page/%2e%2e",
                                   "/%",      "/%4",  "/%zz",           "/%00",     "/a%0ab",
                                   "/%ff",    "/a b", "/x#y",           "/x?%",     "/x?=1",
                                   "/x?a=%c3"}) {
    EXPECT_FALSE(parse_target(target)) << target;
  }
}

}  // namespace
}  // namespace vault::web
