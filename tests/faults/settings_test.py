"""Settings made by others: for the role, the database, the server. Each is overridden, does no harm, or is refused by
name; in any case, what is sealed under it is as it must be.
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import main  # noqa: E402
from support.vaultd_process import clean_environment, program  # noqa: E402

# (setting, value, PostgreSQL version that has it) or, if it is refused while it lasts, with the word that names it.
# Some apply to the server only (None for the role).
# the server alone (None for the role).
HARMLESS = (
    ("search_path", "nowhere, pg_catalog", 13), ("TimeZone", "'Asia/Kathmandu'", 13), ("DateStyle", "'German, DMY'", 13),
    ("IntervalStyle", "sql_standard", 13), ("bytea_output", "escape", 13), ("extra_float_digits", "-15", 13),
    ("standard_conforming_strings", "off", 13), ("default_transaction_isolation", "serializable", 13),
    ("default_transaction_isolation", "'repeatable read'", 13), ("default_transaction_deferrable", "on", 13),
    ("statement_timeout", "50", 13), ("lock_timeout", "1", 13), ("idle_in_transaction_session_timeout", "1", 13),
    ("idle_session_timeout", "200", 14), ("transaction_timeout", "50", 17), ("synchronous_commit", "off", 13),
    ("synchronous_commit", "local", 13), ("synchronous_commit", "remote_write", 13), ("row_security", "off", 13),
    ("session_replication_role", "replica", 13), ("jit", "on", 13), ("jit_above_cost", "0", 13),
    ("plan_cache_mode", "force_custom_plan", 13), ("enable_indexscan", "off", 13), ("client_min_messages", "error", 13),
    ("client_encoding", "'LATIN1'", 13), ("xmloption", "document", 13), ("array_nulls", "off", 13),
    ("transform_null_equals", "on", 13), ("quote_all_identifiers", "on", 13), ("work_mem", "'64kB'", 13),
    ("default_tablespace", "''", 13), ("lc_messages", "'C'", 13), ("commit_delay", "10000", 13),
    ("default_transaction_read_only", "off", 13), ("check_function_bodies", "off", 13), ("force_parallel_mode", "on", 13),
)
# While it lasts, nothing is sealed; status says why, with this word.
REFUSED = (("role", "default_transaction_read_only", "on", "default_transaction_read_only"),
           ("server", "fsync", "off", "fsync"))


# The test's own queries run under the same settings.
PLAIN = ("SET statement_timeout = 0; SET search_path = public; SET client_encoding = 'UTF8'; "
         "SET standard_conforming_strings = on; SET lock_timeout = 0; SET default_transaction_read_only = off;\n")


class Ground:
    def __init__(self, run, server):
        self.run, self.server = run, server
        self.version = int(self.sql("SHOW server_version_num")[0][0]) // 10_000
        self.sql("CREATE ROLE sealer LOGIN SUPERUSER")
        self.url = server.url.replace("postgres@", "sealer@", 1)

    def sql(self, text, database="vault"):
        return self.server.sql(PLAIN + text, database)

    def apply(self, where, name, value):
        sql = {"role": "ALTER ROLE sealer SET {} = {}", "database": "ALTER DATABASE vault SET {} = {}",
               "server": "ALTER SYSTEM SET {} = {}"}[where]
        self.sql(sql.format(name, value), "postgres")
        self.sql("SELECT pg_reload_conf()", "postgres")

    def reset(self):
        self.sql("ALTER ROLE sealer RESET ALL", "postgres")
        self.sql("ALTER DATABASE vault RESET ALL", "postgres")
        self.sql("ALTER SYSTEM RESET ALL", "postgres")
        self.sql("SELECT pg_reload_conf()", "postgres")


def known(ground, name):
    return bool(ground.sql(f"SELECT 1 FROM pg_settings WHERE lower(name) = lower('{name}')", "postgres"))


def under_all_at_once(run, ground, vaultd, truth, where):
    """Of contradictory settings, the last one wins; in the next turn, another one does."""
    chosen = [one for one in HARMLESS if one[2] <= ground.version and known(ground, one[0])]
    run.random.shuffle(chosen)
    for name, value, _ in chosen:
        ground.apply(where, name, value)
    vaultd.stop()
    vaultd.start(wait=False).wait_ready()
    truth.load.wait_receipts(200)
    truth.compare()
    check_programs(ground, vaultd)
    ground.reset()


def under_each(run, ground, vaultd, truth):
    """One by one, and under a running vaultd: its sessions end, and the next ones begin with it."""
    for name, value, _ in [one for one in HARMLESS if one[2] <= ground.version and known(ground, one[0])]:
        ground.apply(run.random.choice(("role", "database", "server")), name, value)
        ground.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vaultd%'",
                          "postgres")
        truth.load.wait_receipts(10)
        vaultd.wait_ready()
        run.say(f"{name} = {value}")
        run.survived("one default, under way")
        ground.reset()
    truth.compare()


def check_programs(ground, vaultd):
    """Programs that query the database themselves are under the same settings."""
    archive = vaultd.directory / "archive"
    for command in (["verify", "--database", ground.url], ["archive", "--out", str(archive), "--database", ground.url],
                    ["migrate", "status", "--database", ground.url]):
        ran = subprocess.run([program("vaultctl"), *command], capture_output=True, text=True, timeout=60, check=False,
                             env=clean_environment())
        if ran.returncode != 0:
            raise AssertionError(f"{command}: {ran.stdout} {ran.stderr}")


def refused_by_name(run, ground, vaultd, truth):
    for where, name, value, word in REFUSED:
        ground.apply(where, name, value)
        ground.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vaultd%'",
                          "postgres")
        vaultd.wait_for(lambda status, word=word: not status["ready"] and word in status["database"]["detail"])
        size = ground.sql("SELECT head_sequence FROM vault_head")
        run.wait_a_little(0.5, 1)
        if ground.sql("SELECT head_sequence FROM vault_head") != size:
            raise AssertionError(f"sealed under {name} = {value}")
        ground.reset()
        vaultd.wait_ready()
        truth.load.wait_receipts(1)
        run.say(f"{name} = {value}: refused")
        run.survived(f"refused: {name} = {value}")
    truth.compare()


def migrated_under_all(run, ground):
    """A database that is made and migrated while all of it is in force."""
    chosen = [one for one in HARMLESS if one[2] <= ground.version and known(ground, one[0])]
    run.random.shuffle(chosen)
    for name, value, _ in chosen:
        ground.apply("role", name, value)
    ground.sql("CREATE DATABASE other", "postgres")
    url = ground.url.replace("/vault?", "/other?")
    vaultd = run.vaultd(url)
    truth = run.truth(lambda text: ground.sql(text, "other"), [vaultd])
    truth.load.wait_receipts(300)
    run.done(truth)
    vaultd.stop()
    ground.reset()


def body(run):
    for _ in run.turns():
        server = run.server()
        ground = Ground(run, server)
        # A collation that sorts "i" and "I" as no other does.
        ground.sql("DROP DATABASE vault", "postgres")
        ground.sql("CREATE DATABASE vault TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' "
                   "LOCALE 'C'", "postgres")
        vaultd = run.vaultd(ground.url)
        truth = run.truth(ground.sql, [vaultd], url=ground.url, pause_s=0.06)
        under_each(run, ground, vaultd, truth)
        for where in ("role", "database", "server"):
            under_all_at_once(run, ground, vaultd, truth, where)
            run.survived(f"all at once, of the {where}")
            run.say(f"all at once, of the {where}")
        refused_by_name(run, ground, vaultd, truth)
        run.done(truth)
        vaultd.stop()
        migrated_under_all(run, ground)
        run.survived("migrated under all at once")


main("settings", body, short=1, soak=5)
