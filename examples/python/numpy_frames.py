#!/usr/bin/env python3
"""Histogram matching of numpy frames, and how long it takes as against numpy alone:

    cargo build --release
    GST_PLUGIN_PATH=target/release python3 examples/python/numpy_frames.py

Debian's packages: python3-gst-1.0 gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good
python3-numpy. In a program of your own:

    with Matcher("reference.png") as matcher:
        matched = matcher.match(frame)
"""

import argparse
import statistics
import sys
import threading
import time
import warnings
import weakref
from pathlib import Path

import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GLib, Gst, GstVideo

MEDIA = Path(__file__).resolve().parents[1] / "media"
CAPS = "video/x-raw,format=RGB"
LEVELS = 256
# A frame takes milliseconds; what takes longer than this doesn't end.
TIMEOUT = 10 * Gst.SECOND


class Matcher:
    """Gives frames the histograms of a reference picture, through `appsrc ! histomatch ! appsink`.

    Other arguments are properties of the element, as in smoothing=1_000_000_000. What is not asked
    for is the bare rule: every frame by itself, flat ones as well.

    A frame is copied once, into memory that the element works in. What comes out is that memory,
    without another copy: an array that can't be written, and keeps the memory until the array and
    all views of it are gone. Then the next frame reuses it.
    """

    def __init__(self, reference, **properties):
        self._pipeline = launch("appsrc name=source ! histomatch name=look ! appsink name=frames")
        # A pipeline that is forgotten while it plays would warn.
        self._stop = weakref.finalize(self, self._pipeline.set_state, Gst.State.NULL)
        self._source, self._look, self._frames = map(
            self._pipeline.get_by_name, ["source", "look", "frames"]
        )
        self._source.set_property("format", Gst.Format.TIME)
        self._frames.set_property("sync", False)
        self._frames.set_property("enable-last-sample", False)
        self._let_go = let_go_before(self._source.get_static_pad("src"))
        self._shape = None

        bare_rule = {"flat_frames": "match", "qos": False}
        for name, value in (bare_rule | properties).items():
            self._set(name.replace("_", "-"), value)
        self._reference = str(reference)
        self._look.set_property("reference-location", self._reference)
        self._pipeline.set_state(Gst.State.PLAYING)
        self._heed_messages()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Frees everything but the arrays that are still in use."""
        self._stop()

    @property
    def reference(self):
        """The picture in use. It can be changed at any time; a bad one leaves the old one in use."""
        return self._reference

    @reference.setter
    def reference(self, path):
        # Reads the picture, and returns when it is in use, or with a warning.
        self._look.set_property("reference-location", str(path))
        self._heed_messages(refusals="gst-resource-error-quark")
        self._reference = str(path)

    def match(self, frame):
        """A frame like `frame`, height x width x 3 of uint8 (R', G', B'), with the histograms of
        the reference."""
        check(frame)
        if not self._stop.alive:
            raise ValueError("This matcher is closed; make another one")
        if frame.shape != self._shape:
            self._negotiate(frame.shape)
        self._source.emit("push-buffer", self._filled_buffer(frame))
        self._let_go.release()
        sample = self._frames.emit("try-pull-sample", TIMEOUT)
        self._heed_messages()
        if sample is None:
            raise TimeoutError(f"No frame came out of histomatch in {TIMEOUT // Gst.SECOND} s")
        return self._array(sample.get_buffer())

    def _negotiate(self, shape):
        height, width, _ = shape
        caps = Gst.Caps.from_string(f"{CAPS},width={width},height={height},framerate=0/1")
        self._source.set_property("caps", caps)
        self._info = GstVideo.VideoInfo.new_from_caps(caps)
        self._pool = pool_of(caps, self._info.size)
        self._shape = shape

    def _filled_buffer(self, frame):
        _, buffer = self._pool.acquire_buffer(None)
        with buffer.map(Gst.MapFlags.WRITE) as mapped:
            np.copyto(pixels(mapped, self._info), frame)
        return buffer

    def _array(self, buffer):
        mapped = buffer.map(Gst.MapFlags.READ)
        array = pixels(mapped, self._info)
        # Views of the array keep it alive, and it the mapping.
        weakref.finalize(array, buffer.unmap, mapped).atexit = False
        return array

    def _set(self, name, value):
        if self._look.find_property(name) is None:
            raise TypeError(f"histomatch has no property '{name}'; see gst-inspect-1.0 histomatch")
        try:
            self._look.set_property(name, value)
        except TypeError as error:
            raise TypeError(f"{name}={value!r}: {error}; see gst-inspect-1.0 histomatch") from None

    def _heed_messages(self, refusals=None):
        bus = self._pipeline.get_bus()
        while message := bus.pop_filtered(Gst.MessageType.ERROR | Gst.MessageType.WARNING):
            is_error = message.type == Gst.MessageType.ERROR
            error, _ = message.parse_error() if is_error else message.parse_warning()
            if is_error or error.domain == refusals:
                raise ValueError(error.message)
            warnings.warn(error.message, stacklevel=3)


def launch(description):
    Gst.init(None)
    try:
        return Gst.parse_launch(description)
    except GLib.Error as error:
        raise RuntimeError(
            f"{error.message}. For histomatch: build it by 'cargo build --release', and set "
            "GST_PLUGIN_PATH to the folder target/release. For others: install "
            "gstreamer1.0-plugins-base and gstreamer1.0-plugins-good"
        ) from None


def check(frame):
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
        kind = getattr(frame, "dtype", type(frame).__name__)
        raise TypeError(f"A frame is a numpy array of uint8, not {kind}; scale and convert it")
    if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ValueError(
            f"A frame has the shape (height, width, 3), not {frame.shape}; leave alpha away by "
            "[..., :3], make gray three channels by np.stack([gray] * 3, axis=-1)"
        )


def pixels(mapped, info):
    """The array over a frame in memory, whose rows GStreamer pads to a multiple of 4 bytes."""
    shape, strides = (info.height, info.width, 3), (info.stride[0], 3, 1)
    return np.ndarray(shape, np.uint8, mapped.data, strides=strides)


def let_go_before(pad):
    """A semaphore that a buffer waits for on its way out of a pad.

    The element works in place only if nothing else holds the buffer. Python does until the call
    that pushes it is over, and in the meantime the frame could be in the element. (The first frame
    of all may be copied even so: appsrc marks it before it comes to the pad.)
    """
    let_go = threading.Semaphore(0)

    def wait(_pad, _info):
        let_go.acquire()
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER, wait)
    return let_go


def pool_of(caps, size):
    """Memory for frames that is used again: fresh memory costs as much as the copy into it."""
    pool = Gst.BufferPool()
    config = pool.get_config()
    Gst.BufferPool.config_set_params(config, caps, size, 0, 0)
    pool.set_config(config)
    pool.set_active(True)
    return pool


class NumpyMatcher:
    """The same rule in numpy, with all that can be prepared once."""

    def __init__(self, reference):
        self.reference_cdfs = [self._cdf(reference[..., channel].ravel()) for channel in range(3)]
        self.samples = None

    @staticmethod
    def _cdf(samples):
        return np.cumsum(np.bincount(samples, minlength=LEVELS))

    def match(self, frame):
        if self.samples is None or self.samples.shape != frame.shape[:2]:
            # bincount and take would both convert to this type, into new memory.
            self.samples = np.empty(frame.shape[:2], np.intp)
            self.result = np.empty_like(frame)
        for channel, reference in enumerate(self.reference_cdfs):
            np.copyto(self.samples, frame[..., channel])
            source = self._cdf(self.samples.ravel())
            # The least level u with source[v] / source[-1] <= reference[u] / reference[-1].
            table = np.searchsorted(reference * source[-1], source * reference[-1])
            self.result[..., channel] = table.astype(np.uint8).take(self.samples)
        return self.result


def read_frames(path, size="", count=1):
    """The first frames of a picture or video."""
    pipeline = launch(
        "filesrc name=file ! decodebin ! videoconvert ! videoscale"
        f" ! {CAPS}{size} ! appsink name=frames sync=false max-buffers=1"
    )
    pipeline.get_by_name("file").set_property("location", str(path))
    pipeline.set_state(Gst.State.PLAYING)
    frames = []
    while len(frames) < count:
        sample = pipeline.get_by_name("frames").emit("try-pull-sample", TIMEOUT)
        if sample is None:
            break
        info = GstVideo.VideoInfo.new_from_caps(sample.get_caps())
        with sample.get_buffer().map(Gst.MapFlags.READ) as mapped:
            frames.append(pixels(mapped, info).copy())
    error = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if not frames:
        reason = error.parse_error()[0].message if error else "no frame came out of it"
        raise ValueError(f"Can't read '{path}': {reason.rstrip('.')}; give a picture or video")
    return frames


def milliseconds(call, frame):
    start = time.perf_counter()
    call(frame)
    return (time.perf_counter() - start) * 1e3


def compare(ways, frames, rounds):
    """The times of each way, on each frame, in turns; and whether all give the same bytes."""
    times = {name: [] for name in ways}
    same = True
    for frame in frames:
        first, *others = (match(frame) for match in ways.values())
        same &= all(np.array_equal(first, other) for other in others)
        for _ in range(rounds):
            for name, match in ways.items():
                times[name].append(milliseconds(match, frame))
    return times, same


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return number


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0].rstrip(":"))
    inputs = [MEDIA / "astronaut.png", MEDIA / "bigbuckbunny.webm"]
    parser.add_argument("inputs", nargs="*", default=inputs, help="pictures and videos")
    parser.add_argument("--reference", default=MEDIA / "coffee.png", help="picture file")
    parser.add_argument("--width", type=positive, default=1920)
    parser.add_argument("--height", type=positive, default=1080)
    parser.add_argument("--frames", type=positive, default=3, help="of each input (default: 3)")
    parser.add_argument("--rounds", type=positive, default=10, help="on each frame (default: 10)")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    size = f",width={arguments.width},height={arguments.height}"
    numpy_matcher = NumpyMatcher(*read_frames(arguments.reference))
    all_same = True
    print(f"Frames of {arguments.width}x{arguments.height}, ms: median (minimum)\n")
    print("| input | numpy | histomatch | ratio | same bytes |")
    print("| --- | --- | --- | --- | --- |")
    with Matcher(arguments.reference) as matcher:
        ways = {"numpy": numpy_matcher.match, "histomatch": matcher.match}
        for path in arguments.inputs:
            frames = read_frames(path, size, arguments.frames)
            times, same = compare(ways, frames, arguments.rounds)
            all_same &= same
            medians = [statistics.median(ms) for ms in times.values()]
            cells = [f"{m:.2f} ({min(ms):.2f})" for m, ms in zip(medians, times.values())]
            ratio = f"{medians[0] / medians[1]:.1f} x"
            name = Path(path).name
            print("|", " | ".join([name, *cells, ratio, "yes" if same else "NO"]), "|")
    if not all_same:
        sys.exit("The results differ, which they must not; is the reference a picture with alpha?")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, TimeoutError, TypeError, ValueError) as error:
        sys.exit(str(error))
