#!/usr/bin/env python3
"""Plays a video in a window, matched to reference pictures that change while it plays:

    cargo build --release
    GST_PLUGIN_PATH=target/release python3 examples/python/live.py camera picture.png other.png

Debian's packages: python3-gst-1.0 gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good
gstreamer1.0-x. Ctrl+C ends it.
"""

import argparse
import os
import sys
from itertools import cycle

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst

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


class Player:
    def __init__(self, input, references, every, sink):
        source = SOURCES.get(input, FILE)
        self.pipeline = Gst.parse_launch(f"{source} ! {LOOK} ! videoconvert ! {sink}")
        if input not in SOURCES:
            # Not in the text, where spaces and quotes would need escapes.
            self.pipeline.get_by_name("file").set_property("location", input)
        self.look = self.pipeline.get_by_name("look")
        self.references = cycle(references)
        self.change_reference()
        if len(references) > 1:
            GLib.timeout_add(every * 1000, self.change_reference)

        self.loop = GLib.MainLoop()
        self.problem = None
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)
        bus.connect("message::warning", self.on_warning)
        bus.connect("message::eos", lambda *_: self.loop.quit())

    def play(self):
        """Plays to the end, to Ctrl+C or to an error; gives what the error says."""
        self.pipeline.set_state(Gst.State.PLAYING)
        try:
            self.loop.run()
        except KeyboardInterrupt:
            pass
        finally:
            self.pipeline.set_state(Gst.State.NULL)
        return self.problem

    def change_reference(self):
        # Reads the picture, and returns when it is in use from the next frame on. The stream does
        # not wait. A bad picture posts a warning, and the old one stays.
        self.look.set_property("reference-location", next(self.references))
        return GLib.SOURCE_CONTINUE

    def on_error(self, _bus, message):
        # Of several, the first is the cause.
        if self.problem is None:
            self.problem = message.parse_error().gerror.message
        self.loop.quit()

    def on_warning(self, _bus, message):
        print(message.parse_warning()[0].message, file=sys.stderr)


def has_display():
    # Without one, autovideosink of GStreamer 1.22 tries every sink there is, and some crash.
    return sys.platform != "linux" or any(map(os.environ.get, ["DISPLAY", "WAYLAND_DISPLAY"]))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0].rstrip(":"))
    parser.add_argument("input", help="a video file, 'camera' or 'test' (a test pattern)")
    parser.add_argument("references", nargs="+", help="picture files, shown in turns")
    parser.add_argument("--every", type=int, default=5, help="seconds for each (default: 5)")
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
