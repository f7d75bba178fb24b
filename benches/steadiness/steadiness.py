"""Measures how steady a video is in time behind histomatch and behind FFmpeg's filters.

run.sh starts it: it needs the plugin in GST_PLUGIN_PATH. README.md says what is measured.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import MultipleLocator
from PIL import Image

MEDIA = Path(__file__).resolve().parents[2] / "examples" / "media"
CLIP = MEDIA / "bigbuckbunny.webm"
REFERENCE = MEDIA / "coffee.png"
WIDTH, HEIGHT, FPS = 480, 270, 25
LEVELS = 256

# Of the fade: frames down or up, black frames between.
FADE, BLACK = 25, 13
# Frames of the moving average that is taken out to see the flicker.
AVERAGE = 9
SQUARE = round((0.05 * WIDTH * HEIGHT) ** 0.5)


def main(path):
    results = {}
    for video, (frames, scene) in videos(decode()).items():
        results[video] = {
            treatment: measure(frames, scene, treat(frames))
            for treatment, treat in TREATMENTS.items()
        }
        print(f"{video.capitalize()}:\n\n{table(results[video])}\n", flush=True)
    plot(results, path)
    print(f"The plot is in {path}.")


def videos(clip):
    """What is treated, and the same without flicker, where there is one."""
    crossed, faded = cross(clip), fade(clip)
    return {
        "flickering": (flicker(clip), clip),
        "crossed": (crossed, crossed),
        "fades": (faded, faded),
        "flickering and crossed": (flicker(crossed), crossed),
    }


def decode():
    command = ["ffmpeg", "-v", "error", "-i", CLIP, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    return from_bytes(run(command))


def flicker(frames):
    seconds = np.arange(len(frames)) / FPS
    return scaled(frames, 1 + 0.1 * np.sin(2 * np.pi * 8 * seconds))


def cross(frames):
    """A white square of 5 % of the area crosses the picture once a second, from left to right."""
    frames = frames.copy()
    top = (HEIGHT - SQUARE) // 2
    for index, frame in enumerate(frames):
        left = (WIDTH + SQUARE) * (index % FPS) // FPS - SQUARE
        frame[top : top + SQUARE, max(left, 0) : max(left + SQUARE, 0)] = 255
    return frames


def fade(frames):
    """To black and back, in the middle."""
    first, _, _, last = fade_frames(len(frames))
    down, up = np.linspace(1, 0, FADE, endpoint=False), np.linspace(0, 1, FADE, endpoint=False)
    gains = np.ones(len(frames))
    gains[first:last] = [*down, *np.zeros(BLACK), *up]
    return scaled(frames, gains)


def fade_frames(count):
    """Where the fade begins, where black begins, where it ends, and where the fade ends."""
    first = (count - 2 * FADE - BLACK) // 2
    return first, first + FADE, first + FADE + BLACK, first + 2 * FADE + BLACK


def scaled(frames, gains):
    """Each frame times its gain; frame by frame, for the memory."""
    return np.array(
        [
            np.clip(np.rint(frame * gain), 0, LEVELS - 1).astype(np.uint8)
            for frame, gain in zip(frames, gains, strict=True)
        ]
    )


SMOOTHING = "smoothing=1000000000"


def histomatch(*properties):
    def treat(frames):
        with tempfile.TemporaryDirectory() as folder:
            before, after = Path(folder, "before"), Path(folder, "after")
            before.write_bytes(frames.tobytes())
            source = ["filesrc", f"location={before}"]
            parse = ["rawvideoparse", "format=rgb", f"width={WIDTH}", f"height={HEIGHT}"]
            parse.append(f"framerate={FPS}/1")
            element = ["histomatch", f"reference-location={REFERENCE}", "qos=false", *properties]
            sink = ["filesink", f"location={after}"]
            run(["gst-launch-1.0", "-q", *source, "!", *parse, "!", *element, "!", *sink])
            return from_bytes(after.read_bytes())

    return treat


def ffmpeg(graph):
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"]

    def treat(frames):
        source = [*raw, "-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", str(FPS), "-i", "-"]
        command = ["ffmpeg", "-v", "error", *source, "-vf", graph, *raw, "-"]
        return from_bytes(run(command, frames.tobytes()))

    return treat


# In the order of the tables.
TREATMENTS = {
    "input": lambda frames: frames,
    "histomatch, every frame by itself": histomatch(),
    "histomatch, smoothing": histomatch(SMOOTHING),
    "histomatch, smoothing, deflicker": histomatch(SMOOTHING, "deflicker=1"),
    # It knows no RGB; without being told, ffmpeg would choose the same format.
    "FFmpeg deflicker": ffmpeg("format=yuv444p,deflicker"),
    "FFmpeg normalize": ffmpeg("normalize=smoothing=25"),
}


def run(command, stdin=b""):
    result = subprocess.run(command, input=stdin, stdout=subprocess.PIPE)
    if result.returncode != 0:
        raise SystemExit(f"{command[0]} ended with exit code {result.returncode}")
    return result.stdout


def from_bytes(data):
    return np.frombuffer(data, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


class Measured(NamedTuple):
    """Of each frame: its mean, and the jitter by the levels of the scene and by those of the
    input."""

    means: np.ndarray
    jitter: np.ndarray
    mapping_jitter: np.ndarray


def measure(frames, scene, output):
    if output.shape != frames.shape:
        raise SystemExit(f"{len(output)} frames came back of {len(frames)}")
    seen = jitter(scene, output)
    mapped = seen if frames is scene else jitter(frames, output)
    return Measured(output.mean(axis=(1, 2, 3)), seen, mapped)


def jitter(before, after):
    """Of each frame: by how many levels a sample comes out otherwise than one of its level did in
    the frame before."""
    jitters = [np.nan]
    old, _ = mappings(before[0], after[0])
    for frame, result in zip(before[1:], after[1:], strict=True):
        new, counts = mappings(frame, result)
        change = np.abs(new - old)
        known = ~np.isnan(change)
        samples = counts[known].sum()
        jitters.append((change * counts)[known].sum() / samples if samples else np.nan)
        old = new
    return np.array(jitters)


def mappings(before, after):
    """Of each channel: what a level becomes on average (NaN if it doesn't occur), and how often it
    occurs."""
    with np.errstate(invalid="ignore"):
        counts = np.array(
            [np.bincount(before[..., c].ravel(), minlength=LEVELS) for c in range(3)]
        )
        sums = np.array(
            [
                np.bincount(before[..., c].ravel(), after[..., c].ravel(), LEVELS)
                for c in range(3)
            ]
        )
        return sums / counts, counts


def flicker_of(means):
    """The standard deviation of what a moving average leaves; without the ends, where it has too
    few frames."""
    average = np.convolve(means, np.ones(AVERAGE) / AVERAGE, mode="valid")
    return (means[AVERAGE // 2 : -(AVERAGE // 2)] - average).std()


def table(results):
    header = ["", "flicker", "jitter, median", "jitter, 95 %"]
    # Where there is no flicker in the input, both are the same.
    both = any(result.mapping_jitter is not result.jitter for result in results.values())
    if both:
        header += ["of the mapping, median", "of the mapping, 95 %"]
    rows = []
    for treatment, result in results.items():
        cells = [flicker_of(result.means)]
        for values in [result.jitter, result.mapping_jitter][: 1 + both]:
            cells += [np.nanmedian(values), np.nanpercentile(values, 95)]
        rows.append([treatment, *(f"{cell:.2f}" for cell in cells)])
    rows = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


# Colours that can be told apart by everyone (Okabe and Ito), and widths: two lines that lie upon
# each other are both seen.
STYLES = {
    "input": {"color": "#000000", "linewidth": 1, "linestyle": (0, (4, 2))},
    "histomatch, every frame by itself": {"color": "#D55E00", "linewidth": 1.6},
    "histomatch, smoothing": {"color": "#56B4E9", "linewidth": 4},
    "histomatch, smoothing, deflicker": {"color": "#0072B2", "linewidth": 2},
    "FFmpeg deflicker": {"color": "#009E73", "linewidth": 1.6},
    "FFmpeg normalize": {"color": "#CC79A7", "linewidth": 1.6},
}
# Those below first.
DRAWN = [
    "histomatch, smoothing",
    "FFmpeg normalize",
    "FFmpeg deflicker",
    "histomatch, every frame by itself",
    "input",
    "histomatch, smoothing, deflicker",
]
# Video, title, the frames that are shown, and the seconds between ticks.
ROWS = [
    ("flickering", "Flickering, 8 times a second", slice(50, 76), 0.2),
    ("crossed", "Crossed by a white square, once a second", slice(50, 101), 0.5),
    ("fades", "Fades to black and back", slice(25, 131), 1),
]
# What is less than that is drawn there.
LEAST = 0.03


def plot(results, path):
    plt.rcParams |= {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    figure, axes = plt.subplots(len(ROWS), 2, figsize=(10, 9.4), dpi=100)
    for (video, title, shown, step), (left, right) in zip(ROWS, axes, strict=True):
        for name in DRAWN:
            result = results[video][name]
            seconds = np.arange(len(result.means))[shown] / FPS
            left.plot(seconds, result.means[shown], label=name, **STYLES[name])
            # Without flicker, the input has none by definition.
            if name != "input" or result.jitter is not result.mapping_jitter:
                jitter = np.maximum(result.jitter[shown], LEAST)
                right.plot(seconds, jitter, **STYLES[name])
        left.set_title(title, loc="left", fontweight="bold")
        left.set_ylabel("mean level")
        left.set_ylim(bottom=0 if video == "fades" else None)
        right.set_ylabel("jitter in levels")
        right.set_yscale("log")
        right.set_ylim(LEAST, 60)
        right.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
        for panel in left, right:
            panel.set_xlim(seconds[0], seconds[-1])
            panel.xaxis.set_major_locator(MultipleLocator(step))
            panel.grid(color="#E8E8E8")
            if video == "fades":
                _, black, light, _ = fade_frames(len(result.means))
                panel.axvspan(black / FPS, light / FPS, color="#D8D8D8", linewidth=0)
                middle, top = (black + light) / 2 / FPS, panel.get_xaxis_transform()
                panel.text(middle, 0.96, "black", ha="center", va="top", transform=top)
    for panel in axes[-1]:
        panel.set_xlabel("seconds")

    lines = {line.get_label(): line for line in axes[0, 0].get_lines()}
    handles = [lines[name] for name in STYLES]
    figure.legend(handles, STYLES, loc="upper center", ncols=3, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.94), h_pad=1.5)
    figure.savefig(path)
    # With a palette, the file is smaller.
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
