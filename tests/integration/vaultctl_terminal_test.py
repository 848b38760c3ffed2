"""vaultctl in a terminal: tables of its width, other formats, words, help, contexts, top, watch. Run by CTest with
VAULT_BIN_DIR."""
import base64
import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.pseudo_terminal import PseudoTerminal, without_colours  # noqa: E402
from support.vaultctl_case import VaultctlCase  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, free_ports, program  # noqa: E402

VAULTD = VaultdProcess("--origin", "example.org/terminal")
SESSIONS = [f"00000000-0000-4000-8000-{n:012d}" for n in range(3)]
FIRST = ["--order", "asc", "--limit", "9"]  # what setUpModule() seals
AUTHORITY = "a deploy bot, \"quoted\", with a name that is long"


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()
    lines = [json.dumps({"session_id": session, "authority": AUTHORITY, "verdict": verdict, "seal_data": {"n": 1}})
             for session in SESSIONS for verdict in ("SEAL", "VOID", "888_HOLD")]
    answer = VAULTD.ctl("seal", "--batch", stdin="\n".join(lines))
    assert answer.returncode == 0, answer.stderr


class Case(VaultctlCase):
    vaultd = VAULTD

    def on_terminal(self, columns, *arguments, code=0, environment=None):
        with PseudoTerminal(columns) as terminal:
            returned, output = terminal.run([program("vaultctl"), *map(str, arguments)],
                                            {**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests,
                                             "VAULT_EVENTS": VAULTD.events, **(environment or {})})
        self.assertEqual(returned, code, output)
        return without_colours(output)


class Colours(Case):
    def status(self, *arguments, environment=None):
        answer = subprocess.run([program("vaultctl"), "status", *arguments], capture_output=True, timeout=60, check=True,
                                env={**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests, **(environment or {})})
        return answer.stdout

    def test_the_flag_has_the_last_word(self):
        dark = {"NO_COLOR": "1"}
        for coloured, arguments, environment in (
                (False, [], {}), (False, ["--color", "auto"], {}), (True, ["--color", "always"], {}),
                (True, ["--color=always"], dark), (False, ["--color", "never"], {})):
            self.assertEqual(b"\x1b[" in self.status(*arguments, environment=environment), coloured, arguments)
        for coloured, arguments, environment in ((True, [], {}), (False, [], dark), (False, ["--color", "never"], {}),
                                                 (True, ["--color", "always"], dark)):
            with PseudoTerminal(80) as terminal:
                _, output = terminal.run([program("vaultctl"), "status", *arguments],
                                         {**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests, **environment})
            self.assertEqual("\x1b[" in output, coloured, arguments)
        json.loads(self.status("--json", "--color", "always"))
        self.ctl(2, "--color", "sometimes", "status")


class Tables(Case):
    def test_no_wider_than_the_terminal_and_the_telling_end_is_there(self):
        for columns in (60, 80, 120, 200):
            output = self.on_terminal(columns, "list", *FIRST)
            for line in output.splitlines():
                self.assertLessEqual(len(line), columns, output)
            for session in SESSIONS:
                self.assertIn(session[-4:], output)
        self.assertIn(SESSIONS[0], self.on_terminal(200, "list", *FIRST))

    def test_nothing_is_cut_in_a_pipe_nor_with_wide(self):
        for output in (self.ctl(0, "list", *FIRST).stdout, self.on_terminal(60, "list", *FIRST, "--wide")):
            self.assertIn(SESSIONS[0], output)
            self.assertIn(AUTHORITY, output)
        self.assertIn(self.json(0, "read", "1")["entry"]["entry_hash"], output)

    def test_chosen_columns_without_headings(self):
        answer = self.ctl(0, "query", "--session", SESSIONS[0], "--order", "asc", "--columns", "sequence,verdict,data",
                          "--no-headers")
        self.assertEqual(answer.stdout, "1  SEAL      {\"n\":1}\n2  VOID      {\"n\":1}\n3  888_HOLD  {\"n\":1}\n")
        answer = self.ctl(2, "list", "--columns", "sequence,verdikt")
        self.assertIn('did you mean "verdict"?', answer.stderr)

    def test_csv(self):
        answer = self.vaultd.ctl("list", "-o", "csv", *FIRST, "--columns", "sequence,authority,entry_hash,data")
        rows = list(csv.reader(io.StringIO(answer.stdout, newline="")))
        self.assertEqual(rows[0], ["sequence", "authority", "entry_hash", "seal_data"])
        entry = self.json(0, "read", "1")["entry"]
        self.assertEqual(rows[1], ["1", AUTHORITY, entry["entry_hash"], '{"n":1}'])
        self.assertEqual(len(rows), 10)

    def test_json_and_ndjson(self):
        whole = self.json(0, "list", *FIRST)
        self.assertEqual(json.loads(self.ctl(0, "list", *FIRST, "-o", "json").stdout), whole)
        lines = self.lines(self.ctl(0, "list", *FIRST, "-o", "ndjson"))
        self.assertEqual([json.loads(line) for line in lines], whole["entries"])
        self.ctl(2, "list", "-o", "yaml")
        self.ctl(2, "read", "1", "-o", "csv")

    def test_all_pages(self):
        count = 2_100  # more than two pages hold
        self.seals(["SEAL"] * count, session="s-pages")
        lines = self.lines(self.ctl(0, "read", "--session", "s-pages", "--all", "-o", "ndjson"))
        self.assertEqual(len(lines), count)
        document = self.json(0, "read", "--session", "s-pages", "--all")
        self.assertEqual((len(document["entries"]), document["next_cursor"]), (count, None))
        table = self.ctl(0, "read", "--session", "s-pages", "--all").stdout
        self.assertEqual(len(table.splitlines()), 1 + count)

    def test_an_entry_has_its_hashes_in_full_and_its_verdict_explained(self):
        entry = self.json(0, "read", "2")["entry"]
        shown = self.on_terminal(80, "read", "2")
        for text in (entry["entry_hash"], entry["merkle_root"], "VOID (refused)"):
            self.assertIn(text, shown)
        self.assertLessEqual(max(map(len, shown.splitlines())), 80)


class Checkpoint(Case):
    def test_the_root_is_shown_as_everywhere_else(self):
        root_of = lambda note: base64.b64decode(note.splitlines()[2]).hex()
        shown = self.on_terminal(100, "checkpoint")
        self.assertRegex(shown, rf"(?m)^merkle root +{root_of(shown)}\s*$")
        path = self.directory / "kept.txt"
        told = self.ctl(0, "checkpoint", "-o", path).stdout
        self.assertIn(root_of(path.read_text()), told)
        note = self.ctl(0, "checkpoint").stdout
        self.assertNotIn("merkle root", note)
        self.assertTrue(note.split("\n\n")[1].startswith("\u2014 "), note)


class LocalTime(Case):
    def test_people_may_have_it(self):
        time = self.json(0, "read", "1")["entry"]["timestamp"]
        zone = {"TZ": "IST-5:30"}
        for command in (["read", "1"], ["list", *FIRST, "--wide"]):
            self.assertIn(time, self.on_terminal(200, *command, environment=zone))
            shown = self.on_terminal(200, "--local-time", *command, environment=zone)
            self.assertNotIn(time, shown)
            self.assertIn("+05:30", shown)
        self.assertIn(time, self.on_terminal(200, "--local-time", "--json", "read", "1", environment=zone))


class Pager(Case):
    """On a terminal long output goes through a pager; the exit code is vaultctl's own, and widths are the terminal's."""
    marks = {"VAULT_PAGER": "sed s/^/P:/"}

    def test_long_output_goes_through_it(self):
        output = self.on_terminal(60, "list", *FIRST, environment=self.marks)
        self.assertTrue(all(line.startswith("P:") for line in output.splitlines()), output)
        self.assertLessEqual(max(map(len, output.splitlines())), 60 + len("P:"))
        self.assertIn("P:more with --cursor", self.on_terminal(80, "list", "--limit", "2", environment=self.marks))
        self.assertIn("P:Usage", self.on_terminal(80, "help", "seal", environment=self.marks))

    def test_where_none_is_wanted(self):
        for arguments, environment in ((["--no-pager", "list"], self.marks), (["--json", "list"], self.marks),
                                       (["list"], {"VAULT_PAGER": ""}), (["list"], {"VAULT_PAGER": "cat"}),
                                       (["head"], self.marks)):
            self.assertNotIn("P:", self.on_terminal(80, *arguments, environment=environment), arguments)
        answer = subprocess.run([program("vaultctl"), "list"], capture_output=True, text=True, timeout=60, check=True,
                                env={**clean_environment(), **self.marks, "VAULT_ENDPOINT": VAULTD.requests})
        self.assertNotIn("P:", answer.stdout)

    def test_exit_codes_are_kept(self):
        self.on_terminal(80, "read", "999999", code=1, environment=self.marks)
        self.on_terminal(80, "list", "--limit", "0", code=2, environment=self.marks)
        # A pager that cannot be started, or that quits at once, changes nothing either.
        self.on_terminal(80, "list", code=0, environment={"VAULT_PAGER": "exec /nowhere/pager"})
        self.on_terminal(80, "list", "--all", code=0, environment={"VAULT_PAGER": "true"})


class Progress(Case):
    def test_it_keeps_to_one_line_of_sixty_columns(self):
        lines = "".join(json.dumps({"session_id": "s-bar", "authority": "a", "verdict": "SEAL", "seal_data": {"n": n}}) +
                        "\n" for n in range(6_000))
        path = self.file("seals.ndjson", lines)
        with PseudoTerminal(60) as terminal, open(self.directory / "receipts", "wb") as receipts:
            process = subprocess.Popen([program("vaultctl"), "seal", "--batch", str(path)], stdin=subprocess.DEVNULL,
                                       stdout=receipts, stderr=terminal.slave,
                                       env={**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests, "TERM": "xterm"})
            output = terminal.read_to_end()
            self.assertEqual(process.wait(120), 0, output)
        drawn = [line for line in without_colours(output).split("\r") if line.startswith("sealing")]
        for line in drawn:  # none at all where it took no time
            self.assertLess(len(line), 60, line)
            self.assertIn("seals", line)
            self.assertNotIn("KiB", line)


class Words(Case):
    def test_what_the_verdicts_mean(self):
        for command in ("seal", "query"):
            text = self.ctl(0, command, "--help").stdout
            for words in ("SEAL     approved", "PARTIAL  approved in part", "SABAR    wait, and look again",
                          "VOID     refused", "888_HOLD held for a person", "SUNSET   withdrawn"):
                self.assertIn(words, text)

    def test_did_you_mean(self):
        for arguments, words in ((["stauts"], "status"), (["sael"], "seal"), (["frobnicate"], "unknown command"),
                                 (["legacy", "lst", "x"], "did you mean list?"), (["migrate"], ""),
                                 (["query", "--sesion", "s"], "did you mean --session?"),
                                 (["--jsno", "head"], "did you mean --json?"),
                                 (["--timeout", "5s", "haed"], "did you mean head?"), ([], "a command is missing"),
                                 (["query", "--verdict", "seal"], "did you mean SEAL?"),
                                 (["seal", "--session", "s", "--authority", "a", "--data", "{}", "--verdict", "HOLD_888"],
                                  "did you mean 888_HOLD?")):
            answer = self.ctl(2, *arguments)
            self.assertIn(words, answer.stderr, arguments)
        self.assertNotIn("did you mean", self.ctl(2, "list", "--sesion", "s").stderr)

    def test_help(self):
        self.assertEqual(self.ctl(0, "help").stdout, self.ctl(0, "--help").stdout)
        self.assertEqual(self.ctl(0, "help", "legacy", "import").stdout, self.ctl(0, "legacy", "import", "--help").stdout)
        self.assertIn("did you mean seal?", self.ctl(2, "help", "saal").stderr)

    def test_endpoints_that_are_none(self):
        for endpoint, words in ((f"{VAULTD.directory}/requests", f"did you mean ipc://{VAULTD.directory}/requests?"),
                                ("localhost:9990", "did you mean tcp://localhost:9990?"),
                                ("tcp://localhost", "ends with a port"), ("http://localhost:1", "ipc:// or tcp://")):
            answer = self.ctl(2, "--endpoint", endpoint, "head")
            self.assertIn(words, answer.stderr)

    def test_a_finding_in_plain_words(self):
        self.seals(["SEAL"], session="s-tampered")
        sequence = self.head()["sequence"]

        def edit(authority):
            VAULTD.sql("ALTER TABLE vault_ledger DISABLE TRIGGER USER; "
                       f"UPDATE vault_ledger SET authority = '{authority}' WHERE sequence = {sequence}; "
                       "ALTER TABLE vault_ledger ENABLE TRIGGER USER;")

        edit("somebody-else")
        try:
            shown = self.ctl(1, "verify").stdout
            database = self.ctl(1, "verify", "--database", VAULTD.database_url()).stdout
        finally:
            edit("tester")
        for text in (" ".join(shown.split()), " ".join(database.split())):
            self.assertIn(f"INVALID at sequence {sequence}: entry_hash_mismatch", text)
            self.assertIn("does not say what was sealed", text)
            self.assertIn("keep evidence", text)
            self.assertIn("somebody-else", text)
            self.assertIn("s-tampered", text)


class Contexts(Case):
    def setUp(self):
        super().setUp()
        self.config = self.file("vaultctl.toml", f'# mine\ncurrent = "away"\n[contexts.here]\nendpoint = '
                                f'"{VAULTD.requests}"\ntimeout = "20s"\n[contexts.away]\nendpoint = '
                                f'"ipc://{self.directory}/nobody"\ntimeout = "200ms"\n')

    def with_contexts(self, code, *arguments, **environment):
        answer = subprocess.run([program("vaultctl"), *arguments], capture_output=True, text=True, timeout=60, check=False,
                                env={**clean_environment(), "VAULTCTL_CONFIG": str(self.config), **environment})
        self.assertEqual(answer.returncode, code, answer.stderr)
        return answer

    def test_current_named_and_overridden(self):
        self.assertIn("nobody", self.with_contexts(3, "head").stderr)
        self.with_contexts(0, "--context", "here", "head")
        self.with_contexts(0, "head", VAULT_CONTEXT="here")
        self.with_contexts(0, "head", VAULT_ENDPOINT=VAULTD.requests)
        self.with_contexts(0, "head", "--endpoint", VAULTD.requests)
        self.assertIn('did you mean "here"?', self.with_contexts(2, "--context", "hree", "head").stderr)

    def test_listed_and_chosen(self):
        self.assertRegex(self.with_contexts(0, "context").stdout, r"(?m)^\* +away")
        self.with_contexts(0, "context", "here")
        self.with_contexts(0, "head")
        text = self.config.read_text()
        self.assertTrue(text.startswith('# mine\ncurrent = "here"\n[contexts.here]\n'), text)
        self.with_contexts(2, "context", "elsewhere")
        self.assertEqual(self.config.read_text(), text)

    def test_mistakes_are_named_with_their_line(self):
        for text, words in (("[contexts.a]\nendpont = \"x\"\n", ":2: endpont: no such setting; did you mean endpoint?"),
                            ("[contexts.a]\ntimeout = \"soon\"\n", ":2: timeout must be a duration"),
                            ("[contexts.a]\nendpoint = 5\n", ":2: endpoint must be text"),
                            ("currrent = \"a\"\n", ":1: currrent: no such setting"), ("x = [\n", ".toml:")):
            self.config.write_text(text)
            self.assertIn(words, self.with_contexts(2, "head").stderr)

    def test_a_mistake_matters_only_where_the_file_does(self):
        vkey, entry = self.file("log.vkey", self.vkey()), self.file("checkpoint", self.ctl(0, "checkpoint").stdout)
        lines = self.file("seals.ndjson", "")
        self.config.write_text("[contexts.a]\nendpont = \"x\"\n")
        self.with_contexts(0, "head", "--endpoint", VAULTD.requests)
        self.with_contexts(0, "head", VAULT_ENDPOINT=VAULTD.requests)
        self.with_contexts(0, "check", str(entry), "--vkey", str(vkey))
        self.with_contexts(0, "keygen", "--name", "example.org/k", "-o", str(self.directory / "k.pem"))
        self.with_contexts(0, "verify", "--database", VAULTD.database_url())
        self.with_contexts(2, "head", "--context", "a", "--endpoint", VAULTD.requests)
        for command in (["head"], ["watch", "--count", "1"], ["top", "--count", "1"], ["seal", "--batch", str(lines)], ["verify"],
                        ["context"]):
            self.assertIn("did you mean endpoint?", self.with_contexts(2, *command).stderr)

    def test_a_file_that_is_not_there(self):
        self.config.unlink()
        self.with_contexts(0, "head", VAULT_ENDPOINT=VAULTD.requests)
        self.with_contexts(0, "context")
        self.with_contexts(2, "--context", "here", "head")


class Top(Case):
    def test_a_screen_and_lines(self):
        screen = self.on_terminal(60, "top", "--count", "2", "--interval", "100ms")
        for words in ("writer, ready", "entries/s", f"{self.head()['sequence']:,}"):
            self.assertIn(words, screen)
        for line in screen.splitlines():
            self.assertLessEqual(len(line), 60, line)
        lines = self.ctl(0, "top", "--count", "3", "--interval", "100ms").stdout.splitlines()
        self.assertEqual(len(lines), 4)
        for line in self.lines(self.ctl(0, "top", "--count", "2", "--interval", "100ms", "--json")):
            self.assertEqual(json.loads(line)["role"], "writer")

    def test_it_goes_on_while_vaultd_is_away(self):
        answer = self.ctl(0, "top", "--count", "2", "--interval", "100ms", "--timeout", "100ms", "--endpoint",
                          f"ipc://{self.directory}/nobody")
        self.assertIn("does not answer", answer.stdout)


class Watch(Case):
    def start_watch(self, *arguments, environment=None):
        process = subprocess.Popen([program("vaultctl"), "watch", *map(str, arguments)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, bufsize=1,
                                   env={**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests, **(environment or {})})
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_the_events_socket_is_the_one_beside(self):
        process = self.start_watch("--topic", "heartbeat", "--count", "1")
        self.assertIn("heartbeat", process.stdout.readline())
        self.assertEqual(process.wait(60), 0)
        answer = self.ctl(2, "watch", "--endpoint", "tcp://127.0.0.1:1", "--events", "")
        self.assertIn("--events", answer.stderr)

    def test_silence_is_told(self):
        for arguments in (["--events", f"ipc://{self.directory}/nobody"],
                          ["--events", f"tcp://127.0.0.1:{free_ports(1)[0]}", "--json"]):
            process = self.start_watch(*arguments)
            line = next(line for line in process.stderr if "nothing comes" in line)
            self.assertIn(arguments[1], line)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(60), 0)

    def test_and_that_it_has_ended(self):
        process = self.start_watch("--topic", "alert.", "--json")
        VAULTD.process.send_signal(signal.SIGSTOP)
        try:
            self.assertTrue(next(line for line in process.stderr if "nothing comes" in line))
        finally:
            VAULTD.process.send_signal(signal.SIGCONT)
            VAULTD.wait_ready()  # it may have lost its lease meanwhile
        self.assertTrue(next(line for line in process.stderr if "is heard again" in line))
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0)

    def test_topics_that_cannot_be(self):
        for topic, words in (("entry.VOIDD", "did you mean entry.VOID?"), ("alerts", "did you mean alert.?"),
                             ("nonsense", "there are entry.")):
            self.assertIn(words, self.ctl(2, "watch", "--topic", topic).stderr)
        process = self.start_watch("--topic", "alert.tampr", "--topic", "heartbeat", "--count", "1")
        self.assertTrue(process.stdout.readline())
        self.assertIn("did you mean alert.tamper?", process.stderr.readline())
        for topic in ("entry", "entry.", "entry.888", "alert.tamper", "receipt.0", "h", "checkpoint"):
            process = self.start_watch("--topic", topic, "--topic", "heartbeat", "--count", "1")
            self.assertTrue(process.stdout.readline())


if __name__ == "__main__":
    os.environ.pop("NO_COLOR", None)
    unittest.main()
