"""Network faults, on a TcpProxy: each breaks it, waits, and repairs it. The seed chooses the details."""
from support.tcp_proxy import DOWN, UP


def victim(run, proxy):
    """Mostly the busiest connection; otherwise all of them."""
    return proxy.busiest() if run.random.random() < 0.7 else None


def cut(run, proxy):
    proxy.cut(victim(run, proxy), hard=run.random.random() < 0.5)


def cut_for_a_while(run, proxy):
    proxy.cut(None, hard=run.random.random() < 0.5, refuse=True)
    run.wait_a_little(0.2, 3)


def stall(run, proxy):
    link = victim(run, proxy)
    proxy.hold(UP, "stalled", link)
    proxy.hold(DOWN, "stalled", link)
    run.wait_a_little(0.5, 6)


def nothing_arrives(run, proxy):
    """The target's data comes through, but nothing reaches it."""
    proxy.hold(UP, "stalled", victim(run, proxy))
    run.wait_a_little(0.5, 6)


def nothing_comes_back(run, proxy):
    """Everything reaches the target, which acts on it."""
    proxy.hold(DOWN, "stalled", victim(run, proxy))
    run.wait_a_little(0.5, 6)


def nothing_comes_back_and_then_cut(run, proxy):
    """The same, and what was held back never arrives."""
    proxy.hold(DOWN, "stalled", None)
    run.wait_a_little(0.2, 1)
    proxy.cut(None)


def lost_answer(run, proxy):
    """Between COMMIT and its answer."""
    proxy.lose_answer(proxy.busiest())
    run.wait_a_little(0.2, 0.5)


def half_a_message(run, proxy):
    proxy.cut_in_the_middle(run.random.choice((UP, DOWN)), run.random.random(), proxy.busiest())
    run.wait_a_little(0.2, 0.5)


def a_byte_a_second(run, proxy):
    link = victim(run, proxy)
    for way in run.random.choice(((UP,), (DOWN,), (UP, DOWN))):
        proxy.hold(way, "slow", link)
    run.wait_a_little(2, 6)


KINDS = (cut, cut_for_a_while, stall, nothing_arrives, nothing_comes_back, nothing_comes_back_and_then_cut, lost_answer,
         half_a_message, a_byte_a_second)
