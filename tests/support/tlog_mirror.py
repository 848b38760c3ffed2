"""A mirror of a tlog-tiles log over HTTP, written from C2SP's text: the checkpoint, and every tile and entry bundle
that its size requires. None of our code in it."""
import pathlib
import urllib.request

WIDTH = 256


def path_of(level, index, width):
    number = f"{index % 1000:03}"
    while index >= 1000:
        index //= 1000
        number = f"x{index % 1000:03}/{number}"
    return f"tile/{level}/{number}" + (f".p/{width}" if width < WIDTH else "")


def paths_of(size):
    """Every file of a log of `size` entries."""
    level, count = 0, size
    while count > 0:
        full, rest = divmod(count, WIDTH)
        for name in (level,) if level else (0, "entries"):
            yield from (path_of(name, index, WIDTH) for index in range(full))
            if rest:
                yield path_of(name, full, rest)
        level, count = level + 1, full


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def mirror(url, directory):
    """Fetches the log at `url` into `directory`, which becomes an archive; existing full files are kept. Returns its
    size."""
    directory = pathlib.Path(directory)
    note = fetch(url + "/checkpoint")
    size = int(note.split(b"\n")[1])
    for path in paths_of(size):
        place = directory / path
        if ".p/" not in path and place.is_file():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(fetch(f"{url}/{path}"))
    (directory / "checkpoint").write_bytes(note)
    return size
