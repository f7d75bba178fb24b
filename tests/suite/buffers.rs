//! Promise: a buffer that isn't what the caps say gets the right bytes or a clear error, never a
//! crash and never silence; a good one keeps everything but its samples.

use crate::common::frames::{FORMATS, Format, Frame, Shape, noise};
use crate::common::oracle::Picture;
use crate::common::programs::{python, run, text};
use crate::common::{self, Complaint, Rig, bytes, matched_inside, media};
use glib::translate::IntoGlib;
use gst::prelude::*;
use gst_video::VideoFormat;
use gsthistomatch::frame::Area;

fn reference() -> std::path::PathBuf {
    media("coffee.png")
}

fn samples() -> Picture {
    Picture::of(&reference())
}

fn rig(caps: gst::Caps) -> Rig {
    let mut rig = Rig::new(Some(&reference()));
    rig.harness.set_src_caps(caps);
    rig
}

fn frame(format: VideoFormat, width: u32, height: u32) -> Frame {
    Frame::new(format, width, height, Shape::Default, noise(1))
}

/// Adds a video meta that says anything at all.
fn add_meta(
    buffer: &mut gst::Buffer,
    format: VideoFormat,
    (width, height): (u32, u32),
    planes: &[(usize, i32)],
) {
    let (mut offsets, mut strides) = ([0; 4], [0; 4]);
    for (plane, &(offset, stride)) in planes.iter().enumerate() {
        (offsets[plane], strides[plane]) = (offset, stride);
    }
    let buffer = buffer.make_mut();
    // SAFETY: the buffer is writable, and both arrays have the four entries that the function
    // reads. What they hold is stored as it is; GStreamer's safe function would refuse it.
    unsafe {
        gst_video::ffi::gst_buffer_add_video_meta_full(
            buffer.as_mut_ptr(),
            gst_video::ffi::GST_VIDEO_FRAME_FLAG_NONE,
            format.into_glib(),
            width,
            height,
            planes.len() as u32,
            &offsets,
            &strides,
        );
    }
}

/// Pushes a buffer that must be refused with one error that says `cause` and a cure.
fn refused(caps: gst::Caps, buffer: gst::Buffer, cause: &str) {
    let mut rig = rig(caps);
    let kept = buffer.clone();
    let before = bytes(&kept);
    assert_eq!(rig.harness.push(buffer), Err(gst::FlowError::Error));
    assert_eq!(bytes(&kept), before);
    let complaints = rig.complaints();
    let [Complaint::Error(text)] = &complaints[..] else {
        panic!("one error was expected, not {complaints:?}");
    };
    assert!(text.contains(cause), "{text:?} does not say {cause:?}");
    assert!(text.contains("update or replace"), "{text:?} says no cure");
}

#[test]
fn f01_time_stamps_flags_and_metas_are_kept() {
    let frame = frame(VideoFormat::Rgbx, 8, 6);
    let mut buffer = frame.buffer();
    {
        let buffer = buffer.make_mut();
        buffer.set_pts(gst::ClockTime::from_mseconds(40));
        buffer.set_dts(gst::ClockTime::from_mseconds(39));
        buffer.set_duration(gst::ClockTime::from_mseconds(20));
        buffer.set_offset(7);
        buffer.set_offset_end(8);
        buffer.set_flags(gst::BufferFlags::MARKER);
        gst_video::VideoRegionOfInterestMeta::add(buffer, "face", (1, 2, 3, 4));
        gst::ReferenceTimestampMeta::add(
            buffer,
            &gst::Caps::new_empty_simple("timestamp/x-test"),
            gst::ClockTime::SECOND,
            gst::ClockTime::NONE,
        );
    }
    let output = rig(frame.caps()).process(buffer);
    assert_eq!(bytes(&output), frame.expected(&samples()));
    assert_eq!(output.pts(), Some(gst::ClockTime::from_mseconds(40)));
    assert_eq!(output.dts(), Some(gst::ClockTime::from_mseconds(39)));
    assert_eq!(output.duration(), Some(gst::ClockTime::from_mseconds(20)));
    assert_eq!((output.offset(), output.offset_end()), (7, 8));
    assert!(output.flags().contains(gst::BufferFlags::MARKER));
    let roi = output.meta::<gst_video::VideoRegionOfInterestMeta>().expect("the region is kept");
    assert_eq!(roi.rect(), (1, 2, 3, 4));
    let stamp = output.meta::<gst::ReferenceTimestampMeta>().expect("the time stamp is kept");
    assert_eq!(stamp.timestamp(), gst::ClockTime::SECOND);
}

#[test]
fn f03_odd_width_without_padding_or_meta_is_an_error() {
    let caps = frame(VideoFormat::Rgb, 3, 5).caps();
    let buffer = gst::Buffer::from_mut_slice(vec![9; 3 * 3 * 5]);
    refused(caps, buffer, "does not fit into the 45 bytes of the buffer");
}

#[test]
fn f04_one_byte_short_is_an_error() {
    for Format { format, places, .. } in FORMATS {
        // Without what may be missing: padding behind the last row.
        let mut frame = Frame::new(format, 8, 6, Shape::OffsetShortLastRow, noise(1));
        let planes_of_colors = places.iter().map(|place| place.0 + 1).max();
        if planes_of_colors < Some(frame.info.n_planes() as usize) {
            // The last plane is alpha, which is nobody's business here.
            continue;
        }
        frame.bytes.pop();
        refused(frame.caps(), frame.buffer(), "does not fit into");
    }
}

#[test]
fn f05_an_empty_buffer_is_an_error() {
    let caps = frame(VideoFormat::Rgbx, 8, 6).caps();
    refused(caps.clone(), gst::Buffer::new(), "does not fit into the 0 bytes");
    refused(caps, gst::Buffer::from_mut_slice(vec![0; 0]), "does not fit into the 0 bytes");
}

#[test]
fn f06_a_longer_buffer_is_processed_and_its_tail_untouched() {
    let mut frame = frame(VideoFormat::Bgr, 9, 6);
    frame.bytes.extend([1, 2, 3, 4, 5]);
    let output = bytes(&rig(frame.caps()).process(frame.buffer()));
    assert_eq!(output, frame.expected(&samples()));
    assert!(output.ends_with(&[1, 2, 3, 4, 5]));
}

#[test]
fn f12_f13_f14_a_meta_outside_the_memory_is_an_error() {
    let packed = frame(VideoFormat::Rgbx, 8, 6);
    let planar = frame(VideoFormat::Gbr, 8, 6);
    let bounds = "does not fit into";
    let stride = "but its rows take";
    let good = (0, 8);
    let (i420, nv12) = (frame(VideoFormat::I420, 8, 6), frame(VideoFormat::Nv12, 8, 6));
    let (yuy2, p010) = (frame(VideoFormat::Yuy2, 8, 6), frame(VideoFormat::P01010le, 8, 6));
    for (frame, planes, cause) in [
        (&packed, &[(0, 1 << 20)][..], bounds),
        (&packed, &[(0, i32::MAX)], bounds),
        (&packed, &[(0, 33)], bounds),
        (&packed, &[(1, 32)], bounds),
        (&packed, &[(1 << 30, 32)], bounds),
        (&packed, &[(usize::MAX, 32)], bounds),
        (&packed, &[(usize::MAX - 100, 32)], bounds),
        (&packed, &[(160, -32)], stride),
        (&packed, &[(0, i32::MIN)], stride),
        (&packed, &[(0, 0)], stride),
        (&packed, &[(0, 31)], stride),
        (&planar, &[good, (48, 8), (97, 8)], bounds),
        (&planar, &[good, (48, 8), (96, i32::MAX)], bounds),
        (&planar, &[good, (88, -8), (96, 8)], stride),
        (&planar, &[good, (48, 7), (96, 8)], stride),
        (&i420, &[good, (48, 4), (61, 4)], bounds),
        (&i420, &[good, (48, 1 << 20), (60, 4)], bounds),
        (&i420, &[good, (48, 3), (60, 4)], stride),
        (&i420, &[good, (48, 4), (68, -4)], stride),
        (&nv12, &[good, (49, 8)], bounds),
        (&nv12, &[good, (48, 7)], stride),
        (&yuy2, &[(1, 16)], bounds),
        (&yuy2, &[(0, 15)], stride),
        (&yuy2, &[(80, -16)], stride),
        (&p010, &[(0, 16), (97, 16)], bounds),
        (&p010, &[(0, 16), (96, 15)], stride),
        (&p010, &[(0, 1 << 20), (96, 16)], bounds),
    ] {
        let mut buffer = frame.buffer();
        add_meta(&mut buffer, frame.info.format(), (8, 6), planes);
        refused(frame.caps(), buffer, cause);
    }
}

#[test]
fn f15_a_meta_smaller_than_the_caps_is_an_error() {
    let frame = frame(VideoFormat::Rgbx, 8, 6);
    for (size, text) in [((7, 6), "7 x 6"), ((8, 5), "8 x 5"), ((0, 0), "0 x 0")] {
        let mut buffer = frame.buffer();
        add_meta(&mut buffer, VideoFormat::Rgbx, size, &[(0, 32)]);
        refused(
            frame.caps(),
            buffer,
            &format!("its video meta says {text} pixels, the caps say 8 x 6"),
        );
    }
}

#[test]
fn f16_a_meta_of_another_format_is_an_error() {
    let frame = frame(VideoFormat::Rgbx, 8, 6);
    let unknown = VideoFormat::__Unknown(9999);
    for format in [VideoFormat::Bgrx, VideoFormat::I420, VideoFormat::Unknown, unknown] {
        let mut buffer = frame.buffer();
        add_meta(&mut buffer, format, (8, 6), &[(0, 32)]);
        refused(
            frame.caps(),
            buffer,
            &format!("its video meta says {format:?}, the caps say Rgbx"),
        );
    }
    // An impossible number of planes, too.
    for planes in [0, 2, 4] {
        let mut buffer = frame.buffer();
        add_meta(&mut buffer, VideoFormat::Rgbx, (8, 6), &vec![(0, 32); planes]);
        refused(frame.caps(), buffer, &format!("says {planes} planes, the caps say 1"));
    }
}

#[test]
fn f17_only_the_area_of_the_caps_is_counted_and_changed() {
    for format in [VideoFormat::Rgbx, VideoFormat::I420, VideoFormat::P01010le, VideoFormat::Yuy2] {
        let large = frame(format, 20, 10);
        let mut small = frame(format, 8, 6);
        small.bytes = large.bytes.clone();
        (small.offsets, small.strides) = (large.offsets.clone(), large.strides.clone());
        let mut buffer = small.buffer();
        let spans = large.offsets.iter().copied().zip(large.strides.iter().copied());
        add_meta(&mut buffer, format, (20, 10), &spans.collect::<Vec<_>>());
        let output = rig(small.caps()).process(buffer);
        assert!(bytes(&output) == small.expected(&samples()), "{format:?}");
    }
}

/// What of a frame is shown, told by a crop meta; the caps have its size.
fn cropped(frame: &Frame, (left, top, width, height): (u32, u32, u32, u32)) -> gst::Buffer {
    let mut buffer = frame.buffer();
    gst_video::VideoCropMeta::add(buffer.make_mut(), (left, top, width, height));
    buffer
}

const CROPPED: [VideoFormat; 8] = [
    VideoFormat::Rgbx,
    VideoFormat::Bgr,
    VideoFormat::Gray8,
    VideoFormat::I420,
    VideoFormat::Nv12,
    VideoFormat::Yuy2,
    VideoFormat::P01010le,
    VideoFormat::Yuv9,
];

#[test]
fn f107_what_a_crop_meta_shows_is_counted_and_changed_and_nothing_else() {
    for format in CROPPED {
        let frame = Frame::new(format, 40, 32, Shape::OffsetShortLastRow, noise(2));
        // One after the other, in one stream: on the grid of chroma and off it, whole, beyond the
        // frame, and without a pixel.
        for rect in [
            (16, 8, 16, 16),
            (3, 5, 16, 16),
            (0, 0, 40, 32),
            (1, 31, 1, 1),
            (33, 25, 16, 16),
            (0, 0, 0, 0),
            (40, 32, 16, 16),
            (0, 0, u32::MAX, u32::MAX),
            (u32::MAX, 0, 2, 2),
        ] {
            let mut rig = rig(Frame::new(format, 16, 16, Shape::Default, || 0).caps());
            let output = rig.process(cropped(&frame, rect));
            let (left, top, width, height) = rect;
            let [left, top, width, height] = [left, top, width, height].map(|n| n as usize);
            let area = Area { left, top, width, height };
            let expected = matched_inside(&frame, &reference(), area);
            assert!(bytes(&output) == expected, "{format:?} {rect:?}");
            let crop = output.meta::<gst_video::VideoCropMeta>().expect("it is kept");
            assert_eq!(crop.rect(), rect);
        }
    }
}

/// By the oracle: what is shown, as a picture of its own.
#[test]
fn f107_what_is_shown_is_matched_as_a_picture_of_its_own() {
    let frame = Frame::new(VideoFormat::Rgb, 40, 32, Shape::Stride { padding: 5 }, noise(2));
    let (left, top, width, height) = (7usize, 9usize, 16usize, 12usize);
    let mut shown = Frame::new(VideoFormat::Rgb, 16, 12, Shape::Default, || 0);
    let (stride, own) = (frame.strides[0] as usize, shown.strides[0] as usize);
    for y in 0..height {
        let from = frame.offsets[0] + (top + y) * stride + 3 * left;
        shown.bytes[y * own..][..3 * width].copy_from_slice(&frame.bytes[from..][..3 * width]);
    }
    let matched = shown.expected(&samples());
    let mut expected = frame.bytes.clone();
    for y in 0..height {
        let to = frame.offsets[0] + (top + y) * stride + 3 * left;
        expected[to..][..3 * width].copy_from_slice(&matched[y * own..][..3 * width]);
    }
    let mut rig = rig(shown.caps());
    let rect = (left as u32, top as u32, width as u32, height as u32);
    assert!(bytes(&rig.process(cropped(&frame, rect))) == expected);
}

#[test]
fn f107_crop_metas_come_change_and_go_while_playing() {
    for format in CROPPED {
        let whole = Frame::new(format, 40, 32, Shape::Stride { padding: 3 }, noise(2));
        let alone = Frame::new(format, 16, 16, Shape::Default, noise(4));
        let mut rig = rig(alone.caps());
        for n in 0..12 {
            let (output, expected) = match n % 3 {
                0 => (rig.process(alone.buffer()), alone.expected(&samples())),
                _ => {
                    let (left, top) = (5 + n as usize, 3 + n as usize);
                    let area = Area { left, top, width: 16, height: 16 };
                    let rect = (left as u32, top as u32, 16, 16);
                    let expected = matched_inside(&whole, &reference(), area);
                    (rig.process(cropped(&whole, rect)), expected)
                }
            };
            assert!(bytes(&output) == expected, "{format:?} {n}");
        }
    }
}

/// Bars inside what is shown are found, whatever is beside it.
#[test]
fn f107_borders_are_those_of_what_is_shown() {
    let mut frame = Frame::new(VideoFormat::Gray8, 80, 60, Shape::Stride { padding: 0 }, noise(2));
    let pixel = |x: usize, y: usize| y * 80 + x;
    // Shown is what begins at (10, 7), 40 x 40; its bars are 6 rows above and 5 columns on the left.
    for y in 7..47 {
        for x in 10..50 {
            if y < 13 || x < 15 {
                frame.bytes[pixel(x, y)] = 0;
            } else {
                frame.bytes[pixel(x, y)] |= 64;
            }
        }
    }
    let mut rig = rig(Frame::new(VideoFormat::Gray8, 40, 40, Shape::Default, || 0).caps());
    rig.element.set_property("ignore-borders", true);
    let output = rig.process(cropped(&frame, (10, 7, 40, 40)));
    let inside = Area { left: 15, top: 13, width: 35, height: 34 };
    assert!(bytes(&output) == matched_inside(&frame, &reference(), inside));
}

/// As a sink that takes crop metas gets it: the element of a well-known source of them.
#[test]
fn f107_videocrop_in_front_gives_the_same_picture_with_a_meta_and_without() {
    let crop = |caps: &str| {
        let text = format!(
            "videotestsrc num-buffers=1 pattern=smpte75 ! \
             video/x-raw,format=BGRx,width=320,height=240 ! videocrop left=161 top=119 ! {caps} \
             histomatch flat-frames=match qos=false reference-location={} ! appsink name=out",
            common::video::quoted(&reference())
        );
        let [samples] = common::video::play_with(&text, ["out"], |pipeline| {
            let sink = pipeline.by_name("out").expect("it is there");
            let with_meta = caps.is_empty();
            let pad = sink.static_pad("sink").expect("it has one");
            pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, move |_, info| {
                let Some(query) = info.query_mut() else { return gst::PadProbeReturn::Ok };
                let gst::QueryViewMut::Allocation(query) = query.view_mut() else {
                    return gst::PadProbeReturn::Ok;
                };
                if with_meta {
                    query.add_allocation_meta::<gst_video::VideoMeta>(None);
                    query.add_allocation_meta::<gst_video::VideoCropMeta>(None);
                }
                gst::PadProbeReturn::Handled
            });
        });
        samples[0].buffer_owned().expect("with a buffer")
    };
    let (with_meta, copied) = (crop(""), crop("identity drop-allocation=true !"));
    let meta = with_meta.meta::<gst_video::VideoCropMeta>().expect("the crop is a meta");
    assert_eq!(meta.rect(), (161, 119, 159, 121));
    assert!(copied.meta::<gst_video::VideoCropMeta>().is_none());
    let whole = bytes(&with_meta);
    let shown: Vec<u8> =
        (119..240).flat_map(|y| whole[(y * 320 + 161) * 4..][..159 * 4].iter().copied()).collect();
    assert!(shown == bytes(&copied));
}

#[test]
fn f123_of_two_video_metas_that_of_the_first_picture_counts() {
    let frame = Frame::new(VideoFormat::Rgbx, 8, 6, Shape::Stride { padding: 7 }, noise(1));
    for first in [0, 1] {
        let mut buffer = gst::Buffer::from_mut_slice(frame.bytes.clone());
        for id in [first, 1 - first] {
            // The other picture's rows are closer together.
            let stride = if id == 0 { frame.strides[0] } else { 32 };
            add_meta(&mut buffer, VideoFormat::Rgbx, (8, 6), &[(0, stride)]);
            let added = buffer.iter_meta::<gst_video::VideoMeta>().last().expect("just added");
            let added = added.as_ptr() as *mut gst_video::ffi::GstVideoMeta;
            // SAFETY: nobody else has the buffer, whose meta this is.
            unsafe { (*added).id = id };
        }
        let output = rig(frame.caps()).process(buffer);
        assert_eq!(bytes(&output), frame.expected(&samples()), "{first} comes first");
    }
}

/// A buffer with a memory for each plane, told by a video meta.
fn in_memories(frame: &Frame, make: impl Fn(Vec<u8>) -> gst::Memory) -> gst::Buffer {
    let mut buffer = gst::Buffer::new();
    let mut ends: Vec<usize> = frame.offsets[1..].to_vec();
    ends.push(frame.bytes.len());
    for (&start, end) in frame.offsets.iter().zip(ends) {
        buffer.make_mut().append_memory(make(frame.bytes[start..end].to_vec()));
    }
    let planes: Vec<_> = frame.offsets.iter().copied().zip(frame.strides.iter().copied()).collect();
    let size = (frame.info.width(), frame.info.height());
    add_meta(&mut buffer, frame.info.format(), size, &planes);
    buffer
}

#[test]
fn f124_a_memory_for_each_plane_stays_that_memory() {
    for format in [VideoFormat::I420, VideoFormat::Nv12, VideoFormat::Gbr, VideoFormat::P01010le] {
        let frame = Frame::new(format, 40, 32, Shape::Stride { padding: 3 }, noise(2));
        let frame = Frame { meta: false, ..frame };
        let expected = frame.expected(&samples());
        let buffer = in_memories(&frame, gst::Memory::from_mut_slice);
        let addresses = |buffer: &gst::BufferRef| -> Vec<*const gst::ffi::GstMemory> {
            buffer.iter_memories().map(|memory| memory.as_ptr()).collect()
        };
        let before = addresses(&buffer);
        let output = rig(frame.caps()).process(buffer);
        assert_eq!(addresses(&output), before, "{format:?}");
        assert!(bytes(&output) == expected, "{format:?}");

        // Read-only ones and shared ones are copied, each by itself.
        let read_only = in_memories(&frame, gst::Memory::from_slice);
        let kept = read_only.clone();
        let output = rig(frame.caps()).process(read_only);
        assert_eq!(output.n_memory(), before.len());
        assert!(bytes(&output) == expected && bytes(&kept) == frame.bytes, "{format:?}");
        let shared = in_memories(&frame, gst::Memory::from_mut_slice);
        let kept = shared.clone();
        let output = rig(frame.caps()).process(shared);
        assert_eq!(output.n_memory(), before.len());
        assert!(bytes(&output) == expected && bytes(&kept) == frame.bytes, "{format:?}");
    }
}

#[test]
fn f18_planes_may_come_in_another_order_but_not_overlap() {
    let mut swapped = frame(VideoFormat::Gbr, 8, 6);
    swapped.offsets = vec![96, 0, 48];
    swapped.meta = true;
    let output = rig(swapped.caps()).process(swapped.buffer());
    assert_eq!(bytes(&output), swapped.expected(&samples()));

    for planes in [[(0, 8), (0, 8), (0, 8)], [(0, 8), (47, 8), (96, 8)], [(96, 8), (0, 8), (50, 8)]]
    {
        let mut buffer = frame(VideoFormat::Gbr, 8, 6).buffer();
        add_meta(&mut buffer, VideoFormat::Gbr, (8, 6), &planes);
        refused(swapped.caps(), buffer, " overlap. ");
    }
}

#[test]
fn f19_two_memories_split_inside_a_row_are_processed() {
    for format in [VideoFormat::Rgb, VideoFormat::Gbr, VideoFormat::Nv12, VideoFormat::P01010le] {
        let frame = frame(format, 7, 6);
        for split in [1, 10, 50, frame.bytes.len() - 1] {
            let mut buffer = gst::Buffer::new();
            let (front, back) = frame.bytes.split_at(split);
            for part in [front, back] {
                buffer.make_mut().append_memory(gst::Memory::from_mut_slice(part.to_vec()));
            }
            let output = rig(frame.caps()).process(buffer);
            assert_eq!(bytes(&output), frame.expected(&samples()));
        }
    }
}

#[test]
fn f20_read_only_memory_is_copied_and_the_original_unchanged() {
    let frame = frame(VideoFormat::Rgb, 7, 6);
    let memory = gst::Memory::from_slice(frame.bytes.clone());
    let kept = memory.clone();
    let mut buffer = gst::Buffer::new();
    buffer.make_mut().append_memory(memory);
    let output = rig(frame.caps()).process(buffer);
    assert_eq!(bytes(&output), frame.expected(&samples()));
    assert_eq!(kept.map_readable().expect("readable").to_vec(), frame.bytes);
}

/// In Python, which has memory that is a file descriptor; that of a pipe can't be mapped.
#[test]
fn memory_that_cannot_be_mapped_is_an_error() {
    const PROGRAM: &str = "
import os
import sys
import gi
gi.require_version('Gst', '1.0')
gi.require_version('GstAllocators', '1.0')
from gi.repository import Gst, GstAllocators
Gst.init(None)
pipeline = Gst.parse_launch(
    'appsrc name=source caps=video/x-raw,format=GRAY8,width=8,height=8,framerate=1/1 ! '
    'histomatch name=filter ! fakesink')
pipeline.get_by_name('filter').set_property('reference-location', sys.argv[1])
allocator = GstAllocators.FdAllocator.new()
memory = GstAllocators.FdAllocator.alloc(
    allocator, os.pipe()[0], 64, GstAllocators.FdMemoryFlags.NONE)
buffer = Gst.Buffer.new()
buffer.append_memory(memory)
pipeline.set_state(Gst.State.PLAYING)
pipeline.get_by_name('source').emit('push-buffer', buffer)
message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.ERROR)
print(message.src.get_name(), message.parse_error()[0].message)
pipeline.set_state(Gst.State.NULL)
";
    let mut python = python();
    python.args(["-c", PROGRAM]).arg(reference());
    let output = run(&mut python, "/".as_ref());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "filter A frame's buffer doesn't hold the frame that was negotiated: its memory can't be \
         mapped for reading and writing. The element upstream that made the buffer is at fault: \
         update or replace it.",
        "{}",
        text(&output)
    );
}

#[test]
fn f21_the_other_branch_of_a_tee_is_unchanged() {
    common::init();
    let frame = frame(VideoFormat::Rgbx, 8, 6);
    let pipeline = gst::parse::launch(
        "appsrc name=in format=time ! tee name=t \
         t. ! queue ! histomatch name=h qos=false ! appsink name=matched sync=false \
         t. ! queue ! appsink name=plain sync=false",
    )
    .expect("the pipeline parses")
    .downcast::<gst::Pipeline>()
    .expect("a pipeline");
    let by_name = |name| pipeline.by_name(name).expect("an element of the pipeline");
    by_name("h").set_property("reference-location", reference());
    let source = by_name("in").downcast::<gst_app::AppSrc>().expect("an appsrc");
    let sinks = ["matched", "plain"]
        .map(|name| by_name(name).downcast::<gst_app::AppSink>().expect("an appsink"));
    source.set_caps(Some(&frame.caps()));
    pipeline.set_state(gst::State::Playing).expect("it plays");
    for _ in 0..20 {
        source.push_buffer(frame.buffer()).expect("it is taken");
        let [matched, plain] = sinks.each_ref().map(|sink| {
            let sample = sink.pull_sample().expect("a frame comes out");
            bytes(&sample.buffer_owned().expect("with a buffer"))
        });
        assert_eq!(plain, frame.bytes);
        assert_eq!(matched, frame.expected(&samples()));
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
}
