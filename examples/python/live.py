#!/usr/bin/env python3
"""Plays a video in a window, matched to a reference picture; a key changes to the next one:

    cargo build --release
    GST_PLUGIN_PATH=target/release python3 examples/python/live.py camera picture.png other.png

n or the space bar is the next picture, p the one before, and q the end, in the window and in the
terminal. Debian's packages: python3-gst-1.0 gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good
gstreamer1.0-x.
"""

import argparse
import os
import sys
import termios
import tty
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GLib, Gst, GstVideo

SOURCES = {
    # A camera that gives JPEG is decoded, too.
    "camera": "v4l2src ! decodebin",
    # Rings that move, in all grays: colour bars have next to no distribution.
    "test": "videotestsrc is-live=true pattern=zone-plate kx2=20 ky2=20 kt=1",
}
FILE = "filesrc name=file ! decodebin"
# For a live picture: people move and lamps flicker, but the colours stay.
LOOK = "histomatch name=look smoothing=1000000000 deflicker=1"
AUTOMATIC = "autovideosink"
# What sinks say when their window is closed.
CLOSED = ("Output window was closed", "Quit requested")


class Player:
    def __init__(self, input, references, every, sink):
        source = SOURCES.get(input, FILE)
        self.pipeline = Gst.parse_launch(f"{source} ! {LOOK} ! videoconvert ! {sink}")
        if input not in SOURCES:
            # Not in the text, where spaces and quotes would need escapes.
            self.pipeline.get_by_name("file").set_property("location", input)
        self.look = self.pipeline.get_by_name("look")
        heed_keys_of_window(self.look.get_static_pad("src"), self.press)
        self.references = references
        self.current = 0
        self.look.set_property("reference-location", references[0])
        self.loader = ThreadPoolExecutor(max_workers=1)
        if every:
            GLib.timeout_add_seconds(every, self.change_reference)

        self.loop = GLib.MainLoop()
        self.problem = None
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)
        bus.connect("message::warning", self.on_warning)
        bus.connect("message::eos", lambda *_: self.loop.quit())

    def play(self):
        """Plays to the end, to a key or Ctrl+C, or to an error; gives what the error says."""
        self.pipeline.set_state(Gst.State.PLAYING)
        try:
            with keys_of_terminal(self.press):
                self.loop.run()
        except KeyboardInterrupt:
            pass
        finally:
            self.pipeline.set_state(Gst.State.NULL)
        return self.problem

    def press(self, key):
        if key in ("n", "space"):
            self.change_reference()
        elif key == "p":
            self.change_reference(-1)
        elif key in ("q", "Escape"):
            self.loop.quit()

    def change_reference(self, step=1):
        # To set it reads the picture, a second for 24 megapixels, and returns when it is in use from
        # the next frame on. The stream does not wait, nor do keys, as this is done in a thread. A bad
        # picture posts a warning, and the old one stays.
        self.current = (self.current + step) % len(self.references)
        self.loader.submit(self.load, self.current)
        return GLib.SOURCE_CONTINUE

    def load(self, number):
        # Of several keys in the meantime, the last one wins.
        if number == self.current:
            self.look.set_property("reference-location", self.references[number])

    def on_error(self, _bus, message):
        # Of several, the first is the cause.
        words = message.parse_error().gerror.message
        if self.problem is None and words not in CLOSED:
            self.problem = words
        self.loop.quit()

    def on_warning(self, _bus, message):
        print(message.parse_warning()[0].message, file=sys.stderr)


def heed_keys_of_window(pad, press):
    """Calls a function for the keys of a window behind a pad."""

    def on_event(_pad, info):
        # It sends them upstream, from a thread of its own.
        event = info.get_event()
        if GstVideo.Navigation.event_get_type(event) == GstVideo.NavigationEventType.KEY_PRESS:
            _, key = GstVideo.Navigation.event_parse_key_event(event)
            GLib.idle_add(press, key)
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.EVENT_UPSTREAM, on_event)


@contextmanager
def keys_of_terminal(press):
    """Calls for each key, by the name that X has for it, and leaves the terminal as it was. Where
    there is no terminal but a pipe, its bytes are the keys.
    """
    terminal = sys.stdin.fileno()
    state = termios.tcgetattr(terminal) if sys.stdin.isatty() else None

    def read(*_):
        byte = os.read(terminal, 1)
        if not byte and not state:
            sources.clear()
            return GLib.SOURCE_REMOVE
        key = byte.decode(errors="replace")
        press({" ": "space", "": "q"}.get(key, key))
        return GLib.SOURCE_CONTINUE

    if state:
        # Keys come at once, and not with the next line.
        tty.setcbreak(terminal, termios.TCSANOW)
    condition = GLib.IOCondition.IN | GLib.IOCondition.HUP
    sources = [GLib.io_add_watch(terminal, GLib.PRIORITY_DEFAULT, condition, read)]
    try:
        yield
    finally:
        for source in sources:
            GLib.source_remove(source)
        if state:
            termios.tcsetattr(terminal, termios.TCSANOW, state)


def has_display():
    # Without one, autovideosink of GStreamer 1.22 tries every sink there is, and some crash.
    return sys.platform != "linux" or any(map(os.environ.get, ["DISPLAY", "WAYLAND_DISPLAY"]))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0].rstrip(":"))
    parser.add_argument("input", help="a video file, 'camera' or 'test' (a test pattern)")
    parser.add_argument("references", nargs="+", help="picture files")
    parser.add_argument(
        "--every", type=int, default=0, metavar="SECONDS", help="also change by itself"
    )
    parser.add_argument("--sink", default=AUTOMATIC, help="the element that shows it")
    return parser.parse_args()


def main():
    Gst.init(None)
    arguments = parse_arguments()
    if arguments.sink == AUTOMATIC and not has_display():
        return (
            "There is no display for a window: neither DISPLAY nor WAYLAND_DISPLAY is set. "
            "Run this on a desktop, or choose where the video goes by --sink"
        )
    try:
        player = Player(**vars(arguments))
    except GLib.Error as error:
        return (
            f"{error.message}. For histomatch: build it by 'cargo build --release', and set "
            "GST_PLUGIN_PATH to the folder target/release"
        )
    problem = player.play()
    if problem and arguments.input == "camera":
        problem += " If it is the camera: is one plugged in, and does no other program use it?"
    return problem and f"Can't play '{arguments.input}': {problem}"


if __name__ == "__main__":
    sys.exit(main())
