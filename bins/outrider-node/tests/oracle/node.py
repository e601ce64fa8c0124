"""A node against strangers: docs/stream_client.py, which shares no code with outrider, and the parser of Prometheus.

    python bins/outrider-node/tests/oracle/node.py target/release/outrider

needs prometheus-client. Prints what it compared; exits 1 at the first difference.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

CLIENT = pathlib.Path(__file__).parents[4] / "docs" / "stream_client.py"
DISTANCE, NOISE, ROUNDS, SHOTS = 3, 0.01, 40, 200
DEADLINE, LOOK = 60, 0.05


def main() -> None:
    program = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        sample(program, folder)
        windows = [word for key in ("commit", "spacing", "buffer") for word in (f"--{key}", str(DISTANCE))]
        run(program, "decode", "--dem", "model.dem", "--in", "shots.b8", "--in-format", "b8", "--out", "answers.01",
            "--window", "parallel", *windows, cwd=folder)
        expected = (folder / "answers.01").read_text().split()
        listen = ["--listen", f"unix:{folder}/node.sock", "--listen", "tcp:127.0.0.1:0", "--metrics", "127.0.0.1:0"]
        node = subprocess.Popen(
            [program, "node", *listen, "--distance", str(DISTANCE), "--p", str(NOISE)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        try:
            ready = json.loads(node.stdout.readline().removeprefix("READY "))
            for address in ready["addresses"]:
                found = stream(address, ready["patches"][0], folder)
                assert found == expected, f"{address}: {sum(a != b for a, b in zip(found, expected))} answers differ"
                print(f"{address}: {len(found)} histories of a stranger's client as decoded here, "
                      f"{sum('1' in answer for answer in found)} of them flipped")
            check_metrics(ready["metrics"])
            node.terminate()
            assert node.wait(DEADLINE) == 0, "a node whose clients have all left ends well"
        finally:
            node.kill()


def run(*command, **options) -> str:
    return subprocess.run(list(map(str, command)), check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def sample(program: pathlib.Path, folder: pathlib.Path) -> None:
    run(program, "gen", "--distance", DISTANCE, "--rounds", ROUNDS, "--p", NOISE, "--dem-out", "model.dem", cwd=folder)
    run(program, "sample", "--dem", "model.dem", "--shots", SHOTS, "--seed", "5", "--out", "shots.b8",
        "--out-format", "b8", cwd=folder)


def stream(address: str, patch: dict, folder: pathlib.Path) -> list[str]:
    widths = patch["widths"]
    (cycle,) = widths["cycle"]
    return run(sys.executable, CLIENT, address, "shots.b8", "--model", patch["model"], "--plan", patch["plan"],
               "--widths", f"{widths['first']},{cycle},{widths['last']}", "--rounds", ROUNDS,
               "--observables", patch["observables"], cwd=folder).split()


def check_metrics(address: str) -> None:
    end = time.monotonic() + DEADLINE
    # Figures are laid out ten times a second.
    while (values := metrics(address)[1])["outrider_open_sessions"] > 0:
        assert time.monotonic() < end, values
        time.sleep(LOOK)
    assert values["outrider_sessions_total"] == 2, values
    assert values["outrider_rounds_total"] == 2 * SHOTS * (ROUNDS + 1), values
    families = metrics(address)[0]
    histograms = [family for family in families if family.type == "histogram"]
    assert len(histograms) == 4 and all(family.unit == "seconds" for family in histograms), histograms
    print(f"metrics: {len(families)} families understood")


def metrics(address: str) -> tuple[list, dict]:
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return families, {sample.name: sample.value for family in families for sample in family.samples}


if __name__ == "__main__":
    main()
