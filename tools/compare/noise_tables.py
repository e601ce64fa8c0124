"""Writes the tables of docs/noise-learning.md, each between its markers, from the files that the sections left."""

import math

import pandas

from origin import commit, software
from pages import Page, named, prose, quotient, short, table, target, targets, verdict, words
from results import groups, pick, read_results

Z_95 = 1.959964
SPEED_LIMIT = 20
SECONDS_LIMIT = 2
DIFFERENCE_LIMIT = 1e-9
# The learned over the true model, and over the prior.
SITES_EXCESS, PRIOR_EXCESS = 0.01, 0.01
PARAMETER_EXCESS = {"mwpm": 0.005, "mwpm-correlated": 0.0}
FROM_SHOTS = 100_000
# Failures of 50,000.
DEVICE_LIMITS = {
    "mwpm": {"d3_r5": 7711, "d5_r5": 7270, "d5_r11": 15117},
    "mwpm-correlated": {"d3_r5": 6997, "d5_r5": 6263, "d5_r11": 13207},
    "trellis": {"d3_r5": 6260, "d5_r5": 5230, "d5_r11": 11300},
}
DEVICE = "google_sycamore_x_"
DECODERS = {"mwpm": "plain", "mwpm-correlated": "correlated", "likelihood": "likelihood", "trellis": "trellis"}
GOOGLE = {"pymatching": "plain matching", "correlated_matching": "correlated matching",
          "belief_matching": "belief matching", "tensor_network_contraction": "tensor network"}  # fmt: skip
DEVICE_MODELS = ("circuit", "p_ij", "closed form", "closed form, tied", "regression", "regression, tied")
SUMMED_MODELS = ("circuit", "p_ij", "regression", "regression, tied")


def rewrite(document, folder):
    data, runs = read_results(folder)
    page = Page(document)
    for section, lines_of in TABLES.items():
        lines = [words("caveats.missing")]
        if section in data:
            lines = [*lines_of(data), "", *provenance(section, runs[section])]
        page.put(f"noise-{section}", lines)
    page.put("noise-targets", targets(data, [(name, lambda _, judge=judge: judge(data)) for name, judge in JUDGES], runs))
    page.save()


def provenance(section, run):
    command = f"python3 tools/compare/noise.py --only {section}" + (" --quick" if run["quick"] else "")
    command += f" --minutes {run['minutes']:g}" if run["minutes"] is not None else ""
    command += f" --max {run['most_minutes']:g}" if "most_minutes" in run else ""
    command += " --data FOLDER" if section in ("hardware", "trellis") else ""
    return prose(words("provenance.noise", command=command, date=run["date"], commit=commit(run), cpu=run["cpu"],
                       cpus=run["cpus"], load=run["load_average"], seconds=run["seconds"], stim=run["stim"],
                       software=software(run)))  # fmt: skip


def speed_table(data):
    rows = data["speed"]
    lines = table(
        *named(rows, "model", "detectors", "classes", "shots"),
        ("estimate s", both_clocks(rows.estimate_cpu_s, rows.estimate_wall_s)),
        ("whole command s", both_clocks(rows.command_cpu_s, rows.command_wall_s)),
        ("correlation-analysis", [f"`{name}`" for name in rows.peer_function]),
        ("its estimate s", both_clocks(rows.peer_cpu_s, rows.peer_wall_s)), ("its `TannerGraph` s", rows.peer_graph_s),
        ("its estimate over ours", times_over(rows.peer_cpu_s, rows.estimate_cpu_s)),
        ("over the whole command", times_over(rows.peer_cpu_s, rows.command_cpu_s)))  # fmt: skip
    if "estimates" in data:
        found = data["estimates"]
        lines += ["", *prose(words("noise.estimates")), "", *table(
            ("model", found.model), ("detectors of the error", found.detectors), ("inside no other", found.alone),
            ("classes", found.classes), ("largest difference", exponents(found.largest_difference)),
            ("root mean square", exponents(found.rms_difference)),
            ("mean standard error", exponents(found.mean_error)))]  # fmt: skip
    return lines


def exponents(values):
    return [f"{float(value):.1e}" for value in values]


def both_clocks(cpu, wall):
    return [f"{short(a)} ({short(b)})" for a, b in zip(cpu, wall)]


def times_over(above, below):
    return [f"{quotient(a, b)}x" for a, b in zip(above, below)]


def ratio_of(above, below, only_above, only_below):
    """Of paired failures, with its 95 % interval: only shots that one of the two gets wrong make it uncertain."""
    if not above or not below:
        return None
    deviation = math.sqrt(max(1, only_above + only_below) / (above * below))
    ratio = above / below
    return ratio, ratio * math.exp(-Z_95 * deviation), ratio * math.exp(Z_95 * deviation)


def over(row, reference, name):
    """A model's failures over those of the true model or of the prior."""
    return ratio_of(int(row.failures), int(reference.failures), int(row[f"only_this_{name}"]), int(row[f"only_{name}"]))


def interval(ratio):
    return "-" if ratio is None else "{:.3f} [{:.3f}, {:.3f}]".format(*ratio)


def counted(row):
    """Failures, and the ends of their 95 % interval."""
    ends = (round(float(row[end]) * int(row.shots)) for end in ("low", "high"))
    return "{} [{}, {}]".format(int(row.failures), *ends)


def simulated_tables(rows, labels):
    """For each decoder a table with a line for each point and number of shots learned from."""
    lines = []
    for decoder, found in groups(rows, "decoder"):
        cells = []
        for point, side in groups(found, *labels):
            models = {(row.model, row.learned_from): row for _, row in side[side.learned_from.isna()].iterrows()}
            true, prior = (next(row for (model, _), row in models.items() if model == name) for name in ("true", "prior"))
            learned = side[side.learned_from.notna()]
            for number, alike in groups(learned, "learned_from"):
                number = number[0] if isinstance(number, tuple) else number
                cells.append({
                    **dict(zip(labels, point)), "learned from": number, "shots": true.shots,
                    "true noise": counted(true), "prior": int(prior.failures),
                    "prior / true": interval(over(prior, true, "true")),
                    **{row.model: interval(over(row, true, "true")) for _, row in alike.iterrows()},
                })  # fmt: skip
        name = decoder[0] if isinstance(decoder, tuple) else decoder
        lines += ["", *prose(words("noise.ratios", decoder=DECODERS[name].capitalize())), ""]
        lines += table(*((title, [line.get(title, "") for line in cells]) for title in cells[0]))
    return lines[1:]


def sites_table(data):
    return simulated_tables(data["sites"], ("p", "d", "spread"))


def distances_table(data):
    return simulated_tables(data["distances"], ("p", "d", "spread"))


def parameters_table(data):
    return simulated_tables(data["parameters"], ("p", "d"))


def label(experiment):
    return experiment.removeprefix(DEVICE).replace("_", " ")


def device_cells(rows, models):
    """A line for each experiment and decoder: failures with each model, and the ratio of each learned one."""
    lines = []
    for (experiment, decoder), side in groups(rows, "experiment", "decoder"):
        line = {"experiment": label(experiment), "decoder": DECODERS[decoder], "shots": side.shots.iloc[0]}
        for model in models:
            (row,) = [row for _, row in pick(side, model=model).iterrows()] or [None]
            line[model] = words("caveats.missing") if row is None or pandas.isna(row.failures) else counted(row)
        for model in models[2:]:
            line[f"{model} / circuit"] = next((over_circuit(side, row) for _, row in pick(side, model=model).iterrows()), "")
        lines.append(line)
    return table(*((title, [line[title] for line in lines]) for title in lines[0]))


def over_circuit(side, row):
    circuit = pick(side, model="circuit").failures.iloc[0]
    if pandas.isna(row.failures):
        return "-"
    return interval((int(row.failures) / int(circuit), row.ratio_low, row.ratio_high))


def hardware_table(data):
    rows = data["hardware"]
    given = pick(rows, model="Google's")
    answers = []
    for experiment, side in groups(given, "experiment"):
        name = experiment[0] if isinstance(experiment, tuple) else experiment
        named_rows = {row.decoder: counted(row) for _, row in side.iterrows()}
        answers.append({"experiment": label(name), "shots": side.shots.iloc[0],
                        **{GOOGLE[peer]: named_rows[peer] for peer in GOOGLE}})  # fmt: skip
    return [*device_cells(rows[rows.model != "Google's"], DEVICE_MODELS), "", *prose(words("noise.given")), "",
            *table(*((title, [line[title] for line in answers]) for title in answers[0]))]  # fmt: skip


def trellis_table(data):
    return device_cells(data["trellis"], SUMMED_MODELS)


def judge_speed(data):
    rows = data["speed"]
    most = float(rows.command_cpu_s.max())
    (every,) = pick(rows, model="all errors").itertuples()
    yield target("noise-seconds", every.command_cpu_s < SECONDS_LIMIT, estimate=short(every.estimate_cpu_s),
                 command=short(most), shots=every.shots, classes=every.classes)  # fmt: skip
    least = float((rows.peer_cpu_s / rows.command_cpu_s).min())
    yield target("noise-speed", least >= SPEED_LIMIT, limits={"limit": SPEED_LIMIT}, command=short(least),
                 estimate=short(float((rows.peer_cpu_s / rows.estimate_cpu_s).min())))  # fmt: skip
    if "estimates" in data:
        found = data["estimates"]
        same = found[(found.alone == "yes") | (found.model == "one basis") | (found.detectors >= 3)]
        largest = max(map(float, same.largest_difference))
        yield target("noise-equal", largest <= DIFFERENCE_LIMIT, classes=int(same.classes.sum()), largest=f"{largest:.1e}")


def judge_ratios(name, rows, labels, reference, limit_of, wanted):
    """For each kind of learning a row: how many points are within the limit, and the pooled failures. `limit_of` a
    decoder."""
    learned = rows[rows.learned_from.notna()]
    for (kind,), side in groups(learned[wanted(learned)], "model"):
        if reference == "prior" and kind == "parameters":
            continue
        found = {"within": 0, "beyond": 0, "open": 0}
        worst, pooled = None, [0, 0, 0, 0]
        for _, row in side.iterrows():
            alike = pick(rows, decoder=row.decoder, model=reference, **{label: row[label] for label in labels})
            against = alike.iloc[0]
            ratio = over(row, against, reference)
            limit = 1 + limit_of(row.decoder)
            place = "open" if ratio is None or ratio[1] <= limit < ratio[2] else "within" if ratio[2] <= limit else "beyond"
            found[place] += 1
            counts = row.failures, against.failures, row[f"only_this_{reference}"], row[f"only_{reference}"]
            pooled = [total + int(count) for total, count in zip(pooled, counts)]
            if ratio is not None and (worst is None or ratio[1] > worst[0][1]):
                worst = ratio, row
        met = verdict(False) if found["beyond"] else words("verdicts.undecided", count=found["open"]) if found["open"] else verdict(True)
        where = ", ".join(f"{label} = {worst[1][label]}" for label in labels)
        yield target(name, met, limits={"kind": kind}, **found, points=len(side), learned=pooled[0], theirs=pooled[1],
                     pooled=interval(ratio_of(*pooled)), worst=interval(worst[0]),
                     where=f"{DECODERS[worst[1].decoder]}, {where}, {worst[1].learned_from} shots")  # fmt: skip


def judge_sites(data):
    rows = pandas.concat([data[section] for section in ("sites", "distances") if section in data])
    labels = ("p", "d", "spread")
    yield from judge_ratios("noise-sites-true", rows, labels, "true", lambda _: SITES_EXCESS,
                            lambda found: (found.learned_from >= FROM_SHOTS) & (found.model != "parameters"))  # fmt: skip
    yield from judge_ratios("noise-sites-prior", rows, labels, "prior", lambda _: PRIOR_EXCESS,
                            lambda found: found.learned_from >= 1000)  # fmt: skip


def judge_parameters(data):
    for decoder in PARAMETER_EXCESS:
        yield from judge_ratios(f"noise-{decoder}", data["parameters"], ("p", "d"), "true", PARAMETER_EXCESS.get,
                                lambda found: (found.learned_from == FROM_SHOTS) & (found.decoder == decoder))  # fmt: skip


def judge_device(rows, model):
    for decoder, limits in DEVICE_LIMITS.items():
        for experiment, limit in limits.items():
            for row in pick(rows, decoder=decoder, model=model, experiment=DEVICE + experiment).itertuples():
                measured = not pandas.isna(row.failures)
                met = measured and row.shots == 50_000 and row.failures <= limit
                failures = row.failures if measured else words("caveats.missing")
                yield target("noise-device", bool(met), failures=failures, shots=row.shots,
                             limits={"decoder": DECODERS[decoder], "model": model, "limit": limit,
                                     "experiment": label(DEVICE + experiment)})  # fmt: skip


def judge_hardware(data):
    yield from judge_device(data["hardware"], "closed form, tied")


def judge_trellis(data):
    yield from judge_device(data["trellis"], "regression")
    yield from judge_device(data["trellis"], "regression, tied")


TABLES = {"speed": speed_table, "sites": sites_table, "distances": distances_table, "parameters": parameters_table, "hardware": hardware_table,
          "trellis": trellis_table}  # fmt: skip
JUDGES = [("speed", judge_speed), ("sites", judge_sites), ("parameters", judge_parameters),
          ("hardware", judge_hardware), ("trellis", judge_trellis)]  # fmt: skip
