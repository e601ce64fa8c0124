"""Markdown that the scripts write: tables, targets and their wording, each between its markers in a document.

Tables are written here and not by `tabulate`, which pads columns: then one longer cell would change every line.
"""

import pathlib
import re
import textwrap
import tomllib

import pandas

WORDING = tomllib.loads(pathlib.Path(__file__).with_name("wording.toml").read_text())
COLUMNS = 120
# Cores that other jobs may have before absolute times are too long.
OTHER_CORES_MAX = 0.5


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


def table(*columns):
    """Of columns, each a title and its values."""
    titles, values = zip(*columns)
    return [*header(*titles), *(row(*cells) for cells in zip(*values, strict=True))]


def named(rows, *names):
    """Columns of a frame under their own names."""
    return [(name, rows[name]) for name in names]


def header(*titles):
    return [row(*titles), "|" + "---|" * len(titles)]


def row(*values):
    return "| " + " | ".join(map(cell, values)) + " |"


def cell(value):
    """Nothing where there is no value; fractions to three digits."""
    if pandas.isna(value):
        return ""
    return short(value) if isinstance(value, float) else str(value)


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
    met = is_met if isinstance(is_met, str) else verdict(is_met)
    return row(words(f"targets.{name}.target", **(limits or {})), words(f"targets.{name}.measured", **figures), met)


def verdict(is_met):
    """Nothing if there is no limit to meet."""
    return "" if is_met is None else words("verdicts.met" if is_met else "verdicts.missed")


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
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def times(value):
    return f"{value:.2f}x"


def quotient(above, below):
    return short(above / below) if below else "-"


def percent(part, total):
    return f"{100 * part / total:.0f} %"


def intervals(rows, prefix=""):
    """Rates with their 95 % intervals."""
    rates = rows[f"{prefix}failures"] / rows.shots
    ends = rows[f"{prefix}low"], rows[f"{prefix}high"]
    return [f"{rate:.2e} [{low:.2e}, {high:.2e}]" for rate, low, high in zip(rates, *ends)]
