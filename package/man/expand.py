#!/usr/bin/env python3
"""Expands NAME.N.scd for scdoc: text that programs and documents already have is taken from them, so that it has one
source.

    expand.py --bin-dir DIR --source-dir DIR --version V PAGE.scd > expanded.scd

Lines of a page that are replaced:

    @options PROGRAM [COMMAND]...   the options, from `PROGRAM COMMAND --help`
    @commands PROGRAM               every command of PROGRAM: what it does, its arguments, options and examples
    @settings PAGE.md               the table "| setting | default | meaning |"
    @block PAGE.md NAME             the code block that begins with ```sh NAME

It is an error if something that a page asks for is missing.
"""
import argparse
import pathlib
import re
import subprocess
import sys

# Help texts that begin with one of these begin with a name or a value, whose spelling stays.
SPELT = re.compile(r"(libpq|vault\w*|up|asc|text|trace|postgres)\b")
HEADINGS = ("Options:", "Positionals:", "Subcommands:")


class Help:
    """The output of `program command --help`, parsed. Terms are pairs (spelling, help)."""

    def __init__(self, bin_dir, words):
        self.words = words
        ran = subprocess.run([str(bin_dir / words[0]), *words[1:], "--help"], capture_output=True, text=True, check=True,
                             timeout=60)
        lines = ran.stdout.splitlines()
        usage = next(i for i, line in enumerate(lines) if line.startswith("Usage: "))
        self.summary = " ".join(lines[:usage]).strip()
        # The program may be named by its path.
        self.arguments = re.sub(r"^Usage: \S+", "", lines[usage])[len(" ".join(["", *words[1:]])):].strip()
        self.terms = {heading: [] for heading in HEADINGS}
        self.footer = self._read_terms(lines[usage + 1:])
        self._trim()

    def _read_terms(self, lines):
        """Terms are in columns; the help of one that is too long for its column is on the next line."""
        column = next(line.index("Print this help") for line in lines if line.startswith("  -h,--help"))
        heading = None
        for i, line in enumerate(lines):
            if line in HEADINGS:
                heading = line
            elif heading and line.startswith(" " * column):
                spelling, text = self.terms[heading][-1]
                self.terms[heading][-1] = ((spelling + text).strip(), line.strip())
            elif heading and line.startswith("  "):
                self.terms[heading].append((line[:column].lstrip(), line[column:]))
            elif line:
                return lines[i:]
        return []

    def options(self):
        return [term for term in self.terms["Options:"] if not term[0].startswith("-h,")]

    def _trim(self):
        for heading, terms in self.terms.items():
            self.terms[heading] = [(spelling.strip(), text) for spelling, text in terms]


def plain(text):
    """Text in which scdoc finds no markup, neither inside nor at the beginning of the line."""
    return re.sub(r"([\\*_`~]|^[-#.;|<>\[\]+])", r"\\\1", text)


def bold(text):
    return f"*{plain(text)}*"


def literal(lines):
    """Word for word."""
    return ["```", *(line.replace("\\", "\\\\") for line in lines), "```", ""]


def sentence(text):
    """With a capital and a full stop, but names keep their spelling."""
    if text and not SPELT.match(text):
        text = text[0].upper() + text[1:]
    return text if not text or text.endswith(".") else text + "."


def value_names(rest):
    """The text after an option's name, such as `KEY|FILE REQUIRED` or `TEXT:{a,b} ...` -> (names, remarks)."""
    remarks = []
    if variable := re.search(r"\(Env:(\w+)\)", rest):
        rest = rest.replace(variable.group(0), "")
        remarks.append(f"Environment: {bold(variable.group(1))}.")
    if needs := re.search(r"Needs: (\S+)", rest):
        rest = rest.replace(needs.group(0), "")
        remarks.append(f"Needs {bold(needs.group(1))}.")
    if "REQUIRED" in rest:
        rest = rest.replace("REQUIRED", "")
        remarks.append("Required.")
    if choices := re.search(r":\{([^}]*)\}", rest):
        rest = rest.replace(choices.group(0), "")
        if "|" not in rest:
            remarks.append("One of " + ", ".join(bold(choice) for choice in choices.group(1).split(",")) + ".")
    rest = re.sub(r":[A-Z]+\b", "", rest)  # checks: `INT:POSITIVE`
    if default := re.search(r"=(\S+)", rest):
        rest = rest.replace(default.group(0), "")
        remarks.append(f"Default: {bold(default.group(1))}.")
    if "..." in rest:
        rest = rest.replace("...", "")
        remarks.append("May be repeated.")
    return rest.split(), remarks


def render_option(spelling, text):
    names, _, rest = spelling.partition(" ")
    values, remarks = value_names(rest)
    if "repeated" in text or "several times" in text:
        remarks = [remark for remark in remarks if remark != "May be repeated."]
    head = ", ".join(bold(name) for name in names.split(",")) + "".join(f" _{plain(value)}_" for value in values)
    return [head, "\t" + " ".join([plain(sentence(text)), *remarks]).strip(), ""]


def render_positional(spelling, text):
    name, _, rest = spelling.partition(" ")
    _, remarks = value_names(rest)
    return [f"_{plain(name)}_", "\t" + " ".join([plain(sentence(text)), *remarks]), ""]


def render_footer(lines):
    """Sentences, and examples, which are indented; the line that announces them is on its own."""
    out, examples = [], []
    for i, line in enumerate(lines):
        if line.startswith("  "):
            examples.append(line[2:])
            continue
        if examples:
            out += literal(examples)
            examples = []
        announces = line.endswith(":") and i + 1 < len(lines) and lines[i + 1].startswith("  ")
        out += ["", plain(line), ""] if announces else [plain(line)]
    return [*out, *(literal(examples) if examples else []), ""]


def render_command(help_text):
    out = ["## " + plain(" ".join(help_text.words[1:])), ""]
    arguments = help_text.arguments.replace("[OPTIONS]", "[_options_]")
    out += [f"{bold(' '.join(help_text.words))} {arguments}".rstrip(), "", plain(sentence(help_text.summary)), ""]
    for term in help_text.terms["Positionals:"]:
        out += render_positional(*term)
    for term in help_text.options():
        out += render_option(*term)
    return out + render_footer(help_text.footer)


def commands(bin_dir, words):
    out = []
    for name, _ in Help(bin_dir, words).terms["Subcommands:"]:
        help_text = Help(bin_dir, [*words, name])
        out += render_command(help_text)
        if help_text.terms["Subcommands:"]:
            out += commands(bin_dir, [*words, name])
    return out


def markdown(text):
    """A table cell's Markdown converted to scdoc's."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    parts = re.split(r"(\*\*[^*]*\*\*|`[^`]*`)", text)
    return "".join(bold(part.strip("*`")) if i % 2 else plain(part) for i, part in enumerate(parts))


def settings(page):
    text = page.read_text(encoding="utf-8")
    table = text[text.index("| setting | default | meaning |"):].split("\n\n")[0]
    out = []
    for line in table.splitlines()[2:]:
        names, default, meaning = (cell.strip() for cell in line.strip("|").split("|"))
        shown = "" if default == "–" else f" Default: {markdown(default)}."
        out += [markdown(names), f"\t{markdown(sentence(meaning))}{shown}", ""]
    return out


def block(page, name):
    found = re.findall(rf"^```sh {re.escape(name)}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)
    if len(found) != 1:
        raise SystemExit(f"{page}: {len(found)} blocks ```sh {name}, not one")
    return literal(found[0].rstrip("\n").splitlines())


def expand(line, given):
    words = line.split()
    if not words or not words[0].startswith("@"):
        return [line.replace("@version@", given.version)]
    if words[0] == "@options":
        out = []
        for term in Help(given.bin_dir, words[1:]).options():
            out += render_option(*term)
    elif words[0] == "@commands":
        out = commands(given.bin_dir, words[1:])
    elif words[0] == "@settings":
        out = settings(given.source_dir / words[1])
    elif words[0] == "@block":
        out = block(given.source_dir / words[1], words[2])
    else:
        raise SystemExit(f"{given.page}: unknown {words[0]}")
    if not out:
        raise SystemExit(f"{given.page}: nothing came of {line}")
    return out


def main():
    parser = argparse.ArgumentParser(description="Expands a man page's source for scdoc.")
    parser.add_argument("--bin-dir", type=pathlib.Path, required=True)
    parser.add_argument("--source-dir", type=pathlib.Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("page", type=pathlib.Path)
    given = parser.parse_args()
    for line in given.page.read_text(encoding="utf-8").splitlines():
        for expanded in expand(line, given):
            print(expanded)
    return 0


if __name__ == "__main__":
    sys.exit(main())
