"""GStreamer elements, this project's among them, and filters of ffmpeg.

Both programs tell how long each frame was in an element or a filter: GStreamer by its latency
tracer, ffmpeg by its filter bench. So neither the program's start nor reading the frame counts.
"""

import os
import re
import subprocess

from task import Peer


class CommandPeer(Peer):
    def __init__(self, name, does, layout):
        super().__init__(name, does)
        self.layout = layout

    def prepare(self, task):
        self.task = task

    def run(self, command, **environment):
        """Runs a program and returns what it prints on both streams."""
        result = subprocess.run(
            command,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=600,
        )
        if result.returncode != 0:
            lines = result.stdout.splitlines()[-3:]
            raise RuntimeError(" ".join([f"exit code {result.returncode}:", *lines]))
        return result.stdout


class Element(CommandPeer):
    """A GStreamer element."""

    same_task = False

    def __init__(self, name, does, layout, *element):
        super().__init__(name, does, layout)
        self.element = element

    def launch(self, frames, sink, **environment):
        # The source reads the file anew for every frame, into memory that may be written.
        source = [
            "multifilesrc",
            f"location={self.task.file(self.layout)}",
            "loop=true",
            f"num-buffers={frames}",
            "!",
            "rawvideoparse",
            f"format={self.layout.lower()}",
            f"width={self.task.width}",
            f"height={self.task.height}",
        ]
        # Not the user's registry, which should not learn of this plugin.
        registry = self.task.folder / "registry.bin"
        return self.run(
            ["gst-launch-1.0", "-q", *source, "!", *self.element, "name=peer", "!", *sink],
            GST_REGISTRY=str(registry),
            **environment,
        )

    def measure(self, frames):
        log = self.launch(
            frames,
            ["fakesink"],
            GST_TRACERS="latency(flags=element)",
            GST_DEBUG="GST_TRACER:7",
            GST_DEBUG_NO_COLOR="1",
        )
        # In nanoseconds.
        times = re.findall(r"element-latency, .*=\(string\)peer,.* time=\(guint64\)(\d+)", log)
        seconds = [int(time) / 1e9 for time in times]
        return seconds, seconds


class Histomatch(Element):
    """This project's element."""

    same_task = True

    def __init__(self, layout):
        super().__init__("**histomatch**", "histogram matching", layout)

    def prepare(self, task):
        super().prepare(task)
        self.element = ["histomatch", f"reference-location={task.reference_file}"]

    def output(self):
        path = self.task.folder / "output"
        self.launch(1, ["filesink", f"location={path}"])
        return path.read_bytes()


class Filter(CommandPeer):
    """A filter of ffmpeg; its second input, [1:v], is the reference picture."""

    same_task = False
    pixel_formats = {"RGB": "rgb24", "GBR": "gbrp"}

    def __init__(self, name, does, layout, filter):
        super().__init__(name, does, layout)
        self.filter = filter

    def measure(self, frames):
        threads = "-threads 1 -filter_threads 1 -filter_complex_threads 1"
        raw = f"-f rawvideo -pixel_format {self.pixel_formats[self.layout]}"
        size = f"-video_size {self.task.name}"
        log = self.run(
            f"ffmpeg -nostdin -hide_banner -nostats {threads} {raw} {size} -stream_loop -1".split()
            + ["-i", self.task.file(self.layout), "-i", self.task.reference_file]
            + ["-filter_complex", f"[0:v]bench=start[frame];[frame]{self.filter},bench=stop"]
            + f"-frames:v {frames} -f null -".split()
        )
        seconds = [float(time) for time in re.findall(r"bench @ .* t:([\d.]+) ", log)]
        return seconds, seconds
