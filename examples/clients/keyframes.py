#!/usr/bin/env python3
"""Writes a project of GStreamer Editing Services, which Pitivi opens, too: a clip that is faded from
its own colours to those of a picture.

    python3 keyframes.py INPUT REFERENCE PROJECT.xges

Debian's packages: python3-gst-1.0 gir1.2-ges-1.0.
"""

import sys
from pathlib import Path

import gi

gi.require_version("GES", "1.0")
gi.require_version("GstController", "1.0")
from gi.repository import GES, Gst, GstController


def main(input, reference, project):
    Gst.init(None)
    GES.init()
    timeline = GES.Timeline.new_audio_video()
    asset = GES.UriClipAsset.request_sync(Path(input).resolve().as_uri())
    duration = asset.get_duration()
    clip = timeline.append_layer().add_asset(asset, 0, 0, duration, GES.TrackType.UNKNOWN)

    effect = GES.Effect.new("histomatch")
    clip.add(effect)
    # Absolute, because a project may be moved.
    effect.set_child_property("reference-location", str(Path(reference).resolve()))
    strength = GstController.InterpolationControlSource.new()
    strength.set_property("mode", GstController.InterpolationMode.LINEAR)
    # A direct binding maps 0 to 1 to the range of the property.
    effect.set_control_source(strength, "strength", "direct")
    strength.set(0, 0)
    strength.set(duration, 1)

    timeline.commit_sync()
    timeline.save_to_uri(Path(project).resolve().as_uri(), None, True)


if __name__ == "__main__":
    main(*sys.argv[1:])
