"""docs/distributed.md, three nodes under Patroni, followed from beginning to end: its commands, in its words.

Needs Debian's packages patroni and etcd-server. Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import json
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.guide_nodes import GuideNodes, missing  # noqa: E402

PAGE = "docs/distributed.md"
PATIENCE_S = 100


class ThreeNodes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.nodes = GuideNodes(PAGE, 3)
        cls.addClassCleanup(cls.nodes.remove)

    def wait(self, condition, what):
        until = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            if time.monotonic() > until:
                self.fail((what if isinstance(what, str) else what()) + "".join(f"\n--- node {node.number}\n{node.logs()}" for node in self.nodes))
            time.sleep(0.2)
        return found

    def members(self, node):
        """Names by role, of the healthy ones."""
        said = node.sh(node.here("patronictl -c /etc/patroni/config.yml list vault -f json"), code=None)
        try:
            rows = json.loads(said)
        except ValueError:
            return {}
        return {row["Role"]: row["Member"] for row in rows if row["State"] in ("running", "streaming")}

    def whole(self, node):
        return lambda: set(self.members(node)) == {"Leader", "Sync Standby", "Replica"}

    def seal_where_it_is_written(self, nodes):
        """The leader may have changed between the look-up and the seal."""
        def done():
            for node in nodes:
                said.append(node.sh("vaultctl --timeout 5s status", code=None))
                if re.search("role +writer", said[-1]):
                    said.append(node.follow("cluster-after", code=None))
                    if "VALID  entries" in said[-1]:
                        return True
            return False
        said = []
        self.wait(done, lambda: "nobody seals:\n" + "\n".join(said[-3:]))

    def test_the_guide(self):
        a, b, _ = self.nodes
        for node in self.nodes:
            node.follow("cluster-install", "cluster-etcd")
            self.assertIn("create_main_cluster = false", (node.root / "etc/postgresql-common/createcluster.conf").read_text())
        for node in self.nodes:
            node.follow("cluster-patroni")
        self.wait(self.whole(a), "the cluster does not become whole")
        said = a.follow("cluster-look")
        for word in ("Leader", "Sync Standby", "Replica"):
            self.assertIn(word, said)
        self.assertIn("applied 1 ledger", a.follow("cluster-database"))

        self.assertIn("writer", a.follow("cluster-vaultd"))
        b.write("home/signing.pem", (a.root / "var/lib/vaultd/signing.pem").read_text())
        b.follow("cluster-key")
        self.assertIn("standby", b.follow("cluster-vaultd"))

        a.follow("cluster-before")
        before = self.members(a)["Leader"]
        a.follow("cluster-switchover")
        self.seal_where_it_is_written((a, b))
        self.wait(self.whole(a), "the cluster does not become whole again")
        self.assertNotEqual(self.members(a)["Leader"], before)
        self.assertIn("synchronous_mode_strict: true", a.follow("cluster-strict"))
        self.wait(lambda: "| sync" in a.follow("cluster-watch"), "no replica is synchronous")

        # The power of the leader's machine fails.
        leader = next(node for node, name in zip(self.nodes, "abc") if name == self.members(a)["Leader"])
        leader.power_off()
        self.seal_where_it_is_written([node for node in (a, b) if node is not leader])

    def test_z_every_block_was_followed(self):
        blocks = {name for name in self.nodes.blocks if name == "nodes" or name.startswith("cluster-")}
        self.assertEqual(self.nodes.followed, blocks)


if __name__ == "__main__":
    if name := missing():
        print(f"skipped: {name} is not installed (tools/install-deps --tests)")
        sys.exit(77)
    unittest.main()
