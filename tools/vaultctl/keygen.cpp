// vaultctl keygen: makes the log's signing key, or a peer's CURVE pair.
#include <nlohmann/json.hpp>

#include "tools/common/files.hpp"
#include "tools/common/key_dir.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"

#include "ledger/signed_note.hpp"

namespace vault::ctl {
namespace {

struct KeygenOptions {
  std::string name, out;
  bool curve = false;
};

int make_signing_key(const Context& context, const KeygenOptions& options) {
  const auto key = SigningKey::generate(options.name);
  if (!key) return report(context, key.error());
  const auto pem = key->to_pem();
  if (!pem) return report(context, pem.error());
  if (const Status made = create_file(options.out, *pem, 0600); !made) return report(context, made.error());
  const std::string vkey = key->verifier().format();
  if (context.globals.json) {
    print_line(nlohmann::ordered_json{{"origin", options.name}, {"vkey", vkey}, {"file", options.out}}.dump(
        -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    print_line(vkey);
  }
  return finish_output(exit_done);
}

int make_curve_keys(const Context& context, const KeygenOptions& options) {
  const auto public_key = write_key_dir(options.out);
  if (!public_key) return report(context, public_key.error());
  if (context.globals.json) {
    print_line(nlohmann::ordered_json{{"public_key", *public_key}, {"directory", options.out}}.dump(
        -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    print_line(*public_key);
  }
  return finish_output(exit_done);
}

int run_keygen(const Context& context, const KeygenOptions& options) {
  const auto wrong = [&](const char* message) { return report(context, {ErrorCode::invalid_argument, message, {}}); };
  if (options.curve == !options.name.empty()) return wrong("choose the kind of key: either --name ORIGIN or --curve");
  if (options.curve) return make_curve_keys(context, options);
  if (const Status status = check_key_name(options.name); !status) return report(context, status.error());
  return make_signing_key(context, options);
}

}  // namespace

void add_keygen(CLI::App& app, Context& context) {
  auto options = std::make_shared<KeygenOptions>();
  CLI::App* command = app.add_subcommand("keygen", "Make a signing key, or a CURVE key pair");
  command->add_option("--name", options->name, "Signing key of the log with this origin, like example.org/audit")
      ->type_name("ORIGIN");
  command->add_flag("--curve", options->curve, "CURVE pair for a peer of vaultd over tcp");
  command->add_option("-o,--output", options->out, "New file (signing key: PKCS#8 PEM, mode 0600) or directory (CURVE)")
      ->required()
      ->type_name("FILE|DIR");
  command->footer(
      "Nothing is overwritten. Prints the verifier key (or the public key): give that to whoever is to check.\n\n"
      "A CURVE directory gets secret.toml (mode 0600) and public.toml. Copy public.toml into vaultd's curve_clients\n"
      "directory as <name>.toml and give it roles; put vaultd's public key beside it as server.toml\n"
      "(public_key = \"...\"); then use --key-dir DIR. The same secret.toml serves vaultd as curve_server_key.\n"
      "Examples:\n"
      "  vaultctl keygen --name example.org/audit -o signing.pem > log.vkey\n"
      "  vaultctl keygen --curve -o ~/.config/vault");
  command->callback(
      [options, &context] { context.run = [options, &context] { return run_keygen(context, *options); }; });
}

}  // namespace vault::ctl
