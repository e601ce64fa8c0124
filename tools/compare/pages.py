"""Markdown that the scripts write: tables, targets and their wording, each between its markers in a document."""

import pathlib
import re
import textwrap
import tomllib

WORDING = tomllib.loads(pathlib.Path(__file__).with_name("wording.toml").read_text())
COLUMNS = 120
# Cores that other jobs may have before absolute times are too long.
OTHER_CORES_MAX = 0.5
VERDICTS = {True: "yes", False: "**no**", None: ""}


class Page:
    """A document whose marked places are rewritten."""

    def __init__(self, path):
        self.path, self.text = path, path.read_text()

    def put(self, name, lines):
        """Replaces what stands between <!-- name --> and <!-- /name -->."""
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        body = "\n".join(lines) + "\n"
        self.text, count = pattern.subn(lambda match: match[1] + body + match[2], self.text)
        if count != 1:
            raise ValueError(f"{self.path} has {count} places named {name}")

    def save(self):
        self.path.write_text(self.text)


def header(*names):
    return [row(*names), "|" + "---|" * len(names)]


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def prose(text):
    """Lines of at most COLUMNS characters; commands in backquotes may break at blanks as other text does."""
    return textwrap.wrap(" ".join(text.split()), COLUMNS, break_long_words=False, break_on_hyphens=False)


def words(key, **figures):
    """A text of wording.toml, such as "caveats.busy", with its figures filled in."""
    text = WORDING
    for part in key.split("."):
        text = text[part]
    return text.format(**figures)


def target(name, is_met, /, *, limits=None, **figures):
    """A row of a table of targets. `limits` fill in the target itself, the other figures what was measured."""
    met = is_met if isinstance(is_met, str) else VERDICTS[is_met]
    return row(words(f"targets.{name}.target", **(limits or {})), words(f"targets.{name}.measured", **figures), met)


def targets(data, judges, runs):
    """The table of targets from the judges of those sections that were measured, and what limits its figures."""
    lines = header("target", "measured", "met")
    for section, judge in judges:
        if section in data:
            lines += judge(data[section])
    return [*lines, *caveats(runs)]


def caveats(runs):
    """What a reader of the figures must know about how they were taken."""
    coarse = sorted(section for section, run in runs.items() if run["quick"])
    busy = sorted(section for section, run in runs.items() if other_cores(run) > OTHER_CORES_MAX)
    for key, sections in (("coarse", coarse), ("busy", busy)):
        if sections:
            yield from ["", *prose(words(f"caveats.{key}", sections=", ".join(sections), cores=OTHER_CORES_MAX))]


def other_cores(run):
    """What other jobs had meanwhile: measured, or else the load average without the run's own core."""
    return run["other_cores"] if "other_cores" in run else run["load_average"] - 1


def short(value):
    """Three significant digits, no exponent."""
    value = float(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def times(value):
    return f"{float(value):.2f}x"


def interval(entry, prefix=""):
    rate = int(entry[f"{prefix}failures"]) / int(entry["shots"])
    return f"{rate:.2e} [{float(entry[f'{prefix}low']):.2e}, {float(entry[f'{prefix}high']):.2e}]"


def software(run):
    return f"{run['rustc'].rsplit(' (', 1)[0]}, {run['cc']}"


def commit(run):
    return run["commit"] + ("" if run["clean"] else " with local changes")
