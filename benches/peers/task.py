"""The task that the peers are given, and what a peer is."""

import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

MEDIA = Path(__file__).resolve().parents[2] / "examples" / "media"
LEVELS = 256

# How an RGB picture lies in memory in each format.
LAYOUTS = {
    "RGB": lambda rgb: rgb,
    "BGRx": lambda rgb: np.pad(rgb[..., ::-1], ((0, 0), (0, 0), (0, 1))),
    "GBR": lambda rgb: rgb[..., [1, 2, 0]].transpose(2, 0, 1),
}


class Task:
    """A frame, a reference picture, and the frame as it is after matching by the rule."""

    reference_file = MEDIA / "coffee.png"

    def __init__(self, width, height, folder):
        self.width, self.height = width, height
        self.name = f"{width}x{height}"
        # For the peers' files.
        self.folder = Path(folder)
        with Image.open(MEDIA / "astronaut.png") as picture:
            fitted = ImageOps.fit(picture.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
        self.frame = np.array(fitted)
        with Image.open(self.reference_file) as picture:
            self.reference = np.array(picture.convert("RGB"))
        self.reference_cdfs = [cdf(self.reference[..., channel]) for channel in range(3)]
        tables = [
            table_by_definition(cdf(self.frame[..., channel]), self.reference_cdfs[channel])
            for channel in range(3)
        ]
        self._expected = np.stack(
            [np.array(tables[channel], np.uint8)[self.frame[..., channel]] for channel in range(3)],
            axis=-1,
        )

    @property
    def pixels(self):
        return self.width * self.height

    def file(self, layout):
        """A file with the bytes of the frame and nothing else."""
        path = self.folder / f"{self.name}.{layout}"
        if not path.exists():
            path.write_bytes(LAYOUTS[layout](self.frame).tobytes())
        return path

    def difference(self, output, layout):
        """What is wrong with a peer's output: None if it is what the rule says."""
        output = np.frombuffer(output, np.uint8).astype(int)
        expected = np.frombuffer(LAYOUTS[layout](self._expected).tobytes(), np.uint8)
        if output.shape != expected.shape:
            return f"{output.size} bytes, not {expected.size}"
        distance = abs(output - expected)
        if not distance.any():
            return None
        return f"{np.mean(distance > 0):.1%} of the samples differ, by {distance.max()} at most"


def cdf(samples):
    """The number of samples at or below each level."""
    return np.cumsum(np.bincount(samples.ravel(), minlength=LEVELS))


def table_by_definition(source, reference):
    """The rule word for word, in Python's integers: what every output is compared with."""
    source, reference = source.tolist(), reference.tolist()
    return [
        next(u for u in range(LEVELS) if source[v] * reference[-1] <= reference[u] * source[-1])
        for v in range(LEVELS)
    ]


class Peer:
    """A tool that is given the frame.

    `name` and `does` are for the table. `layout` is the frame's format, one of LAYOUTS.
    `same_task` says that the output should be the frame after matching.
    """

    layout = "RGB"
    same_task = True

    def __init__(self, name, does="same"):
        self.name = name
        self.does = does

    def prepare(self, task):
        """All that is done once, not for every frame."""
        raise NotImplementedError

    def measure(self, frames):
        """Two lists of seconds, an item per frame: for the function alone, and end to end."""
        raise NotImplementedError

    def output(self):
        """The frame after it went through, in `layout`. Asked for only if `same_task`."""
        raise NotImplementedError


def timed(call, frames, before=lambda: None, limit=0.5):
    """The seconds that each of `frames` calls takes; no more calls when `limit` is reached."""
    seconds = []
    while len(seconds) < frames and sum(seconds) < limit:
        before()
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds
