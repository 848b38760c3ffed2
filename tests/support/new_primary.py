"""A newly elected server, watched until it takes commits: since when it does, and what vaultd waits for there.

    watched = NewPrimary(node)            # node.sql(text, database) asks it
    …
    watched.wait().first_commit           # when another client's first durable insert succeeded (time.monotonic())
    watched.waits_for_standby             # how often a session of vaultd's was seen waiting for a synchronous
    standby
"""
import threading
import time

TABLE = "CREATE TABLE first_commit (at timestamptz)"
WAITING = ("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name LIKE 'vaultd%'")


class NewPrimary:
    def __init__(self, node):
        """`node` has the TABLE in its database postgres."""
        self.node = node
        self.first_commit = None
        self.looks = self.waits_for_standby = 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=one, daemon=True) for one in (self.insert, self.look)]
        for thread in self.threads:
            thread.start()

    def insert(self):
        """It waits for a synchronous standby, if there must be one, as vaultd's commits do."""
        while self.first_commit is None and not self.stopping.is_set():
            try:
                self.node.sql("INSERT INTO first_commit VALUES (now())", "postgres")
                self.first_commit = time.monotonic()
            except RuntimeError:  # not promoted yet
                time.sleep(0.02)

    def look(self):
        while not self.stopping.is_set():
            try:
                self.waits_for_standby += self.node.sql(WAITING, "postgres") != [["0"]]
                self.looks += 1
            except RuntimeError:
                pass
            self.stopping.wait(0.1)

    def wait(self, timeout_s=60):
        """Until it has taken a commit."""
        self.threads[0].join(timeout_s)
        self.stopping.set()
        if self.first_commit is None:
            raise AssertionError(f"{self.node.name} took no commit within {timeout_s} s")
        self.threads[1].join(timeout_s)
        return self
