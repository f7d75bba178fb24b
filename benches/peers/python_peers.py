"""Pillow, OpenCV, numpy and scikit-image, and Python without any of them.

A library is imported when its peer is prepared, so that one that is missing costs only its row.
"""

from collections import Counter

import numpy as np

from task import LEVELS, Peer, timed


class PythonPeer(Peer):
    """A peer whose work is a call of `match`, on a frame that lies in memory."""

    def match(self):
        raise NotImplementedError

    def measure(self, frames):
        seconds = timed(self.match, frames)
        return seconds, seconds


def table(counts, reference_cdf):
    """The rule: the searchsorted of integers finds the least level, exactly."""
    source_cdf = np.cumsum(counts, dtype=np.int64)
    found = np.searchsorted(reference_cdf * source_cdf[-1], source_cdf * reference_cdf[-1])
    return found.astype(np.uint8)


class Pillow(PythonPeer):
    def __init__(self):
        super().__init__("Pillow", "same: histogram, point")

    def prepare(self, task):
        from PIL import Image

        self.image = Image.fromarray(task.frame)
        self.reference_cdfs = task.reference_cdfs

    def match(self):
        counts = np.array(self.image.histogram()).reshape(3, LEVELS)
        tables = list(map(table, counts, self.reference_cdfs))
        return self.image.point(np.concatenate(tables).tolist())

    def output(self):
        return self.match().tobytes()


class OpenCv(PythonPeer):
    def __init__(self):
        super().__init__("OpenCV", "same: calcHist, LUT")

    def prepare(self, task):
        import cv2

        cv2.setNumThreads(1)
        self.cv2 = cv2
        self.frame = task.frame
        self.result = np.empty_like(task.frame)
        self.reference_cdfs = task.reference_cdfs

    def match(self):
        tables = np.empty((1, LEVELS, 3), np.uint8)
        for channel in range(3):
            # The counts are of type float32, which is exact up to 2^24.
            counts = self.cv2.calcHist([self.frame], [channel], None, [LEVELS], [0, LEVELS])
            tables[0, :, channel] = table(counts, self.reference_cdfs[channel])
        self.cv2.LUT(self.frame, tables, self.result)

    def output(self):
        self.match()
        return self.result.tobytes()


class Numpy(PythonPeer):
    """As most would write it."""

    def __init__(self):
        super().__init__("numpy", "same: bincount, searchsorted, take")

    def prepare(self, task):
        self.frame = task.frame
        self.reference_cdfs = task.reference_cdfs

    def match(self):
        result = np.empty_like(self.frame)
        for channel in range(3):
            samples = self.frame[..., channel]
            counts = np.bincount(samples.ravel(), minlength=LEVELS)
            result[..., channel] = table(counts, self.reference_cdfs[channel]).take(samples)
        return result

    def output(self):
        return self.match().tobytes()


class PreparedNumpy(Numpy):
    """Without new memory and conversions, as far as numpy can."""

    def __init__(self):
        super().__init__()
        self.name = "numpy, memory prepared"

    def prepare(self, task):
        super().prepare(task)
        # bincount and take would both convert to this type, into new memory.
        self.samples = np.empty(task.frame.shape[:2], np.intp)
        self.result = np.empty_like(task.frame)

    def match(self):
        for channel in range(3):
            np.copyto(self.samples, self.frame[..., channel])
            counts = np.bincount(self.samples.ravel(), minlength=LEVELS)
            levels = table(counts, self.reference_cdfs[channel])
            self.result[..., channel] = levels.take(self.samples)
        return self.result


class ScikitImage(PythonPeer):
    def __init__(self):
        super().__init__("scikit-image", "same: match_histograms, which also counts the reference")

    def prepare(self, task):
        from skimage.exposure import match_histograms

        self.match_histograms = match_histograms
        self.frame, self.reference = task.frame, task.reference

    def match(self):
        return self.match_histograms(self.frame, self.reference, channel_axis=-1)

    def output(self):
        return self.match().astype(np.uint8).tobytes()


class PurePython(PythonPeer):
    """Python without any library."""

    def prepare(self, task):
        self.frame = task.frame.tobytes()
        self.result = bytearray(len(self.frame))
        self.reference_cdfs = [cdf.tolist() for cdf in task.reference_cdfs]

    def count(self, samples):
        raise NotImplementedError

    def replace(self, samples, levels):
        raise NotImplementedError

    def match(self):
        for channel, reference_cdf in enumerate(self.reference_cdfs):
            samples = self.frame[channel::3]
            levels = []
            below = u = 0
            for count in self.count(samples):
                below += count
                while below * reference_cdf[-1] > reference_cdf[u] * len(samples):
                    u += 1
                levels.append(u)
            self.result[channel::3] = self.replace(samples, bytes(levels))

    def output(self):
        self.match()
        return self.result


class Loops(PurePython):
    def __init__(self):
        super().__init__("pure Python, loops")

    def count(self, samples):
        counts = [0] * LEVELS
        for level in samples:
            counts[level] += 1
        return counts

    def replace(self, samples, levels):
        return bytes([levels[level] for level in samples])


class StandardLibrary(PurePython):
    def __init__(self):
        super().__init__("pure Python, Counter and bytes.translate")

    def count(self, samples):
        counts = Counter(samples)
        return [counts[level] for level in range(LEVELS)]

    def replace(self, samples, levels):
        return samples.translate(levels)
