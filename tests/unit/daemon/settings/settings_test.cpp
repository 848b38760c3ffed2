#include "daemon/settings/settings.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "daemon/settings/fields.hpp"
#include "tests/unit/daemon/settings/settings_fixture.hpp"

namespace vault {
namespace {

using std::chrono::milliseconds;

TEST_F(SettingsTest, DefaultsAreWhatTheyAreAndFit) {
  auto settings = load({"--database", "postgresql:///vault"});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->database, "postgresql:///vault");
  EXPECT_EQ(settings->requests, std::vector<std::string>{"ipc:///run/vaultd/requests"});
  EXPECT_EQ(settings->request_timeout, milliseconds(30'000));
  EXPECT_TRUE(check_settings(*settings));
}

TEST_F(SettingsTest, FlagOverVariableOverFileOverDefault) {
  EXPECT_EQ(load_text("")->readers, 3U);
  EXPECT_EQ(load_text("readers = 4")->readers, 4U);
  setenv("VAULT_READERS", "5", 1);
  EXPECT_EQ(load_text("readers = 4")->readers, 5U);
  EXPECT_EQ(load({"--config", file_, "--readers", "6"})->readers, 6U);
  EXPECT_EQ(load({"--config", file_, "--readers=6"})->readers, 6U);
}

TEST_F(SettingsTest, VaultEventsIsTheClientsAlone) {
  setenv("VAULT_EVENTS", "ipc:///tmp/where-a-client-listens", 1);
  EXPECT_EQ(load({})->events, std::vector<std::string>{"ipc:///run/vaultd/events"});
  const auto doubts = doubtful_variables(*load({}));
  ASSERT_EQ(doubts.size(), 1U);
  EXPECT_NE(doubts[0].find("VAULTD_EVENTS"), std::string::npos);
  setenv("VAULTD_EVENTS", "ipc:///tmp/where-a-client-listens", 1);
  EXPECT_EQ(load({})->events, std::vector<std::string>{"ipc:///tmp/where-a-client-listens"});
  EXPECT_TRUE(doubtful_variables(*load({})).empty());
  unsetenv("VAULT_EVENTS");
  unsetenv("VAULTD_EVENTS");
}

TEST_F(SettingsTest, AMisspeltVariableIsTold) {
  setenv("VAULT_READRS", "s3cret", 1);
  setenv("VAULT_TOKEN_OF_ANOTHER_PROGRAM", "s3cret", 1);
  EXPECT_THAT(doubtful_variables(*load({})),
              testing::UnorderedElementsAre("VAULT_READRS: no such setting; did you mean VAULT_READERS?",
                                            "VAULT_TOKEN_OF_ANOTHER_PROGRAM: no such setting"));
  unsetenv("VAULT_READRS");
  unsetenv("VAULT_TOKEN_OF_ANOTHER_PROGRAM");
  setenv("VAULT_ENDPOINT", "ipc:///x", 1);
  setenv("VAULT_READERS", "4", 1);
  EXPECT_THAT(doubtful_variables(*load({})), testing::IsEmpty());
  unsetenv("VAULT_ENDPOINT");
}

TEST_F(SettingsTest, AnEmptyVariableIsNoVariable) {
  setenv("VAULT_READERS", "", 1);
  EXPECT_EQ(load({})->readers, 3U);
}

TEST_F(SettingsTest, AServicesDirectoriesAreItsDefaults) {
  setenv("RUNTIME_DIRECTORY", "/run/vaultd/a:/run/other", 1);
  setenv("STATE_DIRECTORY", "/var/lib/vaultd/a", 1);
  setenv("SYSTEMD_EXEC_PID", "1", 1);  // made for a parent process
  EXPECT_EQ(load({})->state_dir, "/var/lib/vaultd");
  setenv("SYSTEMD_EXEC_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(load({})->state_dir, "/var/lib/vaultd/a");
  EXPECT_EQ(load({})->events, std::vector<std::string>{"ipc:///run/vaultd/a/events"});
  EXPECT_EQ(load({"--events=ipc:///tmp/e"})->events, std::vector<std::string>{"ipc:///tmp/e"});
  for (const char* name : {"RUNTIME_DIRECTORY", "STATE_DIRECTORY", "SYSTEMD_EXEC_PID"}) unsetenv(name);
}

// The example in systemd/ shows every setting that a file may sensibly contain, with its default.
TEST_F(SettingsTest, TheExampleFileLoadsAndShowsTheDefaults) {
  std::ifstream file(VAULT_SOURCE_DIR "/systemd/vaultd.toml");
  std::string text;
  for (std::string line; std::getline(file, line);) {
    const bool setting = line.size() > 2 && line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';
    if (setting && !line.starts_with("#database") && !line.starts_with("#curve")) line.erase(0, 1);
    text += line + "\n";
  }
  const auto settings = load_text(text);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_TRUE(check_settings(*settings));
  EXPECT_EQ(format_settings(*settings), format_settings(*load({"--embedded=/var/lib/vaultd/postgres"})));
  for (const auto& field : setting_fields()) {
    if (field.name == "backend" || field.name == "legacy_dir") continue;
    if (field.name == "accept_rollback") continue;  // given once, on the command line
    const std::string line = std::string(field.name) + " = ";
    EXPECT_TRUE(text.find("\n" + line) != std::string::npos || text.find("\n#" + line) != std::string::npos) << line;
  }
}

TEST_F(SettingsTest, TheFileMayComeFromTheEnvironment) {
  std::ofstream(file_) << "readers = 9\n";
  setenv("VAULT_CONFIG", file_.c_str(), 1);
  EXPECT_EQ(load({})->readers, 9U);
}

TEST_F(SettingsTest, EverySettingHasAFlagAVariableAndAKey) {
  // A value that each form accepts and that is not the default.
  const auto sample = [](const SettingField& field) -> std::string {
    if (const auto* flag = std::get_if<bool Settings::*>(&field.member)) return Settings{}.*(*flag) ? "0" : "1";
    if (std::holds_alternative<milliseconds Settings::*>(field.member)) return "777ms";
    if (std::holds_alternative<std::vector<std::string> Settings::*>(field.member)) return "ipc:///tmp/a";
    if (field.name == "socket_mode") return "0600";
    if (field.name == "log_level") return "debug";
    if (field.name == "log_format") return "json";
    if (field.name == "backend") return "legacy";
    if (field.name == "schema") return "some_text";
    if (std::holds_alternative<std::string Settings::*>(field.member)) return "some-text";
    return "2048";
  };
  for (const auto& field : setting_fields()) {
    if (field.name == "readers") continue;  // at most 64
    const std::string value = sample(field);
    const std::string line = std::string(field.name) + " = ";
    const auto by_flag = load({flag_of(field) + "=" + value});
    ASSERT_TRUE(by_flag) << by_flag.error().message;
    const std::string shown = format_settings(*by_flag);
    EXPECT_NE(shown, format_settings(*load({}))) << field.name;
    setenv(variable_of(field).c_str(), value.c_str(), 1);
    EXPECT_EQ(format_settings(*load({})), shown) << field.name;
    unsetenv(variable_of(field).c_str());
    const auto at = shown.find("\n" + line);
    const std::string as_toml = shown.substr(at == std::string::npos ? 0 : at + 1);
    const auto by_file = load_text(as_toml.substr(0, as_toml.find('\n') + 1));
    ASSERT_TRUE(by_file) << by_file.error().message;
    EXPECT_EQ(format_settings(*by_file), shown) << field.name;
  }
}

TEST_F(SettingsTest, ListsRepeatTheFlagAndReplaceTheDefault) {
  const std::vector<std::string> both{"ipc:///tmp/a", "tcp://127.0.0.1:5555"};
  EXPECT_EQ(load({"--requests", both[0], "--requests", both[1]})->requests, both);
  setenv("VAULT_REQUESTS", "ipc:///tmp/a,tcp://127.0.0.1:5555", 1);
  EXPECT_EQ(load({})->requests, both);
  unsetenv("VAULT_REQUESTS");
  EXPECT_EQ(load_text("requests = ['ipc:///tmp/a', 'tcp://127.0.0.1:5555']")->requests, both);
  EXPECT_FALSE(load({"--requests", both[0], both[1]}));  // one flag, one endpoint
}

TEST_F(SettingsTest, BooleansAreTrueOrFalse) {
  EXPECT_TRUE(load({"--migrate"})->migrate);
  EXPECT_FALSE(load({"--migrate=0"})->migrate);
  EXPECT_TRUE(load_text("migrate = 1")->migrate);
  EXPECT_TRUE(load_text("migrate = true")->migrate);
  EXPECT_FALSE(load_text("migrate = false")->migrate);
  EXPECT_TRUE(load({"--migrate=true"})->migrate);
  EXPECT_FALSE(load({"--migrate", "--migrate=false"})->migrate);
  setenv("VAULT_MIGRATE", "1", 1);
  EXPECT_TRUE(load({})->migrate);
  EXPECT_FALSE(load({"--migrate=0"})->migrate);
  EXPECT_FALSE(load({"--migrate=false"})->migrate);
  setenv("VAULT_MIGRATE", "true", 1);
  EXPECT_TRUE(load({})->migrate);
  setenv("VAULT_MIGRATE", "false", 1);
  EXPECT_FALSE(load({})->migrate);
  EXPECT_EQ(load({"--migrate=yes"}).error().message, "--migrate: must be true or false, not \"yes\"");
  EXPECT_EQ(refusal("migrate = 2"), file_ + ":1: migrate: must be true or false, not 2");
  setenv("VAULT_MIGRATE", "yes", 1);
  const auto refused = load({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "VAULT_MIGRATE: must be true or false, not \"yes\"");
}

TEST_F(SettingsTest, DurationsAreWrittenTheSameEverywhere) {
  EXPECT_EQ(load({"--request-timeout", "250ms"})->request_timeout, milliseconds(250));
  EXPECT_EQ(load_text("request_timeout = '2s'")->request_timeout, milliseconds(2'000));
  setenv("VAULT_REQUEST_TIMEOUT", "5m", 1);
  EXPECT_EQ(load({})->request_timeout, milliseconds(300'000));
  for (const char* wrong : {"-1", "s", "-1s", "5x", "30m1h", "25h", "0s", "99999999999999999999s"}) {
    setenv("VAULT_REQUEST_TIMEOUT", wrong, 1);
    const auto refused = load({});
    ASSERT_FALSE(refused) << wrong;
    EXPECT_TRUE(refused.error().message.starts_with("VAULT_REQUEST_TIMEOUT: must be a duration such as "))
        << refused.error().message;
  }
  setenv("VAULT_REQUEST_TIMEOUT", "1m 1.5s", 1);
  EXPECT_EQ(load({})->request_timeout, milliseconds(61'500));
  setenv("VAULT_REQUEST_TIMEOUT", "0.25", 1);
  EXPECT_EQ(load({})->request_timeout, milliseconds(250));
  EXPECT_EQ(load({"--request-timeout", "30"})->request_timeout, milliseconds(30'000));
  unsetenv("VAULT_REQUEST_TIMEOUT");
  EXPECT_EQ(load_text("request_timeout = 30")->request_timeout, milliseconds(30'000));
  EXPECT_EQ(load_text("request_timeout = '30'")->request_timeout, milliseconds(30'000));
}

TEST_F(SettingsTest, InTheFileEverythingMayStandInQuotes) {
  EXPECT_TRUE(load_text("migrate = 'true'")->migrate);
  EXPECT_TRUE(load_text("migrate = '1'")->migrate);
  EXPECT_FALSE(load_text("publish_payloads = 'false'")->publish_payloads);
  EXPECT_EQ(load_text("readers = '4'")->readers, 4U);
  EXPECT_EQ(load_text("accept_rollback = '7'")->accept_rollback, 7);
  EXPECT_EQ(load_text("queue_bytes = '4096'")->queue_bytes, 4'096U);
  EXPECT_EQ(load_text("requests = 'ipc:///tmp/a'")->requests, std::vector<std::string>{"ipc:///tmp/a"});
  EXPECT_EQ(load_text("readers = ''")->readers, 3U);  // as an empty variable
  EXPECT_EQ(refusal("migrate = 'yes'\n"), file_ + ":1: migrate: must be true or false, not \"yes\"");
  EXPECT_EQ(refusal("migrate = [true]\n"), file_ + ":1: migrate: must be true or false, not an array");
}

TEST_F(SettingsTest, SizesMayHaveAUnit) {
  EXPECT_EQ(load_text("queue_bytes = '256MiB'")->queue_bytes, std::size_t{256} << 20);
  EXPECT_EQ(load_text("queue_bytes = 268435456")->queue_bytes, std::size_t{256} << 20);
  EXPECT_EQ(load({"--queue-bytes", "0.5 GiB"})->queue_bytes, std::size_t{512} << 20);
  EXPECT_EQ(refusal("queue_bytes = '256 megs'\n"), file_ +
                                                       ":1: queue_bytes: must be a size such as 64KiB, or bytes, from "
                                                       "1024 to 68719476736, not \"256 megs\"");
  EXPECT_EQ(refusal("readers = '4KiB'\n"), file_ + ":1: readers: must be a number from 1 to 64, not \"4KiB\"");
}

TEST_F(SettingsTest, AWrongFileIsNamedWithLineAndKey) {
  EXPECT_EQ(refusal("\nreader = 4\n"), file_ + ":2: reader: no such setting; did you mean readers?");
  EXPECT_EQ(refusal("nonsense_here = 4\n"), file_ + ":1: nonsense_here: no such setting");
  EXPECT_EQ(refusal("readrs = 4\nlog_levle = 'info'\nreaders = 4\nqueue_seals = 'many'\n"),
            file_ + ":1: readrs: no such setting; did you mean readers?\n" + file_ +
                ":2: log_levle: no such setting; did you mean log_level?\n" + file_ +
                ":4: queue_seals: must be a number from 1 to 10000000, not \"many\"")
      << "all of it, in the file's order";
  EXPECT_EQ(refusal("# why\n\nreaders = 0\n"), file_ + ":3: readers: must be a number from 1 to 64, not 0");
  EXPECT_EQ(refusal("readers = 'four'\n"), file_ + ":1: readers: must be a number from 1 to 64, not \"four\"");
  const std::string duration = ":1: request_timeout: must be a duration such as 30s, 500ms or 1h30m, from 1ms to 24h";
  EXPECT_EQ(refusal("request_timeout = 86401\n"), file_ + duration + ", not 86401s");
  EXPECT_EQ(refusal("request_timeout = 1.5\n"), file_ + duration + ", in quotes, not 1.5");
  EXPECT_EQ(refusal("request_timeout = true\n"), file_ + duration + ", in quotes, not true");
  EXPECT_EQ(refusal("requests = ['ipc:///tmp/a', 5]\n").substr(0, file_.size() + 14), file_ + ":1: requests: ");
  EXPECT_EQ(refusal("socket_mode = 660\n"), file_ + ":1: socket_mode: must be a mode such as 0660, in quotes, not 660");
  EXPECT_EQ(refusal("log_level = 'loud'\n"),
            file_ + ":1: log_level: must be trace, debug, info, warning or error, not \"loud\"");
  EXPECT_EQ(refusal("[limits]\nreaders = 4\n"), file_ + ":1: limits: no such setting");
  EXPECT_TRUE(refusal("readers = 4\nreaders = 5\n").starts_with(file_ + ":2: "));
  EXPECT_TRUE(refusal("readers = \n").starts_with(file_ + ":1: "));
  const auto missing = load({"--config", "/nowhere/vaultd.toml"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "/nowhere/vaultd.toml: No such file or directory");
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  const auto directory = load({"--config", "/tmp"});
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().message, "/tmp: Is a directory");
  EXPECT_EQ(directory.error().code, ErrorCode::invalid_argument);
  EXPECT_FALSE(load({"--config", "/dev/zero"}));
}

TEST_F(SettingsTest, AWrongFlagIsNamed) {
  const auto unknown = load({"--reader", "4"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "command line: unknown option --reader; did you mean --readers? (see --help)");
  const auto value = load({"--readers", "-1"});
  ASSERT_FALSE(value);
  EXPECT_FALSE(load({"stray"}));
  const auto range = load({"--readers", "65"});
  ASSERT_FALSE(range);
  EXPECT_EQ(range.error().message, "--readers: must be a number from 1 to 64, not 65");
  EXPECT_EQ(range.error().field, "readers");
}

TEST_F(SettingsTest, DatabaseAndEmbeddedWhoeverHasMoreAuthority) {
  setenv("DATABASE_URL", "postgresql:///from-url", 1);
  EXPECT_EQ(load({})->database, "postgresql:///from-url");
  setenv("VAULT_DATABASE", "postgresql:///from-variable", 1);
  EXPECT_EQ(load({})->database, "postgresql:///from-variable");
  const auto embedded = load({"--embedded", "/tmp/x"});
  EXPECT_EQ(embedded->database, "");
  EXPECT_TRUE(check_settings(*embedded));
  EXPECT_EQ(load_text("embedded = '/tmp/x'")->embedded, "");
  EXPECT_FALSE(check_settings(*load({"--embedded", "/tmp/x", "--database", "postgresql:///x"})));
}

TEST_F(SettingsTest, WhatBelongsTogetherIsChecked) {
  const auto refused = [&](std::vector<std::string> flags, const std::string& key) {
    flags.insert(flags.end(), {"--database", "postgresql:///vault"});
    const auto settings = load(flags);
    ASSERT_TRUE(settings) << settings.error().message;
    const Status status = check_settings(*settings);
    ASSERT_FALSE(status) << flags[0];
    EXPECT_EQ(status.error().field, key) << status.error().message;
    EXPECT_EQ(status.error().code, ErrorCode::invalid_argument);
  };
  EXPECT_EQ(check_settings(*load({})).error().field, "database");
  refused({"--requests=tcp://0.0.0.0:5555"}, "requests");
  refused({"--ingest=tcp://*:5555"}, "ingest");
  refused({"--events=tcp://[::]:5555"}, "events");
  refused({"--events=tcp://127.evil.example:5555"}, "events");
  refused({"--requests=ipc:///tmp/a", "--ingest=ipc:///tmp/a"}, "ingest");
  refused({"--curve-server-key=/tmp/key"}, "curve_clients");
  refused({"--curve-clients=/tmp/keys"}, "curve_server_key");
  refused({"--max-message-bytes=2048"}, "max_message_bytes");
  refused({"--queue-bytes=19173960"}, "queue_bytes");  // seven eighths of it are a byte short of max_message_bytes
  EXPECT_TRUE(check_settings(*load({"--database=x", "--queue-bytes=19173961"})));
  refused({"--accept-rollback=5"}, "accept_rollback");
  refused({"--backend=legacy"}, "legacy_dir");
  for (const char* local : {"tcp://127.0.0.1:5555", "tcp://[::1]:5555", "tcp://127.1.2.3:0"}) {
    EXPECT_TRUE(check_settings(*load({"--database=x", "--requests", local}))) << local;
  }
  EXPECT_TRUE(check_settings(
      *load({"--database=x", "--requests=tcp://*:5555", "--curve-server-key=/k", "--curve-clients=/c"})));
}

TEST_F(SettingsTest, EndpointsHaveAForm) {
  for (const std::string wrong : {"", "/run/vaultd", "inproc://x", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:x",
                                  "tcp://:5555", "tcp://127.0.0.1:65536", "ipc://"}) {
    EXPECT_FALSE(load({"--requests=" + wrong})) << wrong;
  }
  EXPECT_TRUE(load({"--requests=ipc://" + std::string(107, 'a')}));
  EXPECT_FALSE(load({"--requests=ipc://" + std::string(108, 'a')}));
}

TEST_F(SettingsTest, TheLegacySwitchLeavesTheSettingsOfEveryDayAlone) {
  setenv("VAULT_BACKEND", "legacy", 1);
  for (const char* place : {"--database=x", "--embedded=/tmp/pg"}) {
    const auto settings = load({"--legacy-dir", "/srv/VAULT999", place});
    ASSERT_TRUE(settings);
    EXPECT_TRUE(check_settings(*settings)) << place;
    EXPECT_EQ(settings->legacy_dir, "/srv/VAULT999");
  }
  EXPECT_TRUE(check_settings(*load({"--legacy-dir", "/srv/VAULT999"})));
}

TEST_F(SettingsTest, PrintedSettingsLoadAgainAndHoldNoSecrets) {
  const auto shown_database = [&](const std::string& database) {
    const std::string shown = format_settings(*load({"--database", database, "--reader-database", database}));
    EXPECT_EQ(shown.find("s3cret"), std::string::npos) << shown;
    const auto again = load_text(shown);
    EXPECT_TRUE(again) << again.error().message;
    EXPECT_EQ(format_settings(*again), shown);
    EXPECT_EQ(again->database, again->reader_database);
    return again->database;
  };
  EXPECT_EQ(shown_database("postgresql://me:s3cret@h1,h2/vault?target_session_attrs=read-write"),
            "postgresql://me@h1,h2/vault?target_session_attrs=read-write");
  EXPECT_EQ(shown_database("postgres://me:s3c%40s3cret@h:5433,[::1]/vault"), "postgres://me@h:5433,[::1]/vault");
  shown_database("postgresql://h/vault?user=me&password=s3cret&sslpassword=s3cret");
  EXPECT_EQ(shown_database("host=h password=s3cret dbname=vault"), "dbname=vault host=h");
  shown_database("host=h password = 's3cret with \\' s3cret' dbname=vault");
  EXPECT_EQ(shown_database("host='/a b' dbname=\"x\\y\""), "dbname='\"xy\"' host='/a b'");
  EXPECT_EQ(shown_database("postgresql:///vault"), "postgresql:///vault");
  EXPECT_EQ(shown_database("postgresql:///vault?host=/run/x&port=5433"), "postgresql:///vault?host=/run/x&port=5433");
  const auto all = load({"--embedded=/tmp/x y", "--accept-rollback=7", "--origin=new", "--publish-payloads"});
  EXPECT_EQ(format_settings(*load_text(format_settings(*all))), format_settings(*all));
}

TEST_F(SettingsTest, HelpAndVersion) {
  ASSERT_TRUE(load({"--version"})->version);
  ASSERT_TRUE(help_.empty());
  ASSERT_TRUE(load({"--help"}));
  for (const auto& field : setting_fields()) EXPECT_NE(help_.find(flag_of(field)), std::string::npos) << field.name;
  EXPECT_TRUE(load({"--check-config"})->check_config);
}

}  // namespace
}  // namespace vault
