"""Nothing is lost at the terminal: vaultctl stopped by Ctrl-C, and files named by -o. Run by CTest with VAULT_BIN_DIR."""
import json
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultctl_case import VaultctlCase  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, free_ports, program  # noqa: E402

VAULTD = VaultdProcess("--origin", "example.org/kept")
LINES = 20_000  # of a batch that is stopped: far more than a pipe and a window of seals hold


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()


class Case(VaultctlCase):
    vaultd = VAULTD

    def one(self, *more, code=0, session="s-1"):
        return self.ctl(code, "seal", "--session", session, "--authority", "tester", "--verdict", "SEAL", "--data", "{}",
                        *more)

    def start(self, *arguments, **streams):
        process = subprocess.Popen([program("vaultctl"), *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, **streams,
                                   env={**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests})

        def end():
            process.kill()
            process.wait()
            for stream in filter(None, (process.stdin, process.stdout, process.stderr)):
                try:
                    stream.close()
                except BrokenPipeError:
                    pass  # it did not read all it was given

        self.addCleanup(end)
        return process


class Interrupted(Case):
    def batch_file(self, session):
        return self.file("many seals.ndjson", "".join(
            json.dumps({"session_id": session, "authority": "tester", "verdict": "SEAL", "seal_data": {"n": n}}) + "\n"
            for n in range(LINES)))

    def stopped_batch(self, path, *more):
        """Stops it once the first receipt is there: it then waits for room in the pipe, with most lines unread."""
        process = self.start("seal", "--batch", *more, path)
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()  # communicate() knows nothing of what readline() has taken ahead
        problems = process.stderr.read()
        self.assertEqual(process.wait(120), 130, problems)
        self.assertTrue(rest.endswith("}\n"), "the last line is torn")
        receipts = [json.loads(line) for line in (first + rest).split("\n")[:-1]]
        self.assertLess(len(receipts), LINES)
        return receipts, problems

    def test_a_batch_is_drained_and_says_how_to_go_on(self):
        path = self.batch_file("s-stop")
        before = self.head()["sequence"]
        receipts, problems = self.stopped_batch(path)
        self.assertEqual(self.head()["sequence"], before + len(receipts), "sealed without a receipt")
        self.assertIn(f"stopped after line {len(receipts):,} of {path}: {len(receipts):,} sealed", problems)
        go_on = problems.split("go on with: ")[1].strip()
        self.assertIn(f"tail -n +{len(receipts) + 1} '{path}'", go_on)
        answer = subprocess.run(go_on, shell=True, capture_output=True, text=True, timeout=240, check=True,
                                env={**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests,
                                     "PATH": str(pathlib.Path(program("vaultctl")).parent) + ":/usr/bin:/bin"})
        self.assertEqual(len(answer.stdout.splitlines()), LINES - len(receipts))
        self.assertEqual(self.head()["sequence"], before + LINES)

    def test_resume_seals_nothing_twice(self):
        path = self.batch_file("s-resume")
        before = self.head()["sequence"]
        receipts, problems = self.stopped_batch(path, "--resume")
        self.assertIn("same command", problems)
        answer = self.ctl(0, "seal", "--batch", "--resume", path)
        again = [json.loads(line) for line in self.lines(answer)]
        self.assertEqual(len(again), LINES)
        self.assertEqual([one["seal_id"] for one in again[:len(receipts)]], [one["seal_id"] for one in receipts])
        self.assertEqual([one["duplicate"] for one in again].count(True), len(receipts))
        self.assertIn(f"{LINES:,} sealed ({len(receipts):,} of them before)", answer.stderr)
        self.assertEqual(self.head()["sequence"], before + LINES)

    def test_resume_needs_a_file_with_a_name(self):
        for arguments in (["--batch", "--resume"], ["--batch", "--resume", "-"]):
            self.assertIn("FILE", self.ctl(2, "seal", *arguments, stdin="").stderr)

    def test_resume_tells_another_line_in_the_same_place(self):
        line = '{"session_id":"s-other","authority":"a","verdict":"SEAL","seal_data":{"n":%d}}\n'
        path = self.file("other.ndjson", line % 1)
        self.ctl(0, "seal", "--batch", "--resume", path)
        self.file("other.ndjson", line % 2)
        self.assertEqual(json.loads(self.ctl(1, "seal", "--batch", "--resume", path).stdout)["code"], "seal_id_conflict")

    def test_seals_that_nobody_answers_are_told_with_their_ids(self):
        process = self.start("seal", "--batch", stdin=subprocess.PIPE)
        process.stdin.write('{"session_id":"s-silent","authority":"a","verdict":"SEAL","seal_data":{}}\n')
        process.stdin.flush()
        self.assertFalse(json.loads(process.stdout.readline())["duplicate"])
        VAULTD.process.send_signal(signal.SIGSTOP)
        try:
            process.stdin.write('{"session_id":"s-silent","authority":"a","verdict":"VOID","seal_data":{}}\n' * 40)
            # It has read them once it has room for more than it reads at a time.
            process.stdin.write("\n" * 400_000)
            process.stdin.flush()
            process.send_signal(signal.SIGINT)
            output, problems = process.communicate(timeout=60)
        finally:
            VAULTD.process.send_signal(signal.SIGCONT)
            VAULTD.wait_ready()  # it may have lost its lease meanwhile
        self.assertEqual(process.returncode, 130)
        unanswered = [json.loads(line) for line in output.splitlines()]
        self.assertEqual([one["line"] for one in unanswered], list(range(2, 42)))
        self.assertTrue(all("seal_id" in one and one["code"] == "deadline_exceeded" for one in unanswered))
        self.assertIn("40 were sent and not answered", problems)
        self.assertLess(len(problems.splitlines()), 8, problems)

    def test_a_second_signal_ends_it_at_once(self):
        process = self.start("seal", "--batch", stdin=subprocess.PIPE)
        process.stdin.write('{"session_id":"s-twice","authority":"a","verdict":"SEAL","seal_data":{}}\n')
        process.stdin.flush()
        process.stdout.readline()
        VAULTD.process.send_signal(signal.SIGSTOP)
        try:
            process.stdin.write('{"session_id":"s-twice","authority":"a","verdict":"VOID","seal_data":{}}\n')
            process.stdin.write("\n" * 400_000)
            process.stdin.flush()
            process.send_signal(signal.SIGINT)
            # Two signals of a kind that arrive together are one: send until the process has gone.
            while process.poll() is None:
                process.send_signal(signal.SIGINT)
                time.sleep(0.05)
            self.assertIn(process.returncode, (-signal.SIGINT, 130))
        finally:
            VAULTD.process.send_signal(signal.SIGCONT)
            VAULTD.wait_ready()  # it may have lost its lease meanwhile


class GivenUp(Case):
    """vaultd is away for longer than --timeout: the batch ends, and says how to go on."""

    def given_up(self, *more):
        path = self.file("seals.ndjson", '{"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{}}\n' * 5_000)
        endpoint = f"tcp://127.0.0.1:{free_ports(1)[0]}"
        return path, self.ctl(3, "--endpoint", endpoint, "--timeout", "500ms", "seal", "--batch", *more, path).stderr

    def test_how_to_go_on(self):
        path, said = self.given_up()
        read = int(re.search(r"lines after line ([\d,]+) were not read", said)[1].replace(",", ""))
        self.assertIn(f"tail -n +{read + 1} {path} | vaultctl --endpoint tcp://127.0.0.1:", said)
        self.assertIn("seal the lines that failed, too", said)
        self.assertIn("--resume", said)
        self.assertNotIn("may be sealed", said)  # none of them has left

    def test_how_to_go_on_with_resume(self):
        said = self.given_up("--resume")[1]
        self.assertIn("go on with the same command", said)
        self.assertNotIn("tail", said)


class Repeated(Case):
    def test_many_seals_in_the_same_trouble_are_one_problem(self):
        process = self.start("--timeout", "1s", "seal", "--batch", stdin=subprocess.PIPE)
        line = '{"session_id":"s-many","authority":"a","verdict":"SEAL","seal_data":{}}\n'
        process.stdin.write(line)
        process.stdin.flush()
        process.stdout.readline()  # it is connected
        VAULTD.process.send_signal(signal.SIGSTOP)
        try:
            output, problems = process.communicate(line * 300, timeout=120)
        finally:
            VAULTD.process.send_signal(signal.SIGCONT)
            VAULTD.wait_ready()  # it may have lost its lease meanwhile
        self.assertEqual(process.returncode, 3)
        self.assertEqual(len(output.splitlines()), 300)
        self.assertLess(len(problems.splitlines()), 8, problems)
        self.assertIn("more lines, ", problems)
        self.assertIn("1 sealed, 300 not", problems)

    def test_different_problems_are_told_one_by_one(self):
        good = '{"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{}}'
        answer = self.ctl(2, "seal", "--batch", stdin=f"x\n{good}\n{{}}\nx\nx\n")
        for text in ("line 1: ", "line 3: ", "2 more lines, 4 to 5: the same: "):
            self.assertIn(text, answer.stderr)


class Output(Case):
    def test_a_receipt_is_never_overwritten(self):
        path = self.directory / "receipt.json"
        self.one("-o", path)
        kept, before = path.read_text(), self.head()
        self.assertIn("exists already", self.one("-o", path, code=2).stderr)
        self.assertEqual((path.read_text(), self.head()), (kept, before))
        self.one("-o", path, "--force")
        self.assertNotEqual(path.read_text(), kept)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual([one.name for one in self.directory.iterdir()], ["receipt.json"])

    def test_what_cannot_be_written_is_told_before_anything_is_sealed(self):
        before = self.head()
        for path in (self.directory / "no" / "receipt.json", self.directory):
            self.assertIn(str(path), self.one("-o", path, code=2).stderr)
        self.assertEqual(self.head(), before)

    def test_a_seal_that_is_refused_leaves_no_file(self):
        path = self.directory / "receipt.json"
        self.one("-o", path, code=1, session="vaultd")
        self.assertFalse(path.exists())

    def test_a_receipt_that_cannot_be_kept_after_all(self):
        before = self.head()["sequence"]
        answer = self.one("-o", "/dev/full", code=4)
        self.assertEqual(json.loads(answer.stdout)["sequence"], before + 1)
        self.assertIn(f"sealed as {before + 1}", answer.stderr)

    def test_proofs_and_checkpoints_are_not_overwritten_either(self):
        self.one("--sign")
        for arguments in (["proof", "1"], ["checkpoint"], ["checkpoint", "--vkey"]):
            path = self.file("kept", "something else")
            self.assertIn("exists already", self.ctl(2, *arguments, "-o", path).stderr)
            self.assertEqual(path.read_text(), "something else")
            self.ctl(0, *arguments, "-o", path, "--force")
            self.assertNotEqual(path.read_text(), "something else")
            path.unlink()
            self.ctl(0, *arguments, "-o", path)


if __name__ == "__main__":
    unittest.main()
