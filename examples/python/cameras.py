#!/usr/bin/env python3
"""A show of several cameras that look like the first one; keys let them learn, and go on air:

    cargo build --release
    GST_PLUGIN_PATH=target/release python3 examples/python/cameras.py \\
        "v4l2src device=/dev/video0" "v4l2src device=/dev/video1"

A camera is anything that gst-launch-1.0 takes and that gives raw video, as "srtsrc uri=srt://:7001 !
decodebin", or 'test'. Without any, there are two test cameras. The first one is A; B, C and so on are
made to look like it:

    l           learn: show all cameras the same view, press it, and wait until they are locked
    1, 2, ...   put this camera on air
    v           test cameras: see other views, or the same one again
    s           save how A looks as a picture, a reference for other programs: look.png
    q           quit

in the window and in the terminal, or from a pipe. A camera that fails is tried again until it is back,
with what it has learned; the show goes on without it. Debian's packages: python3-gst-1.0
gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-x.
"""

import argparse
import functools
import string
import sys
import time
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst

from live import AUTOMATIC, CLOSED, has_display, heed_keys_of_window, keys_of_terminal

MEDIA = Path(__file__).resolve().parents[1] / "media"
RATE = "framerate=25/1"
LABEL = (
    "valignment=bottom halignment=left line-alignment=left xpad=6 ypad=6 shaded-background=true"
    " font-desc=Sans,20"
)
LOOK = "look.png"
# A camera without frames for so long is missing, and is tried again after so long.
PATIENCE_MS = 5000
AGAIN_S = 2
# Frames of next to no colours are not learned from, and there may be no others.
LEARN_WITHIN_S = 5
NEVER = 365 * 24 * 3600 * Gst.SECOND


class TestCamera:
    """Sees pictures. A sees them as they are, and the others in colours of their own."""

    CAPS = "video/x-raw,format=GBR,width=640,height=360,pixel-aspect-ratio=1/1"
    SOURCE = (
        f"appsrc name=eye caps={CAPS},{RATE} is-live=true format=time do-timestamp=true"
        " ! imagefreeze is-live=true allow-replace=true"
    )
    # What all see first, and then each one of its own; the first frame of the clip.
    VIEWS = ["astronaut.png", "coffee.png", "bigbuckbunny.webm", "chelsea.png"]
    # The gain of red, green and blue light, a gamma, and haze, in levels.
    CAMERAS = [
        ((1, 1, 1), 1, 0),
        ((0.55, 0.75, 1), 0.9, 30),
        ((1, 0.8, 0.5), 1.2, 10),
    ]

    def __init__(self, name):
        self.number = string.ascii_uppercase.index(name)
        self.view = 0

    def change_view(self):
        others = len(self.VIEWS) - 1
        self.view = 0 if self.view else self.number % others + 1

    def look(self, pipeline):
        frame = self.sees(picture(self.VIEWS[self.view]))
        pipeline.get_by_name("eye").emit("push-buffer", Gst.Buffer.new_wrapped(frame))

    def sees(self, picture):
        """What it makes of a picture: its levels in another table for each plane of G, B and R."""
        (red, green, blue), gamma, haze = self.CAMERAS[self.number % len(self.CAMERAS)]
        size = len(picture) // 3
        planes = [picture[place : place + size] for place in range(0, 3 * size, size)]

        def table(gain):
            light = [gain * (level / 255) ** 2.2 for level in range(256)]
            return bytes(round(haze + (255 - haze) * v ** (gamma / 2.2)) for v in light)

        tables = map(table, [green, blue, red])
        return b"".join(plane.translate(table) for plane, table in zip(planes, tables))


@functools.cache
def picture(name):
    """The planes of G, B and R of a picture, or of the first frame of a film, from `examples/media`."""
    # The face is above the middle.
    crop = "bottom=224" if name == "astronaut.png" else ""
    pipeline = Gst.parse_launch(
        f"filesrc name=file ! decodebin ! videoconvert ! videocrop {crop}"
        " ! aspectratiocrop aspect-ratio=16/9 ! videoscale method=lanczos"
        f" ! {TestCamera.CAPS} ! appsink name=frame"
    )
    # Not in the text, where spaces and quotes would need escapes.
    pipeline.get_by_name("file").set_property("location", str(MEDIA / name))
    pipeline.set_state(Gst.State.PAUSED)
    sample = pipeline.get_by_name("frame").emit("pull-preroll")
    if sample is None:
        raise SystemExit(f"Can't read '{MEDIA / name}'")
    buffer = sample.get_buffer()
    planes = buffer.extract_dup(0, buffer.get_size())
    pipeline.set_state(Gst.State.NULL)
    return planes


class Camera:
    """A pipeline of its own, so that what goes wrong in it stops nothing else. It hands its frames to
    the show, where they are matched: what was learned is there when the camera has come back.
    """

    def __init__(self, name, source, say):
        self.name = name
        self.say = say
        self.test = TestCamera(name) if source == "test" else None
        self.pipeline = Gst.parse_launch(
            f"{TestCamera.SOURCE if self.test else source} ! capsfilter caps=video/x-raw"
            f" ! watchdog name=watchdog timeout={PATIENCE_MS}"
            # On a slow machine all frames are late. Without these, none would come.
            f" ! intervideosink name=out channel={name} qos=false max-lateness=-1"
        )
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)
        bus.connect("message::eos", self.on_end)
        # Not known before its first frame, or its first failure.
        self.is_there = None
        self.has_frames = False
        self.pause = None
        pad = self.pipeline.get_by_name("out").get_static_pad("sink")
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_frame)

    def start(self):
        self.pause = None
        self.has_frames = False
        # Why it fails, if it does, comes by the bus.
        self.pipeline.set_state(Gst.State.PLAYING)
        if self.test:
            self.test.look(self.pipeline)
        return GLib.SOURCE_REMOVE

    def stop(self):
        self.pipeline.set_state(Gst.State.NULL)

    def on_frame(self, *_):
        # In a thread of the pipeline's.
        if not self.has_frames:
            self.has_frames = True
            GLib.idle_add(self.on_first_frame, priority=GLib.PRIORITY_DEFAULT)
        return Gst.PadProbeReturn.OK

    def on_first_frame(self):
        # It may have failed since.
        if self.pause is None:
            if self.is_there is False:
                self.say(f"{self.name} is there")
            self.is_there = True
        return GLib.SOURCE_REMOVE

    def on_error(self, _bus, message):
        if message.src.get_name() == "watchdog":
            self.fail(f"it gave no frames for {PATIENCE_MS // 1000} seconds")
        else:
            self.fail(message.parse_error().gerror.message)

    def on_end(self, *_):
        # A file begins again; a connection that ends may come back.
        self.stop()
        if self.has_frames:
            self.start()
        else:
            self.fail("it ended without a frame")

    def fail(self, cause):
        # Of several errors, the first is the cause.
        if self.pause is not None:
            return
        self.stop()
        self.pause = GLib.timeout_add_seconds(AGAIN_S, self.start)
        # It is said once, and not each time that it fails again.
        if self.is_there is not False:
            self.is_there = False
            self.say(f"{self.name} is missing, and is tried again until it is there: {cause}")


class Look:
    """The element that makes a camera look like the first one."""

    def __init__(self, name, element, say):
        self.name = name
        self.element = element
        self.say = say
        self.state = "has learned nothing yet"
        # Known when it follows A.
        self.is_flat = False

    def learn(self):
        # Until now it had none, so that nothing was learned of views that have nothing in common.
        self.element.set_property("reference-channel", "A")
        self.element.emit("relearn")
        self.state = "learning"
        self.has_begun = False
        self.deadline = time.monotonic() + LEARN_WITHIN_S

    def check(self):
        if self.state != "learning":
            return
        learned = self.element.get_property("stats").get_value("learned")
        if learned is not None and any(learned):
            self.has_begun = True
        elif self.has_begun:
            self.state = "locked"
            self.say(f"{self.name} is locked: it looks like A, whatever both see from now on")
        elif time.monotonic() > self.deadline:
            self.state = "has learned nothing"
            self.say(
                f"{self.name} has learned nothing: show both a view with more colours, and learn again"
            )


class Show:
    def __init__(self, sources, learn, size, sink, to):
        names = string.ascii_uppercase[: len(sources)]
        self.cameras = []
        for name, source in zip(names, sources):
            try:
                self.cameras.append(Camera(name, source, self.say))
            except GLib.Error as error:
                raise SystemExit(f"Camera {name}, '{source}': {error.message}") from error
        self.learn_for = learn
        self.size = size
        self.pipeline = Gst.parse_launch(self.description(names, sink, to))
        get = self.pipeline.get_by_name
        self.looks = [Look(name, get(f"look-{name}"), self.say) for name in names[1:]]
        self.states = get("states")
        self.views = [get("mixer").get_static_pad(f"sink_{n}") for n in range(len(names))]
        self.air = get("air")
        self.tap = get("tap")
        heed_keys_of_window(get("shown").get_static_pad("src"), self.press)

        self.loop = GLib.MainLoop()
        self.problem = None
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)
        bus.connect("message::warning", self.on_warning)
        bus.connect("message::element", self.on_element)

    def description(self, names, sink, to):
        width, height = self.size
        small = height // 3
        learn = self.learn_for * Gst.SECOND
        text = (
            f"compositor name=mixer background=black"
            f" ! video/x-raw,width={width},height={height + small},{RATE}"
            f" ! textoverlay name=states {LABEL} ! videoconvert name=shown ! {sink} "
            # Streams that are not on air are not waited for.
            f"input-selector name=air sync-streams=false ! queue ! {to} "
        )
        for number, name in enumerate(names):
            if number == 0:
                # What was seen before the key is in no snapshot that is new at the end.
                interval = Gst.SECOND // 10
                element = (
                    f"histotap name=tap channel={name} interval={interval}"
                    f" window={learn - 2 * interval}"
                )
            else:
                element = (
                    f"histomatch name=look-{name} method=grade update-mode=locked smoothing={learn}"
                )
            text += (
                # What is missing stays as it was last seen.
                f"intervideosrc channel={name} timeout={NEVER} ! video/x-raw,{RATE} ! {element}"
                f" ! videoconvert ! videoscale add-borders=true"
                f" ! video/x-raw,format=I420,width={width},height={height},pixel-aspect-ratio=1/1"
                # Nobody is asked for memory: the mixer would answer when it has its first frame.
                f" ! identity drop-allocation=true ! tee name=tee-{name} "
                f"tee-{name}. ! queue ! mixer.sink_{number} "
                f"tee-{name}. ! queue ! air.sink_{number} "
            )
        return text

    def run(self):
        """Plays until a key or Ctrl+C, or an error of the show; gives what the error says."""
        try:
            for camera in self.cameras:
                camera.start()
            self.put_on_air(0)
            self.pipeline.set_state(Gst.State.PLAYING)
            GLib.timeout_add(100, self.check)
            with keys_of_terminal(self.press):
                self.loop.run()
        except KeyboardInterrupt:
            pass
        finally:
            for pipeline in [self, *self.cameras]:
                pipeline.stop()
        return self.problem

    def stop(self):
        self.pipeline.set_state(Gst.State.NULL)

    def say(self, words):
        print(words, flush=True)

    def press(self, key):
        if key == "l":
            self.learn()
        elif key == "v":
            self.change_views()
        elif key == "s":
            self.save()
        elif key in ("q", "Escape"):
            self.loop.quit()
        elif key in string.digits and 0 < int(key) <= len(self.cameras):
            self.put_on_air(int(key) - 1)

    def learn(self):
        reference, *others = self.cameras
        if not reference.is_there:
            self.say("A is missing: nobody can learn from it")
            return
        if any(look.is_flat for look in self.looks):
            self.say("A is black or flat: nobody can learn from it")
            return
        for camera, look in zip(others, self.looks):
            if camera.is_there:
                look.learn()
                self.say(f"{camera.name} learns from A: both should see the same view")
            else:
                self.say(f"{camera.name} is missing: it learns nothing")

    def save(self):
        # Why it can't, if so, comes by the bus.
        if self.tap.emit("save", LOOK):
            self.say(f"How A looks is in {LOOK}")

    def put_on_air(self, number):
        camera = self.cameras[number]
        if camera.is_there is False:
            self.say(f"{camera.name} is missing: it can't go on air")
            return
        self.on_air = number
        self.air.set_property("active-pad", self.air.get_static_pad(f"sink_{number}"))
        self.arrange()
        self.say(f"On air: {camera.name}")

    def arrange(self):
        """The one on air is large, and the others are in a row below, from the right."""
        width, height = self.size
        small = [width // 3, height // 3]
        place = width
        for number, view in enumerate(self.views):
            area = [0, 0, width, height]
            if number != self.on_air:
                place -= small[0]
                area = [place, height, *small]
            for name, value in zip(["xpos", "ypos", "width", "height"], area):
                view.set_property(name, value)

    def change_views(self):
        for camera in self.cameras:
            if camera.test:
                camera.test.change_view()
                camera.test.look(camera.pipeline)

    def check(self):
        for look in self.looks:
            look.check()
        # What is on air must be there, if anything is.
        there = [n for n, camera in enumerate(self.cameras) if camera.is_there]
        if self.cameras[self.on_air].is_there is False and there:
            self.put_on_air(there[0])
        self.states.set_property("text", "\n".join(map(self.state, range(len(self.cameras)))))
        return GLib.SOURCE_CONTINUE

    def state(self, number):
        """What is to be known of a camera, in words."""
        camera = self.cameras[number]
        words = ["the others learn from it"] if number == 0 else [self.looks[number - 1].state]
        words += ["missing"] * (camera.is_there is False) + ["on air"] * (number == self.on_air)
        return f"{camera.name}: {', '.join(words)}"

    def on_error(self, _bus, message):
        # Of several, the first is the cause.
        words = message.parse_error().gerror.message
        if self.problem is None and words not in CLOSED:
            self.problem = words
        self.loop.quit()

    def on_element(self, _bus, message):
        structure = message.get_structure()
        if structure.get_name() == "histomatch-reference":
            for look in self.looks:
                if look.element == message.src:
                    look.is_flat = structure.get_string("state") == "flat"

    def on_warning(self, _bus, message):
        self.say(message.parse_warning()[0].message)


def write_picture(path):
    """Draws what learning and locking are good for, with the test cameras A and B."""
    same, of_a, of_b, _ = map(picture, TestCamera.VIEWS)
    sees = TestCamera("B").sees
    learned, locked = looks_like_a([(same, sees(same)), (of_a, sees(of_b))], "locked")
    (followed,) = looks_like_a([(of_a, sees(of_b))], "frame")
    rows = [
        [
            (same, "Learn: both see the same. Camera A"),
            (sees(same), "Camera B before"),
            (learned, "Camera B has learned"),
        ],
        [
            (of_a, "On air: camera A sees something else"),
            (locked, "Camera B, locked: still right"),
            (followed, "Camera B, not locked: coloured like A's view"),
        ],
    ]
    width, height, gap = 384, 216, 16
    white = b"\xff" * 4
    lines = []
    for row in rows:
        tiles = [
            through(
                "videoconvert ! videoscale method=lanczos"
                f" ! video/x-raw,format=BGRx,width={width},height={height}"
                f' ! textoverlay text="{words}" {LABEL}',
                [frame],
            )[0]
            for frame, words in row
        ]
        lines += [white * gap * (len(row) - 1) + white * width * len(row)] * gap * bool(lines)
        for y in range(0, len(tiles[0]), 4 * width):
            lines.append((white * gap).join(tile[y : y + 4 * width] for tile in tiles))
    caps = f"video/x-raw,format=BGRx,width={len(lines[0]) // 4},height={len(lines)}"
    # All levels, as JPEG has them.
    full_range = "video/x-raw,format=I420,colorimetry=1:4:0:0"
    encoder = f"videoconvert ! {full_range} ! jpegenc quality=88"
    (jpeg,) = through(encoder, [b"".join(lines)], caps)
    Path(path).write_bytes(jpeg)


def looks_like_a(views, mode):
    """What comes of frames of the second camera, while the first one shows others."""
    tap = Gst.parse_launch(
        f"appsrc name=in caps={TestCamera.CAPS},{RATE} format=time"
        f" ! histotap name=tap channel=picture-{mode} window=1 interval=1 ! fakesink sync=false"
    )
    tap.set_state(Gst.State.PLAYING)

    def show(number):
        tap.get_by_name("in").emit("push-buffer", timed(views[number][0], number))
        while tap.get_by_name("tap").get_property("stats").get_value("snapshots") <= number:
            time.sleep(0.01)

    look = f"histomatch reference-channel=picture-{mode} method=grade update-mode={mode}"
    frames = through(look, [of_b for _, of_b in views], before=show)
    tap.set_state(Gst.State.NULL)
    return frames


def through(elements, frames, caps=TestCamera.CAPS, before=lambda number: None):
    """What comes out of elements for frames, one after the other."""
    pipeline = Gst.parse_launch(
        f"appsrc name=in caps={caps},{RATE} format=time ! {elements} ! appsink name=out sync=false"
    )
    pipeline.set_state(Gst.State.PLAYING)
    results = []
    for number, frame in enumerate(frames):
        before(number)
        pipeline.get_by_name("in").emit("push-buffer", timed(frame, number))
        buffer = pipeline.get_by_name("out").emit("pull-sample").get_buffer()
        results.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)
    return results


def timed(frame, number):
    buffer = Gst.Buffer.new_wrapped(frame)
    buffer.pts = number * Gst.SECOND // 25
    buffer.duration = Gst.SECOND // 25
    return buffer


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0].rstrip(":"))
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="CAMERA",
        help="'test', or elements as gst-launch-1.0 takes them, as in 'v4l2src device=/dev/video0'",
    )
    parser.add_argument(
        "--learn", type=seconds, default=2, metavar="SECONDS", help="for how long it is learned"
    )
    parser.add_argument(
        "--size", type=size, default="960x540", metavar="WIDTHxHEIGHT", help="of the picture on air"
    )
    parser.add_argument("--sink", default=AUTOMATIC, help="the element that shows all cameras")
    parser.add_argument(
        "--to",
        default="fakesink",
        metavar="ELEMENTS",
        help="what the picture on air goes to, as in 'v4l2sink device=/dev/video10'",
    )
    parser.add_argument(
        "--picture", metavar="FILE.jpg", help="write the picture of docs/live.md, and end"
    )
    arguments = parser.parse_args()
    arguments.sources = arguments.sources or ["test", "test"]
    if not 2 <= len(arguments.sources) <= 9:
        parser.error("two to nine cameras are needed")
    return arguments


def seconds(text):
    if not 1 <= int(text) <= 60:
        raise argparse.ArgumentTypeError("it takes 1 to 60 seconds")
    return int(text)


def size(text):
    width, height = map(int, text.split("x"))
    if min(width, height) < 16:
        raise argparse.ArgumentTypeError("it has 16x16 pixels at least")
    return width, height


def main():
    Gst.init(None)
    arguments = parse_arguments()
    try:
        if arguments.picture:
            return write_picture(arguments.picture)
        if arguments.sink == AUTOMATIC and not has_display():
            return (
                "There is no display for a window: neither DISPLAY nor WAYLAND_DISPLAY is set. "
                "Run this on a desktop, or choose what shows the cameras by --sink"
            )
        del arguments.picture
        show = Show(**vars(arguments))
    except OSError as error:
        return f"The picture can't be written: {error}"
    except GLib.Error as error:
        return (
            f"{error.message}. For histomatch: build it by 'cargo build --release', and set "
            "GST_PLUGIN_PATH to the folder target/release"
        )
    return show.run()


if __name__ == "__main__":
    sys.exit(main())
