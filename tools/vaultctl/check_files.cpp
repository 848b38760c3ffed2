#include "tools/vaultctl/check_files.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "ledger/proof_file.hpp"
#include "ledger/signed_note.hpp"
#include "store/archive/check.hpp"
#include "tools/common/arguments.hpp"
#include "tools/common/files.hpp"
#include "tools/common/ledger_json.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/archive_output.hpp"
#include "tools/vaultctl/foreign_file.hpp"
#include "tools/vaultctl/offline_check.hpp"
#include "tools/vaultctl/proven_output.hpp"

namespace vault::ctl {
namespace {

using Json = nlohmann::ordered_json;

struct File {
  std::string path, text;
  Evidence kind = Evidence::other;
  bool used = false;  // checked with another file
};

class FilesCheck {
 public:
  FilesCheck(const Context& context, VerifierKey key) : context_(context), key_(std::move(key)) {}

  int run(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) look_at(path);
    for (const File& file : files_) {
      if (file.kind == Evidence::proof) check_proof(file);
      if (file.kind == Evidence::receipt) check_receipt(file);
      if (file.kind == Evidence::checkpoint) check_checkpoint(file);
    }
    for (const File& file : files_) report_left_over(file);
    if (context_.globals.json) {
      const bool answered = code_ == exit_done || code_ == exit_no;
      const Json all{{"valid", answered ? Json(code_ == exit_done) : Json()}, {"files", told_}};
      print_line(all.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    return finish_output(code_);
  }

 private:
  void look_at(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) return check_directory(path);
    auto text = read_input(path);
    if (!text) return report_unread(path, text.error());
    const Evidence kind = recognise(*text);
    if (const auto what = kind == Evidence::other ? describe_foreign(*text) : ""; !what.empty()) {
      return report_unread(path, {ErrorCode::invalid_argument, path + " looks like " + what, {}});
    }
    files_.push_back({path, std::move(*text), kind});
  }

  void check_directory(const std::string& path) {
    const auto directory = ArchiveDirectory::open(path);
    if (!directory) return report_unread(path, directory.error());
    ProgressBar bar("checking", !context_.globals.json);
    const auto checked = check_archive(*directory, key_, nullptr,
                                       [&bar](std::uint64_t done, std::uint64_t total) { bar.update(done, total); });
    bar.finish();
    if (!checked) return report_unread(path, checked.error());
    if (context_.globals.json) {
      Json told{{"file", path}, {"kind", "archive"}};
      told.update(archive_report_json(*checked));
      told_.push_back(std::move(told));
    } else {
      answer_check(context_, path, *checked);
    }
    if (!checked->valid()) code_ = exit_no;
  }

  // Together with the entry of the same sequence, if one was given.
  void check_proof(const File& file) {
    std::optional<std::string> entry;
    if (const auto proof = parse_proof_file(file.text)) {
      for (File& other : files_) {
        if (other.kind != Evidence::entry) continue;
        const auto parsed = parse_entry_json(other.text);
        if (!parsed || static_cast<std::uint64_t>(parsed->entry.sequence) != proof->index + 1) continue;
        other.used = true;
        entry = other.text;
      }
    }
    const auto proven = check_proof_text(file.text, key_, entry);
    proven ? report_proven(file, *proven) : report_bad_file(file, why_invalid(proven.error(), file.text, file.kind));
  }

  // Together with the receipt's payload, if it was given.
  void check_receipt(const File& file) {
    auto proven = check_receipt_text(file.text, key_, std::nullopt);
    if (!proven) return report_bad_file(file, why_invalid(proven.error(), file.text, file.kind));
    for (File& other : files_) {
      if (other.kind != Evidence::other) continue;
      auto whole = check_receipt_text(file.text, key_, other.text);
      if (!whole) continue;
      other.used = true;
      proven = std::move(whole);
    }
    if (proven->payload != "checked") proven->payload = "not checked (give its file too)";
    report_proven(file, *proven);
  }

  void check_checkpoint(const File& file) {
    const auto checkpoint = open_checkpoint(file.text, key_);
    if (!checkpoint) return report_bad_file(file, why_invalid(checkpoint.error(), file.text, file.kind));
    if (context_.globals.json) {
      told_.push_back({{"file", file.path},
                       {"kind", "checkpoint"},
                       {"valid", true},
                       {"origin", checkpoint->origin},
                       {"tree_size", checkpoint->tree_size},
                       {"merkle_root", to_hex(checkpoint->root)}});
      return;
    }
    print_line(coloured("VALID", Colour::green) + "  " + printable(file.path) + ": a checkpoint of " +
               printable(checkpoint->origin));
    print_fields({{"entries", std::to_string(checkpoint->tree_size)}, {"merkle root", to_hex(checkpoint->root)}});
  }

  // A file that no other file was checked with proves nothing.
  void report_left_over(const File& file) {
    if (file.used) return;
    if (file.kind == Evidence::entry) {
      report_bad_file(file,
                      "an entry alone proves nothing: give its proof too (vaultctl proof), and check them together");
    } else if (file.kind == Evidence::other) {
      report_bad_file(file,
                      "neither a receipt, a proof, an entry, a checkpoint nor an archive, nor the payload of a receipt "
                      "that was given");
    }
  }

  void report_proven(const File& file, const Proven& proven) {
    if (context_.globals.json) {
      Json told{{"file", file.path}, {"kind", evidence_name(file.kind)}};
      told.update(proven_json(proven));
      told_.push_back(std::move(told));
      return;
    }
    if (files_.size() > 1) print_line(printable(file.path) + ":");
    print_proven(proven);
  }

  void report_bad_file(const File& file, const std::string& reason) {
    code_ = exit_no;
    if (context_.globals.json) {
      told_.push_back(
          {{"file", file.path}, {"kind", evidence_name(file.kind)}, {"valid", false}, {"reason", printable(reason)}});
    } else {
      print_problem(printable(file.path) + ": INVALID: " + printable(reason));
    }
  }

  void report_unread(const std::string& path, const Error& error) {
    if (code_ == exit_done) code_ = exit_code(error);
    if (context_.globals.json) {
      told_.push_back({{"file", path}, {"kind", "unknown"}, {"valid", nullptr}, {"reason", printable(error.message)}});
    } else {
      print_problem(printable(error.message));
    }
  }

  const Context& context_;
  const VerifierKey key_;
  std::vector<File> files_;
  Json told_ = Json::array();
  int code_ = exit_done;
};

}  // namespace

int run_check_files(const Context& context, const CheckFilesOptions& options) {
  auto key = load_vkey(options.vkey);
  if (!key) return report(context, key.error());
  return FilesCheck(context, std::move(*key)).run(options.files);
}

}  // namespace vault::ctl
