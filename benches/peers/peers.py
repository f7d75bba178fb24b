"""Times histogram matching in this project's element and in other tools; see README.md."""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import report
from command_peers import Element, Filter, Histomatch
from python_peers import (
    Loops,
    Numpy,
    OpenCv,
    Pillow,
    PreparedNumpy,
    ScikitImage,
    StandardLibrary,
)
from task import Task
from wasm_peers import ByteByByte, Chromium, Memmove, NumpyBuffer, Wasm3

PAGE = Path(__file__).resolve().parents[2] / "docs/speed.md"

ELEMENT = Histomatch("RGB")
NUMPYS = [Numpy(), PreparedNumpy()]
TOOLS = [
    ELEMENT,
    Pillow(),
    OpenCv(),
    *NUMPYS,
    ScikitImage(),
    Filter("ffmpeg normalize", "other: stretches the contrast", "RGB", "normalize"),
    Filter("ffmpeg lutrgb", "a fixed table", "RGB", "lutrgb=r=negval:g=negval:b=negval"),
    Element("GStreamer coloreffects", "a fixed table", "RGB", "coloreffects", "preset=xpro"),
    Element("GStreamer videobalance", "other: saturation", "RGB", "videobalance", "saturation=1.5"),
    Histomatch("BGRx"),
    Element("GStreamer coloreffects", "a fixed table", "BGRx", "coloreffects", "preset=xpro"),
    Histomatch("GBR"),
    Filter("ffmpeg midequalizer", "other: to the mean of both", "GBR", "[1:v]midequalizer"),
]
WASM_HOSTS = [
    Loops(),
    StandardLibrary(),
    ByteByByte(),
    Memmove(),
    NumpyBuffer(),
    Wasm3(),
    Chromium(),
]


@dataclass
class Result:
    """Of a peer on one size of frame: seconds per frame, or what kept it from running."""

    function: list = field(default_factory=list)
    end_to_end: list = field(default_factory=list)
    difference: str | None = None
    problem: str | None = None


def attempt(action, peer, result, *arguments):
    """Whatever fails in a peer, also in a library's depths, costs only its row of the table.

    Not so in this project's element, with which everything is compared.
    """
    try:
        action(peer, result, *arguments)
    except (ImportError, FileNotFoundError) as error:
        result.problem = f"not installed: {getattr(error, 'filename', None) or error}"
    except Exception as error:
        result.problem = f"failed: {' '.join(str(error).split()) or type(error).__name__}"
    wrong = result.problem or result.difference
    if isinstance(peer, Histomatch) and wrong:
        raise SystemExit(f"histomatch on {peer.layout}: {wrong}")


def prepare(peer, result, task):
    peer.prepare(task)
    if peer.same_task:
        result.difference = task.difference(peer.output(), peer.layout)


def measure(peer, result, frames):
    function, end_to_end = peer.measure(frames)
    if not end_to_end:
        raise RuntimeError("it told no times")
    result.function += function
    result.end_to_end += end_to_end


def run_rounds(peers, task, rounds, frames):
    """In every round each peer has its turn, so that a slow minute of the machine is everyone's."""
    results = {peer: Result() for peer in peers}
    for peer, result in results.items():
        attempt(prepare, peer, result, task)
    for i in range(rounds):
        print(f"{task.name}: round {i + 1} of {rounds}", file=sys.stderr)
        # Nobody always comes after the same one.
        first = i % len(peers)
        for peer in peers[first:] + peers[:first]:
            if not results[peer].problem:
                attempt(measure, peer, results[peer], frames)
    return results


def main():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small frame and few rounds: a test")
    parser.add_argument("--rounds", type=int, metavar="N", help="default: 10; with --quick: 2")
    parser.add_argument(
        "--page",
        type=Path,
        nargs="?",
        const=PAGE,
        metavar="FILE",
        help="also write the tables into this file, by default docs/speed.md,"
        f" between the lines {report.BEGIN} and {report.END}",
    )
    options = parser.parse_args()
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds: 1 at least")
    if options.page:
        report.check_markers(options.page)

    sizes, rounds, frames = [(1920, 1080), (3840, 2160)], 10, 20
    if options.quick:
        sizes, rounds, frames = [(320, 180)], 2, 3
    rounds = options.rounds or rounds

    # Programs that are started inherit it.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    results = {}
    for width, height in sizes:
        # match.wat's memory has room for the first size, and the slow ones have shown enough.
        peers = TOOLS if results else TOOLS + WASM_HOSTS
        with tempfile.TemporaryDirectory() as folder:
            task = Task(width, height, folder)
            results[task.name] = run_rounds(peers, task, rounds, frames)

    text = report.compose(results, TOOLS, [*WASM_HOSTS, *NUMPYS, ELEMENT], rounds)
    print(text)
    if options.page:
        report.write_between_markers(options.page, text)


if __name__ == "__main__":
    main()
