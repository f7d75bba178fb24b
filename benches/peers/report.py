"""The results as text, for the terminal and for docs/speed.md."""

import os
import platform
import re
import statistics
import subprocess
from importlib import metadata

from command_peers import Histomatch
from wasm_peers import find_chromium

BEGIN, END = "<!-- peers:begin -->", "<!-- peers:end -->"


def compose(results, tools, wasm_hosts, rounds):
    """`results[size][peer]` is a peers.Result; the sizes are texts. WebAssembly has the first."""
    first_size = next(iter(results))
    return f"""\
Measured on: {machine()}.

{tools_table(tools, results)}

Times per frame on one core: the median (and the minimum) of {rounds} rounds in which each tool had
its turn. "3.00 x" takes three times as long as histomatch on the same format. "Same bytes" says
whether the result is, to the last bit, what the rule says.

The same rule in a WebAssembly module, on the {first_size} frame in RGB, beside the ways to do
without. "End to end" is from bytes in the host's memory to bytes in the host's memory:

{wasm_table(wasm_hosts, results[first_size])}

[benches/peers](../benches/peers/README.md) says how it was measured, and measures it again."""


def tools_table(peers, results):
    header = ["tool", "task", "format"]
    for size in results:
        header += [f"{size}, ms", "ratio"]
    header.append("same bytes")
    first_size = next(iter(results))
    rows = []
    for peer in peers:
        cells = []
        for result in results.values():
            if result[peer].problem:
                cells += [result[peer].problem, ""]
            else:
                times = result[peer].end_to_end
                cells += [milliseconds(times), ratio(peer, result)]
        same = same_bytes(peer, results[first_size])
        rows.append([peer.name, peer.does, peer.layout, *cells, same])
    return markdown(header, rows)


def wasm_table(peers, result):
    rows = []
    for peer in peers:
        if result[peer].problem:
            cells = [result[peer].problem, "", ""]
        else:
            times = [result[peer].function, result[peer].end_to_end]
            cells = [*map(milliseconds, times), ratio(peer, result)]
        rows.append([peer.name, *cells, same_bytes(peer, result)])
    return markdown(["how", "function, ms", "end to end, ms", "ratio", "same bytes"], rows)


def milliseconds(seconds):
    return f"{number(1e3 * statistics.median(seconds))} ({number(1e3 * min(seconds))})"


def ratio(peer, result):
    """To this project's element on the same format."""
    [element] = [
        other for other in result if isinstance(other, Histomatch) and other.layout == peer.layout
    ]
    own, elements = (statistics.median(result[one].end_to_end) for one in (peer, element))
    return f"{number(own / elements)} x"


def same_bytes(peer, result):
    if result[peer].problem:
        return ""
    if not peer.same_task:
        return "-"
    return f"no: {result[peer].difference}" if result[peer].difference else "yes"


def number(value):
    """As many digits as a time deserves."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f}"


def markdown(header, rows):
    rows = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def machine():
    """What it ran on, in one line."""
    with open("/proc/cpuinfo") as file:
        model = re.search(r"^model name\s*: *(.*)$", file.read(), re.MULTILINE)
    parts = [
        f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores",
        platform.freedesktop_os_release()["PRETTY_NAME"],
        f"Python {platform.python_version()}",
    ]
    for name, program, option in [
        ("GStreamer", "gst-launch-1.0", "--version"),
        ("ffmpeg", "ffmpeg", "-version"),
        ("Chromium", find_chromium(), "--version"),
    ]:
        version = program and program_version([program, option])
        if version:
            parts.append(f"{name} {version}")
    for name, package in [
        ("Pillow", "pillow"),
        ("OpenCV", "opencv-python-headless"),
        ("numpy", "numpy"),
        ("scikit-image", "scikit-image"),
        ("wasmtime", "wasmtime"),
        ("pywasm3", "pywasm3"),
    ]:
        try:
            parts.append(f"{name} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            # Its row says so.
            pass
    return ", ".join(parts)


def program_version(command):
    try:
        result = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    found = re.search(r"(?:version|Chromium|Chrome) (\S+)", result.stdout)
    return found and found[1]


def check_markers(path):
    """Ends the program if there is no place for the tables."""
    try:
        text = path.read_text()
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}") from None
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise SystemExit(
            f"{path} has no place for the tables. Put these two lines where they shall be:\n"
            f"    {BEGIN}\n    {END}"
        )


def write_between_markers(path, text):
    before, rest = path.read_text().split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
