// The gateway's permissions: roles, strangers, reserved names.
#include "gateway_fixture.hpp"

namespace vault {
namespace {

TEST_F(GatewayTest, RolesAndAuthoritiesBindCurvePeers) {
  start();
  auto ring = std::make_shared<KeyRing>();
  (*ring)["producer-key"] = {"bot", true, false, false, {"deploy"}};
  (*ring)["reader-key"] = {"eye", false, true, false, {}};
  (*ring)["admin-key"] = {"root", false, false, true, {}};
  gateway->handle(KeysChanged{ring}, effects);
  seal_from("p", 1, "producer-key");
  EXPECT_EQ(last_error(), "forbidden");
  EXPECT_EQ(last_reply().error->field, "seal.authority");
  effects.frames.clear();
  from_peer("p", SealRequest{{seal_of("deploy")}, false, false}, 1, SocketKind::requests, "producer-key");
  EXPECT_TRUE(effects.frames.empty());
  from_peer("p", HeadRequest{}, 1, SocketKind::requests, "producer-key");
  EXPECT_EQ(last_error(), "forbidden");
  seal_from("p", 1, "reader-key");
  EXPECT_EQ(last_error(), "forbidden");
  seal_from("p", 1, "a-key-that-was-removed");
  EXPECT_EQ(last_error(), "forbidden");
  effects.frames.clear();
  seal_from("p", 1, "admin-key");
  EXPECT_TRUE(effects.frames.empty());
}

TEST_F(GatewayTest, StrangersSeeWhatIsPublicAndNothingElse) {
  start();
  auto ring = std::make_shared<KeyRing>();
  (*ring)["stranger-key"] = {.name = "web", .authorities = {}, .strangers = true};
  (*ring)["both-key"] = {.name = "web", .reader = true, .authorities = {}, .strangers = true};
  gateway->handle(KeysChanged{ring}, effects);
  const auto ask = [&](const Operation& operation, const char* user = "stranger-key") {
    from_peer("p", operation, 1, SocketKind::requests, user);
  };
  for (const Operation& operation :
       {Operation(HeadRequest{}), Operation(ListRequest{}), Operation(ProofRequest{1, {}}),
        Operation(ReadRequest{.sequence = 1, .seal_id = {}, .session = {}}), Operation(VerifyRangeRequest{}),
        Operation(ConsistencyRequest{0, {}}), Operation(SealRequest{{seal_of()}, false, false})}) {
    ask(operation);
    EXPECT_EQ(last_error(), "forbidden") << operation.index();
  }
  gateway->handle(CheckpointSigned{}, effects);
  ask(CheckpointRequest{});
  EXPECT_EQ(last_error(), "ok");
  ask(TileRequest{});
  ask(EntryBundleRequest{});
  EXPECT_EQ(tasks().size(), 2U);
  ask(StatusRequest{});
  EXPECT_LT(last_reply().result.size(), 64U) << "role, ready and sequence";
  ask(StatusRequest{}, "both-key");
  EXPECT_GT(last_reply().result.size(), 300U);
}

TEST_F(GatewayTest, NobodySealsUnderNamesThatAreVaultdsOwn) {
  start();
  auto ring = std::make_shared<KeyRing>();
  (*ring)["admin-key"] = {"root", true, true, true, {}};
  (*ring)["bound-key"] = {"bot", true, false, false, {"vaultd"}};
  gateway->handle(KeysChanged{ring}, effects);
  Seal in_session = seal_of();
  in_session.session_id = "vaultd/rollback";
  for (const std::string user : {"", "admin-key", "bound-key"}) {  // "": over ipc
    from_peer("p", SealRequest{{seal_of("vaultd")}, false, false}, 1, SocketKind::requests, user);
    EXPECT_EQ(last_error(), "forbidden");
    EXPECT_EQ(last_reply().error->field, "seal.authority");
  }
  from_peer("p", SealRequest{{in_session}, false, false});
  EXPECT_EQ(last_error(), "forbidden");
  EXPECT_EQ(last_reply().error->field, "seal.session_id");
  from_peer("p", SealRequest{{seal_of(), in_session, seal_of("vaultd")}, true, false});
  EXPECT_EQ(last_error(), "forbidden");
  EXPECT_EQ(last_reply().error->field, "seals[1].session_id");
  from_peer("p", SealRequest{{seal_of("Vaultd")}, false, false});
  gateway->round_done(effects);
  ASSERT_EQ(orders().size(), 1U) << "a name that only looks like it is somebody else's";
  EXPECT_EQ(orders()[0].seals[0].authority, "Vaultd");
}

TEST_F(GatewayTest, AReservedNameOnIngestIsToldUnderItsSealId) {
  start();
  Seal known = seal_of("vaultd");
  known.seal_id = parse_uuid("018f3c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f");
  from_peer("", SealRequest{{seal_of(), known}, true, false}, 1, SocketKind::ingest);
  gateway->round_done(effects);
  EXPECT_TRUE(orders().empty());
  EXPECT_TRUE(effects.frames.empty());
  const auto refused = effects.messages<IngestRefused>(ActorId::publisher);
  ASSERT_EQ(refused.size(), 1U);
  ASSERT_EQ(refused[0].refusals.size(), 1U);
  EXPECT_EQ(refused[0].refusals[0].first, *known.seal_id);
  EXPECT_EQ(refused[0].refusals[0].second.field, "seals[1].authority");
  const auto alerts = effects.messages<AlertMessage>(ActorId::publisher);
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_NE(alerts[0].alert.message.find("seals[1].authority"), std::string::npos);
}

}  // namespace
}  // namespace vault
