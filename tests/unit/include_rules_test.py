"""Who may include whom (ARCHITECTURE.md). A room is a directory; the rules are the tables below.

Run by CTest; by hand: python3 tests/unit/include_rules_test.py
"""
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("ledger", "os", "wire", "store", "actors", "daemon", "tools")
SOURCES = (".hpp", ".cpp")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)

# Room -> rooms that it may include.
MAY_INCLUDE = {
    "ledger": {"ledger"},
    "os": {"ledger", "os"},
    "wire": {"ledger", "os", "wire"},
    "store": {"ledger", "os", "store"},
    "actors": {"ledger", "os", "wire", "store", "actors"},
    "daemon": {"ledger", "os", "wire", "store", "actors", "daemon"},
    "tools": {"ledger", "os", "wire", "store", "actors", "daemon", "tools"},
}
# What os may know of the ledger: how a refusal and a broken invariant are told.
OS_KNOWS = {"ledger/result.hpp", "ledger/check.hpp"}
# Made by CMake.
GENERATED = {"version.hpp"}
# What actors may know of the store: the contract, not where it lives.
STORE_CONTRACT = {"store/store.hpp", "store/end_check.hpp", "store/sight.hpp", "store/verify.hpp",
                  "store/emergency_store.hpp"}
# Folders of tools/ that know no store.
STORELESS = ("common", "mcp", "web")
# Foreign headers that only some files may include: (what, pattern, files that may).
RESERVED = (
    ("libpq", re.compile(r"^(postgresql/)?(libpq-fe|libpq/.*|pg_config.*)\.h$"), re.compile(r"^(store/postgres/|tools/bench/baseline)")),
    ("libsodium", re.compile(r"^sodium(\.h|/)"), re.compile(r"^store/signature_check\.cpp$")),
    ("ZeroMQ", re.compile(r"^zmq(_addon)?\.h(pp)?$"), re.compile(r"^(actors/runtime|wire/client)/")),
    ("libsystemd", re.compile(r"^systemd/"), re.compile(r"^daemon/(service_manager|journal)\.cpp$")),
    ("Boost.Log", re.compile(r"^boost/log/"), re.compile(r"^daemon/logging")),
    ("Boost.Beast and Asio", re.compile(r"^boost/(beast|asio)"), re.compile(r"^tools/web/")),
    ("prometheus-cpp", re.compile(r"^prometheus/"), re.compile(r"^tools/web/metrics\.cpp$")),
    ("CLI11", re.compile(r"^CLI/"), re.compile(r"^(daemon/settings|tools)/")),
    ("toml++", re.compile(r"^toml\+\+"), re.compile(r"^(daemon|tools)/")),
    ("nlohmann-json", re.compile(r"^nlohmann/"), re.compile(r"^tools/")),
    ("MessagePack", re.compile(r"^msgpack"), re.compile(r"^(wire|tools)/")),
)
# CMake target -> what it must not link, directly or by way of others: the linker is to say what the tables above say.
MUST_NOT_LINK = {
    "vault_ledger": {"vault_os"},
    "vault_wire": {"vault_store", "LIBZMQ"},
    "vault_store": {"vault_postgres", "vault_archive", "vault_legacy", "vault_emergency", "PostgreSQL"},
    "vault_archive": {"vault_postgres", "PostgreSQL"},
    "vault_legacy": {"vault_postgres", "PostgreSQL"},
    "vault_emergency": {"vault_postgres", "PostgreSQL"},
    "vault_handlers": {"vault_postgres", "PostgreSQL", "cppzmq"},
    "vault_runtime": {"vault_postgres", "PostgreSQL"},
    "vault_common": {"vault_store", "vault_handlers"},
    "vault-mcp": {"vault_store", "vault_handlers"},
    "vault-web": {"vault_store", "vault_handlers"},
}
LINKS = re.compile(r"^target_link_libraries\(([\w-]+)\s([^)]*)\)", re.MULTILINE)
# ledger/ is pure: bytes in, bytes out.
IMPURE = re.compile(
    r"^(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|stop_token|filesystem|fstream|"
    r"iostream|unistd\.h|fcntl\.h|pthread\.h|sys/.*|netinet/.*|arpa/.*|boost/.*)$"
)
CLOCK = re.compile(r"(system_clock|steady_clock|high_resolution_clock)::now|\b(clock_gettime|gettimeofday|getenv)\s*\(")


def violations(path, text):
    """What is wrong with the file `path` (relative to the repository, with /), as sentences."""
    room = path.split("/")[0]
    found = []
    for bracket, target in INCLUDE.findall(text):
        if bracket == '"':
            found += own_violations(path, room, target)
            continue
        for name, pattern, allowed in RESERVED:
            if pattern.match(target) and not allowed.match(path):
                found.append(f"{path} includes <{target}>: {name} is not for this file")
        if room == "ledger" and IMPURE.match(target):
            found.append(f"{path} includes <{target}>: ledger is pure")
    if room == "ledger" and (match := CLOCK.search(text)):
        found.append(f"{path} uses {match.group(0)}: ledger knows no clock and no environment")
    return found


def store_kind(path):
    """postgres of store/postgres/a.cpp; none for a contract."""
    parts = path.split("/")
    return parts[1] if parts[0] == "store" and len(parts) > 2 else None


def tool(path):
    """mcp of tools/mcp/a.cpp; none elsewhere."""
    parts = path.split("/")
    return parts[1] if parts[0] == "tools" and len(parts) > 2 else None


def own_violations(path, room, target):
    if target in GENERATED:
        return []
    top = target.split("/")[0]
    if "/" not in target or top not in ROOMS:
        return [f'{path} includes "{target}": ours are included by their path from the root']
    if top not in MAY_INCLUDE[room]:
        return [f'{path} includes "{target}": {room} must not know {top}']
    if room == "os" and top == "ledger" and target not in OS_KNOWS:
        return [f'{path} includes "{target}": os knows of the ledger only {", ".join(sorted(OS_KNOWS))}']
    if room == "wire" and target.startswith("wire/client/") and not path.startswith("wire/client/"):
        return [f'{path} includes "{target}": what travels does not know the client']
    if room == "actors" and target.startswith("actors/runtime/") and not path.startswith("actors/runtime/"):
        return [f'{path} includes "{target}": a handler does not know what runs it']
    if room == "tools" and top == "tools" and tool(target) not in (tool(path), "common"):
        return [f'{path} includes "{target}": programs share by tools/common']
    if tool(path) in STORELESS and top in ("store", "actors"):
        return [f'{path} includes "{target}": {tool(path)} reaches a ledger through vaultd only']
    if room == "store" and (other := store_kind(target)) and other != store_kind(path):
        return [f'{path} includes "{target}": an implementation of a store is known to none of store/ but itself']
    if room == "actors" and top == "store" and target not in STORE_CONTRACT:
        return [f'{path} includes "{target}": actors know the Store contract only']
    return []


def linked(target, direct):
    """Everything that `target` links, by {target: what it links itself}."""
    found, todo = set(), [target]
    while todo:
        for other in direct.get(todo.pop(), set()) - found:
            found.add(other)
            todo.append(other)
    return found


def direct_links(texts):
    """{target: what it links itself}, out of CMake's files; of a name with colons its first part, PkgConfig's its last."""
    direct = {}
    for text in texts:
        for target, body in LINKS.findall(text):
            names = (one.removeprefix("PkgConfig::").split("::")[0] for one in body.split())
            direct.setdefault(target, set()).update(names)
    return direct


def sources():
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in SOURCES:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


class Rules(unittest.TestCase):
    """The checker itself: what it must find, and what it must let pass."""

    def test_forbidden(self):
        for path, line in (
            ("ledger/a.cpp", '#include "wire/codec.hpp"'),
            ("ledger/a.cpp", "#include <thread>"),
            ("ledger/a.cpp", "auto t = std::chrono::system_clock::now();"),
            ("wire/a.cpp", '#include "store/store.hpp"'),
            ("os/a.cpp", '#include "ledger/timestamp.hpp"'),
            ("os/a.cpp", '#include "wire/codec.hpp"'),
            ("wire/codec.cpp", "#include <zmq.hpp>"),
            ("wire/codec.cpp", '#include "wire/client/client.hpp"'),
            ("store/a.cpp", '  #  include "wire/message.hpp"'),
            ("store/legacy/directory.cpp", "#include <libpq-fe.h>"),
            ("store/archive/check.cpp", '#include "store/postgres/store.hpp"'),
            ("store/verify.cpp", '#include "store/postgres/store.hpp"'),
            ("actors/a.cpp", '#include "store/postgres/store.hpp"'),
            ("actors/a.cpp", '#include "daemon/settings/settings.hpp"'),
            ("actors/a.cpp", "#include <zmq.hpp>"),
            ("actors/a.cpp", '#include "actors/runtime/shell.hpp"'),
            ("daemon/a.cpp", '#include "tools/common/table.hpp"'),
            ("tools/mcp/a.cpp", '#include "tools/vaultctl/command.hpp"'),
            ("tools/common/a.cpp", '#include "tools/mcp/lane.hpp"'),
            ("tools/mcp/a.cpp", '#include "store/store.hpp"'),
            ("daemon/a.cpp", "#include <postgresql/libpq-fe.h>"),
            ("daemon/vaultd.cpp", "#include <zmq.hpp>"),
            ("ledger/a.cpp", '#include "bytes.hpp"'),
            ("ledger/a.cpp", '#include "../ledger/bytes.hpp"'),
        ):
            self.assertEqual(1, len(violations(path, f"// why\n{line}\n")), f"{path}: {line}")

    def test_allowed(self):
        for path, line in (
            ("ledger/a.cpp", '#include "ledger/bytes.hpp"'),
            ("ledger/a.cpp", "#include <openssl/evp.h>"),
            ("os/a.cpp", '#include "ledger/result.hpp"'),
            ("wire/client/client.cpp", "#include <zmq.hpp>"),
            ("store/postgres/connection.cpp", "#include <libpq-fe.h>"),
            ("store/postgres/reader.cpp", '#include "store/postgres/rows.hpp"'),
            ("store/archive/check.cpp", '#include "store/store.hpp"'),
            ("actors/reader.cpp", '#include "store/store.hpp"'),
            ("actors/runtime/shell.hpp", "#include <zmq.hpp>"),
            ("daemon/vaultd.cpp", '#include "store/postgres/store.hpp"'),
            ("tools/mcp/a.cpp", '#include "tools/common/connect.hpp"'),
            ("ledger/a.cpp", '// #include "wire/codec.hpp"'),
        ):
            self.assertEqual([], violations(path, line + "\n"), f"{path}: {line}")


class Targets(unittest.TestCase):
    def test_links(self):
        direct = direct_links(["target_link_libraries(a PUBLIC b\n  PRIVATE PkgConfig::Z)\ntarget_link_libraries(b P::Q)\n"])
        self.assertEqual({"PUBLIC", "PRIVATE", "b", "Z", "P"}, linked("a", direct))

    def test_targets(self):
        direct = direct_links(path.read_text(encoding="utf-8") for room in ROOMS for path in (ROOT / room).rglob("CMakeLists.txt"))
        self.assertGreater(len(direct), 15, "targets not found")
        for target, never in MUST_NOT_LINK.items():
            self.assertIn(target, direct)
            self.assertEqual(set(), never & linked(target, direct), target)


class Sources(unittest.TestCase):
    def test_includes(self):
        seen = 0
        found = []
        for path, text in sources():
            seen += 1
            found += violations(path, text)
        self.assertGreater(seen, 20, "sources not found")
        self.assertEqual([], found, "\n" + "\n".join(found))


if __name__ == "__main__":
    sys.exit(unittest.main())
