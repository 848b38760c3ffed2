// vault-web: a vault over HTTP. A client of vaultd like any other; vaultd does not trust it.
#include <sys/resource.h>
#include <sys/stat.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>

#include "daemon/exit_code.hpp"
#include "tools/common/key_dir.hpp"
#include "tools/web/server.hpp"
#include "tools/web/service.hpp"
#include "tools/web/settings.hpp"
#include "tools/web/token.hpp"

namespace vault::web {
namespace {

void say(const std::string& text) {
  std::fprintf(stderr, "vault-web: %s\n", text.c_str());
}

int refuse(const Error& error) {
  say(error.message);
  return exit_code_of(error);
}

std::string made_token_path() {
  const char* runtime = std::getenv("RUNTIME_DIRECTORY");
  return (std::filesystem::path(runtime != nullptr ? runtime : "/run/vault-web") / "token").string();
}

// The group of an ipc socket; -1 if it does not exist yet.
int group_of(const std::string& endpoint) {
  struct stat info {};
  if (!endpoint.starts_with("ipc:///") || ::stat(endpoint.c_str() + 6, &info) != 0) return -1;
  return static_cast<int>(info.st_gid);
}

// The token required for reads. None if nothing requires one.
Result<std::optional<Token>> find_token(const Settings& settings) {
  if (!settings.token_file.empty()) {
    return read_token(settings.token_file).map([](const Token& token) { return std::optional(token); });
  }
  if (settings.is_public || settings.trust_local_users) return std::optional<Token>();
  const std::string path = made_token_path();
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  auto token = read_or_make_token(path, group_of(settings.endpoint));
  // The directory may belong to a group that this user is not in: then the token belongs to this user only.
  if (!token && token.error().code == ErrorCode::forbidden) token = read_or_make_token(path, -1);
  if (!token) {
    return fail(token.error().code, token.error().message + "; give one with --token-file, or say --trust-local-users",
                "token_file");
  }
  say("the token for page and API is in " + path);
  return std::optional(*token);
}

Result<ServiceOptions> service_options(const Settings& settings) {
  ServiceOptions options;
  options.requests = {settings.endpoint, settings.key_dir, settings.timeout, {}};
  options.events.endpoint = settings.events;
  if (!settings.key_dir.empty()) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(settings.key_dir, ignored)) {
      return fail(ErrorCode::not_found, "key_dir: there is no directory " + settings.key_dir, "key_dir");
    }
    auto keys = ctl::read_key_dir(settings.key_dir);
    if (!keys) return tl::unexpected(keys.error());
    options.events.curve = std::move(*keys);
  }
  auto token = find_token(settings);
  if (!token) return tl::unexpected(token.error());
  options.token = *token;
  options.access = {settings.is_public, settings.public_metrics, settings.trust_local_users, settings.allow_seal,
                    options.token.has_value()};
  options.hosts = settings.host;
  options.tile_cache_bytes = static_cast<std::size_t>(settings.tile_cache_bytes);
  return options;
}

ServerLimits limits_of(const Settings& settings) {
  ServerLimits limits;
  limits.connections_max = static_cast<std::size_t>(settings.max_connections);
  limits.connections_a_remote = static_cast<std::size_t>(settings.max_remote_connections);
  limits.requests_a_second = static_cast<double>(settings.max_remote_requests);
  limits.body_bytes_max = static_cast<std::size_t>(settings.max_message_bytes);
  limits.header_timeout = settings.header_timeout;
  limits.idle_timeout = settings.idle_timeout;
  return limits;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

Status listen(Server& server, const Settings& settings) {
  for (const std::string& text : settings.listen) {
    const auto address = split_address(text);
    if (!address) return tl::unexpected(address.error());
    const auto port = server.listen(address->first, address->second);
    if (!port) return tl::unexpected(port.error());
    const bool v6 = address->first.find(':') != std::string::npos;
    say("listening on http://" + (v6 ? "[" + address->first + "]" : address->first) + ":" + std::to_string(*port));
  }
  return {};
}

int serve(const Settings& settings) {
  auto options = service_options(settings);
  if (!options) return refuse(options.error());
  boost::asio::io_context io(1);
  Server server(io, limits_of(settings));
  if (const Status listening = listen(server, settings); !listening) return refuse(listening.error());
  Service service(io, std::move(*options), [&server] { return server.figures(); });
  boost::asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (error) return;
    server.stop();
    io.stop();
  });
  server.serve(service);
  io.run();
  return exit_stopped;
}

int run(int argc, const char* const* argv) {
  auto invocation = read_settings(argc, argv);
  if (!invocation) return refuse(invocation.error());
  if (invocation->kind == Invocation::Kind::told) {
    std::fputs(invocation->text.c_str(), stdout);
    return exit_stopped;
  }
  if (const Status good = check_settings(invocation->settings); !good) return refuse(good.error());
  if (invocation->kind == Invocation::Kind::check) {
    std::fputs(format_settings(invocation->settings).c_str(), stdout);
    return exit_stopped;
  }
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  return serve(invocation->settings);
}

}  // namespace
}  // namespace vault::web

int main(int argc, char** argv) {
  try {
    return vault::web::run(argc, argv);
  } catch (const std::exception& error) {
    vault::web::say(error.what());
    return vault::exit_failure;
  }
}
