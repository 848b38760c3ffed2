#include "tools/vaultctl/archive_output.hpp"

#include "tools/common/files.hpp"
#include "tools/common/terminal.hpp"
#include "wire/error.hpp"

namespace vault::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t findings_shown = 50;  // people only need some; programs get all with --json

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void add_checkpoint(const std::optional<Checkpoint>& checkpoint, Json& out) {
  out["origin"] = checkpoint ? Json(checkpoint->origin) : Json();
  out["tree_size"] = checkpoint ? Json(checkpoint->tree_size) : Json();
  out["merkle_root"] = checkpoint ? Json(to_hex(checkpoint->root)) : Json();
}

Json findings_json(const std::vector<ArchiveFinding>& findings) {
  Json list = Json::array();
  for (const ArchiveFinding& finding : findings) list.push_back({{"file", finding.file}, {"reason", finding.what}});
  return list;
}

std::string describe_finding(const ArchiveFinding& finding) {
  return printable(finding.file) + ": " + printable(finding.what);
}

const ArchiveFinding& first_finding(const ArchiveReport& report) {
  return report.bad.empty() ? report.missing.front() : report.bad.front();
}

void print_more(std::string_view kind, std::size_t count, void (*print)(std::string_view)) {
  print(std::string(kind) + "and " + std::to_string(count - findings_shown) + " more (--json shows all)");
}

void print_findings(const std::vector<ArchiveFinding>& findings, std::string_view kind,
                    void (*print)(std::string_view)) {
  for (std::size_t i = 0; i < findings.size() && i < findings_shown; ++i) {
    print(std::string(kind) + describe_finding(findings[i]));
  }
  if (findings.size() > findings_shown) print_more(kind, findings.size(), print);
}

void print_missing(const std::vector<ArchiveFinding>& findings) {
  for (std::size_t i = 0; i < findings.size() && i < findings_shown; ++i) {
    print_problem("missing: " + printable(findings[i].file));
  }
  if (findings.size() > findings_shown) print_more("missing: ", findings.size(), print_problem);
}

int answer_invalid(const Context& context, const std::string& directory, const ArchiveReport& report) {
  if (context.globals.json) {
    print_line(dump(archive_report_json(report)));
    return finish_output(exit_no);
  }
  print_findings(report.unknown, "unknown: ", print_note);
  print_findings(report.bad, "bad: ", print_problem);
  print_missing(report.missing);
  print_line(coloured("INVALID", Colour::red) + "  " + printable(directory) + ": " + std::to_string(report.bad.size()) +
             " bad, " + std::to_string(report.missing.size()) + " missing");
  return finish_output(exit_no);
}

std::string kind_of(bool payloads) {
  return payloads ? "with payloads" : "without payloads";
}

}  // namespace

Json archive_report_json(const ArchiveReport& report) {
  Json out{{"valid", report.valid()}};
  if (!report.valid()) out["reason"] = describe_finding(first_finding(report));
  add_checkpoint(report.checkpoint, out);
  out["payloads"] = report.payloads;
  out["checked"] = report.checked;
  out["erased"] = report.erased;
  out["files"] = report.files;
  out["bad"] = findings_json(report.bad);
  out["missing"] = findings_json(report.missing);
  out["unknown"] = findings_json(report.unknown);
  return out;
}

int answer_archive(const Context& context, const std::string& directory, const ArchiveResult& result) {
  if (context.globals.json) {
    Json out{{"directory", directory}};
    add_checkpoint(result.checkpoint, out);
    out["previous_size"] = result.previous_size;
    out["entries_written"] = result.entries_written;
    out["files_written"] = result.files_written;
    out["payloads"] = result.payloads;
    print_line(dump(out));
    return finish_output(exit_done);
  }
  if (!result.checkpoint) {
    print_line("nothing to archive: no checkpoint is that old yet");
    return finish_output(exit_done);
  }
  print_fields({{"archive", printable(directory)},
                {"log", printable(result.checkpoint->origin)},
                {"entries", std::to_string(result.checkpoint->tree_size) + ", " +
                                std::to_string(result.entries_written) + " of them new, " + kind_of(result.payloads)},
                {"merkle root", to_hex(result.checkpoint->root)},
                {"files written", std::to_string(result.files_written)}});
  return finish_output(exit_done);
}

int answer_check(const Context& context, const std::string& directory, const ArchiveReport& report) {
  if (!report.valid()) return answer_invalid(context, directory, report);
  if (context.globals.json) {
    print_line(dump(archive_report_json(report)));
    return finish_output(exit_done);
  }
  print_findings(report.unknown, "unknown: ", print_note);
  print_line(coloured("VALID", Colour::green) + "  " + printable(directory) + ": " + std::to_string(report.checked) +
             " entries, " + kind_of(report.payloads) + ", " + std::to_string(report.files) + " files");
  Fields fields{{"log", printable(report.checkpoint->origin)}, {"merkle root", to_hex(report.checkpoint->root)}};
  if (report.erased > 0) fields.emplace_back("erased", std::to_string(report.erased) + " payloads");
  print_fields(fields);
  return finish_output(exit_done);
}

int answer_restore(const Context& context, const std::string& directory, const RestoreResult& result) {
  if (!result.report.valid()) {
    const int code = answer_invalid(context, directory, result.report);
    if (!context.globals.json) print_hint("nothing was written to the database");
    return code;
  }
  const Checkpoint& checkpoint = *result.report.checkpoint;
  if (context.globals.json) {
    Json out{{"directory", directory}, {"restored", checkpoint.tree_size}, {"erased", result.report.erased}};
    add_checkpoint(checkpoint, out);
    out["migrated"] = result.migrated;
    print_line(dump(out));
    return finish_output(exit_done);
  }
  if (result.migrated) print_line("made the schema");
  print_line("restored " + std::to_string(checkpoint.tree_size) + " entries");
  print_fields({{"log", printable(checkpoint.origin)}, {"merkle root", to_hex(checkpoint.root)}});
  print_line("Start vaultd on this database with the key that signs for " + printable(checkpoint.origin) + ".");
  return finish_output(exit_done);
}

int report_failure(const Context& context, const Error& error, std::string_view hint, Asked asked) {
  // The data that it has read contradicts itself: that is an answer.
  const bool finding = error.code == ErrorCode::internal && error.sqlstate.empty() && !is_inaccessible(error);
  int code = exit_no;
  if (!finding) {
    code = report(context, error, asked);
  } else if (context.globals.json) {
    Json out{{"valid", false}};
    out.update(Json::parse(error_json(error)));
    print_line(dump(out));
    code = finish_output(exit_no);
  } else {
    print_problem("INVALID: " + error.message + (error.field.empty() ? "" : " [" + error.field + "]"));
  }
  if (!hint.empty() && !context.globals.json) print_hint(hint);
  return code;
}

}  // namespace vault::ctl
