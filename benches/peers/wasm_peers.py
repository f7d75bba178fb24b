"""The WebAssembly module match.wat under several hosts."""

import base64
import ctypes
import errno
import json
import os
import re
import shutil
import string
import subprocess
from pathlib import Path

import numpy as np

from task import Peer, timed

FOLDER = Path(__file__).resolve().parent
# Where the module has the picture.
OFFSET = 65536


def wasm_binary():
    import wasmtime

    # wasm3 takes no bytearray.
    return bytes(wasmtime.wat2wasm((FOLDER / "match.wat").read_text()))


class WasmPeer(Peer):
    """A host in this process. A subclass starts it and says how frames get in and out."""

    def prepare(self, task):
        self.frame = bytearray(task.frame.tobytes())
        self.result = bytearray(len(self.frame))
        self.pixels = task.pixels
        self.end = OFFSET + len(self.frame)
        self.start(wasm_binary())
        self.write(task.reference.tobytes())
        self.call("set_reference", task.reference.size // 3)

    def start(self, binary):
        raise NotImplementedError

    def call(self, function, pixels):
        raise NotImplementedError

    def write(self, picture):
        """Puts a picture into the module's memory, outside of the times."""
        raise NotImplementedError

    def copy_in(self):
        raise NotImplementedError

    def copy_out(self):
        raise NotImplementedError

    def match(self):
        self.call("match", self.pixels)

    def end_to_end(self):
        self.copy_in()
        self.match()
        self.copy_out()

    def measure(self, frames):
        function = timed(self.match, frames, before=lambda: self.write(self.frame))
        return function, timed(self.end_to_end, frames)

    def output(self):
        self.end_to_end()
        return self.result


class Wasmtime(WasmPeer):
    def start(self, binary):
        import wasmtime

        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        instance = wasmtime.Instance(self.store, wasmtime.Module(engine, binary), [])
        self.exports = instance.exports(self.store)
        self.memory = self.exports["memory"]

    def call(self, function, pixels):
        self.exports[function](self.store, pixels)

    def write(self, picture):
        self.memory.write(self.store, picture, OFFSET)


class ByteByByte(Wasmtime):
    def __init__(self):
        super().__init__("wasmtime, copied byte by byte")

    def copy_in(self):
        memory = self.memory.data_ptr(self.store)
        for address, sample in enumerate(self.frame, OFFSET):
            memory[address] = sample

    def copy_out(self):
        memory = self.memory.data_ptr(self.store)
        for i, address in enumerate(range(OFFSET, self.end)):
            self.result[i] = memory[address]


class Memmove(Wasmtime):
    def __init__(self):
        super().__init__("wasmtime, memmove")

    def start(self, binary):
        super().start(binary)
        self.picture = self.memory.get_buffer_ptr(self.store, len(self.frame), OFFSET)
        self.source, self.target = (
            (ctypes.c_ubyte * len(data)).from_buffer(data) for data in (self.frame, self.result)
        )

    def copy_in(self):
        ctypes.memmove(self.picture, self.source, len(self.frame))

    def copy_out(self):
        ctypes.memmove(self.target, self.picture, len(self.frame))


class NumpyBuffer(Wasmtime):
    def __init__(self):
        super().__init__("wasmtime, numpy buffer")

    def start(self, binary):
        super().start(binary)
        memory = np.frombuffer(self.memory.get_buffer_ptr(self.store), np.uint8)
        self.picture = memory[OFFSET : self.end]
        self.source = np.frombuffer(self.frame, np.uint8)
        self.target = np.frombuffer(self.result, np.uint8)

    def copy_in(self):
        self.picture[:] = self.source

    def copy_out(self):
        self.target[:] = self.picture


class Wasm3(WasmPeer):
    def __init__(self):
        super().__init__("wasm3")

    def start(self, binary):
        import wasm3

        environment = wasm3.Environment()
        runtime = environment.new_runtime(64 * 1024)
        runtime.load(environment.parse_module(binary))
        self.functions = {name: runtime.find_function(name) for name in ("set_reference", "match")}
        self.memory = runtime.get_memory(0)

    def call(self, function, pixels):
        self.functions[function](pixels)

    def write(self, picture):
        self.memory[OFFSET : OFFSET + len(picture)] = picture

    def copy_in(self):
        self.write(self.frame)

    def copy_out(self):
        self.result[:] = self.memory[OFFSET : self.end]


def find_chromium():
    names = ["chromium", "chromium-browser", "google-chrome"]
    return next(filter(shutil.which, names), None)


class Chromium(Peer):
    """The browser's page is the host: from a JavaScript array to a JavaScript array."""

    def __init__(self):
        super().__init__("headless Chromium")

    def prepare(self, task):
        self.program = find_chromium()
        if not self.program:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "chromium")
        self.task = task
        self.binary = wasm_binary()

    def load_page(self, frames):
        """Runs chromium.html and returns what it says: the times, or for 0 frames the output."""

        def encoded(data):
            return base64.b64encode(data).decode()

        page = self.task.folder / "chromium.html"
        template = string.Template((FOLDER / "chromium.html").read_text())
        page.write_text(
            template.substitute(
                wasm=encoded(self.binary),
                reference=encoded(self.task.reference.tobytes()),
                frame=encoded(self.task.frame.tobytes()),
                offset=OFFSET,
                frames=frames,
            )
        )
        options = "--headless --disable-gpu --no-first-run --disable-background-networking"
        options += " --disable-component-update --disable-sync --dump-dom"
        if os.geteuid() == 0:
            # Its sandbox doesn't work for root.
            options += " --no-sandbox"
        result = subprocess.run(
            [self.program, *options.split(), f"--user-data-dir={self.task.folder}/chromium"]
            + [page.as_uri()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        found = re.search(r'<pre id="result">(.+)</pre>', result.stdout)
        if not found:
            lines = result.stderr.strip().splitlines() or ["the page gave no result"]
            raise RuntimeError(lines[-1])
        return json.loads(found[1])

    def measure(self, frames):
        result = self.load_page(frames)
        return result["function"], result["endToEnd"]

    def output(self):
        return base64.b64decode(self.load_page(0))
