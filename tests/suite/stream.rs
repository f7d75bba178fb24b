//! Promise: to the elements around it, it is a video filter like any other: events, queries, flows
//! and metas go through, in order, in whatever order they come.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use crate::common::frames::{Frame, Shape, noise};
use crate::common::oracle::Picture;
use crate::common::{
    self, Complaint, Rig, big_picture, bytes, count_of_reads, matched_inside, media,
};
use gst::prelude::*;
use gst_video::VideoFormat;
use gst_video::prelude::*;
use gsthistomatch::frame::Area;
use temp_dir::TempDir;

fn frame() -> Frame {
    Frame::new(VideoFormat::Rgbx, 16, 9, Shape::Default, noise(5))
}

fn expected() -> Vec<u8> {
    frame().expected(&Picture::of(&media("coffee.png")))
}

/// A rig with a reference that has seen the caps of [`frame`].
fn rig() -> Rig {
    let mut rig = Rig::new(Some(&media("coffee.png")));
    rig.harness.set_src_caps(frame().caps());
    rig
}

fn pad(rig: &Rig, name: &str) -> gst::Pad {
    rig.element.static_pad(name).expect("it has the pad")
}

/// What leaves the element from now on, in order.
fn departures(rig: &Rig) -> Arc<Mutex<Vec<String>>> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = log.clone();
    let kinds = gst::PadProbeType::DATA_DOWNSTREAM | gst::PadProbeType::EVENT_FLUSH;
    pad(rig, "src")
        .add_probe(kinds, move |_, info| {
            let entry = match &info.data {
                Some(gst::PadProbeData::Event(event)) => event.type_().name().to_string(),
                _ => "buffer".to_string(),
            };
            writer.lock().expect("no panic").push(entry);
            gst::PadProbeReturn::Ok
        })
        .expect("the probe is added");
    log
}

/// A structure that only this test knows.
fn unknown() -> gst::Structure {
    gst::Structure::builder("unknown").field("number", 7).build()
}

#[test]
fn f32_events_keep_their_place_among_the_buffers() {
    let mut rig = rig();
    let log = departures(&rig);
    let gap = gst::event::Gap::builder(gst::ClockTime::SECOND).build();
    let tags = gst::event::Tag::new(gst::TagList::new());
    rig.process(frame().buffer());
    assert!(rig.harness.push_event(gap));
    rig.process(frame().buffer());
    assert!(rig.harness.push_event(gst::event::CustomDownstream::new(unknown())));
    assert!(rig.harness.push_event(gst::event::CustomDownstreamSticky::new(unknown())));
    assert!(rig.harness.push_event(tags));
    rig.process(frame().buffer());
    assert!(rig.harness.push_event(gst::event::Eos::new()));
    let log = log.lock().expect("no panic");
    // What sticks to the pad goes first.
    let behind_sticky = log.iter().skip_while(|entry| *entry != "buffer");
    assert_eq!(
        behind_sticky.collect::<Vec<_>>(),
        [
            "buffer",
            "gap",
            "buffer",
            "custom-downstream",
            "custom-downstream-sticky",
            "tag",
            "buffer",
            "eos"
        ]
    );
}

#[test]
fn unknown_events_go_upstream() {
    let mut rig = rig();
    assert!(rig.harness.push_upstream_event(gst::event::CustomUpstream::new(unknown())));
    let navigation = gst::event::Navigation::new(unknown());
    assert!(rig.harness.push_upstream_event(navigation));
    let came = std::iter::from_fn(|| rig.harness.try_pull_upstream_event());
    let structures = came.filter_map(|event| event.structure().map(|s| s.to_owned()));
    let unknowns = structures.filter(|structure| structure.name() == "unknown");
    assert_eq!(unknowns.map(|s| s.get::<i32>("number")).collect::<Vec<_>>(), [Ok(7), Ok(7)]);
}

#[test]
fn unknown_queries_go_through_and_back() {
    let rig = rig();
    let outer = [rig.harness.sinkpad(), rig.harness.srcpad()].map(|pad| pad.expect("it has both"));
    for asked in &outer {
        asked
            .add_probe(gst::PadProbeType::QUERY_BOTH | gst::PadProbeType::PUSH, |_, info| {
                let Some(query) = info.query_mut() else { return gst::PadProbeReturn::Ok };
                let gst::QueryViewMut::Custom(custom) = query.view_mut() else {
                    return gst::PadProbeReturn::Ok;
                };
                custom.structure_mut().set("answer", 42);
                gst::PadProbeReturn::Handled
            })
            .expect("the probe is added");
    }
    for asking in ["sink", "src"].map(|name| pad(&rig, name)) {
        let mut query = gst::query::Custom::new(unknown());
        assert!(asking.query(query.query_mut()), "{}", asking.name());
        let answer = query.structure().expect("a custom query has one").get::<i32>("answer");
        assert_eq!(answer, Ok(42), "{}", asking.name());
    }
}

#[test]
fn f37_caps_and_reference_change_together() {
    let pictures = ["coffee.png", "chelsea.png"].map(|name| {
        let file = media(name);
        let samples = Picture::of(&file);
        (file, samples)
    });
    let formats = [VideoFormat::Rgb, VideoFormat::I420, VideoFormat::Gray8, VideoFormat::P01010le];
    let mut rig = rig();
    for n in 0..16 {
        let frame = Frame::new(formats[n % 4], 9 + n as u32, 7, Shape::Default, noise(n as u32));
        let (file, samples) = &pictures[n / 2 % 2];
        // Either may come first.
        if n % 3 == 0 {
            rig.harness.set_src_caps(frame.caps());
            rig.element.set_property("reference-location", file);
        } else {
            rig.element.set_property("reference-location", file);
            rig.harness.set_src_caps(frame.caps());
        }
        assert!(bytes(&rig.process(frame.buffer())) == frame.expected(samples), "{n}");
    }
}

/// Does something while another thread reads a large picture, and shows that it didn't wait.
fn while_a_reference_loads(rig: &mut Rig, act: impl FnOnce(&mut Rig)) {
    let folder = TempDir::new().expect("a temporary folder");
    let large = big_picture(folder.path());
    let (element, reads) = (rig.element.clone(), count_of_reads(&rig.element));
    let (begins, begun) = std::sync::mpsc::channel();
    let loading = std::thread::spawn(move || {
        begins.send(()).expect("the test waits");
        element.set_property("reference-location", &large);
    });
    begun.recv().expect("it begins");
    std::thread::sleep(std::time::Duration::from_millis(50));
    act(rig);
    // The setter may have come back: it need not read what nobody wants any more.
    assert_eq!(reads.load(Ordering::SeqCst), 0, "it waited for the picture");
    loading.join().expect("no panic");
    assert_eq!(rig.complaints(), []);
}

#[test]
fn f40_a_flush_does_not_wait_for_a_reference_that_loads() {
    let mut rig = rig();
    while_a_reference_loads(&mut rig, |rig| {
        assert!(rig.harness.push_event(gst::event::FlushStart::new()));
        assert!(rig.harness.push_event(gst::event::FlushStop::new(true)));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(rig.harness.push_event(gst::event::Segment::new(&segment)));
        assert_eq!(bytes(&rig.process(frame().buffer())), expected(), "by the old reference");
    });
}

#[test]
fn f68_stopping_does_not_wait_for_a_reference_that_loads() {
    let mut rig = rig();
    while_a_reference_loads(&mut rig, |rig| {
        rig.element.set_state(gst::State::Null).expect("it stops");
    });
}

#[test]
fn f41_behind_the_end_of_the_stream_nothing_passes_until_a_flush() {
    let mut rig = rig();
    rig.process(frame().buffer());
    assert!(rig.harness.push_event(gst::event::Eos::new()));
    assert_eq!(rig.harness.push(frame().buffer()), Err(gst::FlowError::Eos));
    assert_eq!(rig.complaints(), []);
    rig.harness.push_event(gst::event::FlushStart::new());
    rig.harness.push_event(gst::event::FlushStop::new(true));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    rig.harness.push_event(gst::event::Segment::new(&segment));
    assert_eq!(bytes(&rig.process(frame().buffer())), expected());
}

#[test]
fn f42_a_stream_may_end_before_it_begins() {
    for with_caps in [false, true] {
        let mut rig = if with_caps { rig() } else { Rig::new(Some(&media("coffee.png"))) };
        let log = departures(&rig);
        assert!(rig.harness.push_event(gst::event::Eos::new()));
        assert_eq!(log.lock().expect("no panic").last().map(String::as_str), Some("eos"));
        assert_eq!(rig.complaints(), []);
    }
}

#[test]
fn f49_views_in_one_frame_are_one_picture_and_views_in_frames_are_frames() {
    let samples = Picture::of(&media("coffee.png"));
    let frame = Frame::new(VideoFormat::I420, 16, 10, Shape::Default, noise(5));
    for mode in ["mono", "side-by-side", "top-bottom", "frame-by-frame"] {
        let mut caps = frame.caps();
        let views = if mode == "frame-by-frame" { 2 } else { 1 };
        let structure = caps.make_mut().structure_mut(0).expect("it has one");
        structure.set("multiview-mode", mode);
        structure.set("views", views);
        let mut rig = Rig::new(Some(&media("coffee.png")));
        rig.harness.set_src_caps(caps);
        assert!(bytes(&rig.process(frame.buffer())) == frame.expected(&samples), "{mode}");
    }
}

#[test]
fn f49_views_in_memories_of_their_own_are_refused() {
    let mut caps = frame().caps();
    let structure = caps.make_mut().structure_mut(0).expect("it has one");
    structure.set("multiview-mode", "separated");
    structure.set("views", 2);
    let mut rig = Rig::new(Some(&media("coffee.png")));
    rig.harness.set_src_caps(caps);
    assert!(rig.harness.push(frame().buffer()).is_err());
    let mut complaints = rig.complaints();
    // The harness offers them again.
    complaints.dedup();
    let [Complaint::Error(text)] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(
        text.contains(
            "Frames with two or more views, each in memory of its own, can't be matched. "
        ) && text.contains("Put 'glupload ! glviewconvert ! gldownload' in front of it"),
        "{text}"
    );
}

/// Caps with an interlace mode, and the feature that one of them needs.
fn interlaced(caps: gst::Caps, mode: &str) -> gst::Caps {
    let mut caps = caps;
    let caps_mut = caps.make_mut();
    caps_mut.structure_mut(0).expect("it has one").set("interlace-mode", mode);
    if mode == "alternate" {
        caps_mut.set_features(0, Some(gst::CapsFeatures::new(["format:Interlaced"])));
    }
    caps
}

/// A field is a picture of half of the rows that the caps say, or one more.
#[test]
fn f122_fields_in_buffers_of_their_own_are_matched_one_by_one() {
    let samples = Picture::of(&media("coffee.png"));
    for format in [VideoFormat::Rgbx, VideoFormat::I420, VideoFormat::Yuy2, VideoFormat::P01010le] {
        for (rows_of_frame, rows) in [(18, 9), (17, 9), (20, 10)] {
            let whole = Frame::new(format, 16, rows_of_frame, Shape::Default, || 0);
            for shape in [Shape::Default, Shape::OffsetShortLastRow] {
                let field = Frame::new(format, 16, rows, shape, noise(5));
                let mut rig = Rig::new(Some(&media("coffee.png")));
                rig.harness.set_src_caps(interlaced(whole.caps(), "alternate"));
                for flag in [
                    gst_video::VideoBufferFlags::TOP_FIELD,
                    gst_video::VideoBufferFlags::BOTTOM_FIELD,
                ] {
                    let mut buffer = field.buffer();
                    buffer.make_mut().set_video_flags(flag);
                    let output = rig.process(buffer);
                    assert!(bytes(&output) == field.expected(&samples), "{format:?} {rows}");
                    assert!(output.video_flags().contains(flag));
                }
            }
        }
    }
}

/// Two of them last as long as a frame.
#[test]
fn f122_fields_without_times_are_smoothed_as_those_with_times() {
    let whole = Frame::new(VideoFormat::Gray8, 16, 18, Shape::Default, || 0);
    let shown = |has_times: bool| -> Vec<Vec<u8>> {
        let mut rig = Rig::new(Some(&media("coffee.png")));
        for (name, value) in
            [("smoothing", "1000000000"), ("scene-threshold", "0"), ("flat-frames", "match")]
        {
            rig.element.set_property_from_str(name, value);
        }
        let mut caps = interlaced(whole.caps(), "alternate");
        caps.make_mut().set("framerate", gst::Fraction::new(25, 1));
        rig.harness.set_src_caps(caps);
        (0..20u64)
            .map(|number| {
                let level = if number < 5 { 1 } else { 2 };
                let mut samples = noise(5);
                let field =
                    Frame::new(VideoFormat::Gray8, 16, 9, Shape::Default, || samples() / level);
                let mut buffer = field.buffer();
                let time = gst::ClockTime::from_mseconds(20 * number);
                buffer.make_mut().set_pts(has_times.then_some(time));
                bytes(&rig.process(buffer))
            })
            .collect()
    };
    assert!(shown(true) == shown(false));
}

#[test]
fn f122_fields_are_matched_between_elements_that_make_and_join_them() {
    let [samples] = common::video::play(
        "videotestsrc num-buffers=10 ! video/x-raw,format=I420,width=64,height=48,framerate=50/1 ! \
         interlace field-pattern=1:1 ! \
         video/x-raw(format:Interlaced),interlace-mode=alternate,framerate=25/1 ! \
         histomatch qos=false ! appsink name=out",
        ["out"],
    );
    assert!(!samples.is_empty());
}

#[test]
fn f122_fields_that_share_a_buffer_are_refused() {
    let mut rig = Rig::new(Some(&media("coffee.png")));
    rig.harness.set_src_caps(interlaced(frame().caps(), "fields"));
    assert!(rig.harness.push(frame().buffer()).is_err());
    let mut complaints = rig.complaints();
    complaints.dedup();
    let [Complaint::Error(text)] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(
        text.contains("interlace-mode=fields") && text.contains("Put 'deinterlace' in front of it"),
        "{text}"
    );
}

#[test]
fn f51_what_downstream_says_is_said_upstream() {
    common::init();
    use gst::FlowError::{CustomError, Eos, Error, Flushing, NotLinked, NotNegotiated};
    for flow in [
        Ok(gst::FlowSuccess::Ok),
        Err(Flushing),
        Err(Eos),
        Err(NotLinked),
        Err(NotNegotiated),
        Err(Error),
        Err(CustomError),
    ] {
        let (element, bus) = common::element(Some(&media("coffee.png")));
        let source = gst::Pad::builder(gst::PadDirection::Src).name("source").build();
        let sink = gst::Pad::builder(gst::PadDirection::Sink)
            .name("sink")
            .chain_function(move |_, _, _| flow)
            .event_function(|_, _, _| true)
            .build();
        source.link(&element.static_pad("sink").expect("it has one")).expect("linked");
        element.static_pad("src").expect("it has one").link(&sink).expect("linked");
        sink.set_active(true).expect("active");
        element.set_state(gst::State::Playing).expect("it plays");
        source.set_active(true).expect("active");
        assert!(source.push_event(gst::event::StreamStart::new("stream")));
        assert!(source.push_event(gst::event::Caps::new(&frame().caps())));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(source.push_event(gst::event::Segment::new(&segment)));
        assert_eq!(source.push(frame().buffer()), flow);
        // The reason is known to those who gave it.
        assert_eq!(common::complaints(&bus), []);
        element.set_state(gst::State::Null).expect("it stops");
    }
}

#[test]
fn f53_frames_in_a_list_are_matched_one_by_one() {
    let mut rig = rig();
    let mut list = gst::BufferList::new();
    for n in 0..5 {
        let mut buffer = frame().buffer();
        buffer.make_mut().set_pts(gst::ClockTime::from_seconds(n));
        list.get_mut().expect("nobody else has it").add(buffer);
    }
    let source = rig.harness.srcpad().expect("it has one");
    assert_eq!(source.push_list(list), Ok(gst::FlowSuccess::Ok));
    for n in 0..5 {
        let output = rig.harness.pull().expect("it comes out");
        assert_eq!(output.pts(), Some(gst::ClockTime::from_seconds(n)));
        assert_eq!(bytes(&output), expected());
    }
}

#[test]
fn f54_it_adds_no_latency() {
    let mut rig = rig();
    rig.harness.set_live(true);
    for latency in [gst::ClockTime::ZERO, gst::ClockTime::from_mseconds(40)] {
        rig.harness.set_upstream_latency(latency);
        for smoothing in [0u64, 1_000_000_000] {
            rig.element.set_property("smoothing", smoothing);
            rig.process(frame().buffer());
            assert_eq!(rig.harness.query_latency(), Some(latency));
        }
    }
}

#[test]
fn f55_downstream_may_be_linked_anew_while_playing() {
    common::init();
    let frame = frame();
    let pipeline = gst::parse::launch(
        "appsrc name=in format=time ! histomatch name=h qos=false \
         appsink name=first sync=false appsink name=second sync=false",
    )
    .expect("the pipeline parses")
    .downcast::<gst::Pipeline>()
    .expect("a pipeline");
    let by_name = |name| pipeline.by_name(name).expect("an element of the pipeline");
    let filter = by_name("h");
    filter.set_property("reference-location", media("coffee.png"));
    let source = by_name("in").downcast::<gst_app::AppSrc>().expect("an appsrc");
    source.set_caps(Some(&frame.caps()));
    let sinks = ["first", "second"].map(by_name);
    // The one that isn't linked waits for ever.
    sinks.iter().for_each(|sink| sink.set_property("async", false));
    filter.link(&sinks[0]).expect("linked");
    pipeline.set_state(gst::State::Playing).expect("it plays");
    for turn in 0..20 {
        let sink = sinks[turn % 2].downcast_ref::<gst_app::AppSink>().expect("an appsink");
        for _ in 0..3 {
            source.push_buffer(frame.buffer()).expect("it is taken");
            let sample = sink.try_pull_sample(gst::ClockTime::from_seconds(120));
            let buffer = sample.expect("it comes").buffer_owned().expect("with a buffer");
            assert_eq!(bytes(&buffer), expected());
        }
        let (done, wait) = std::sync::mpsc::channel();
        let (old, new) = (sinks[turn % 2].clone(), sinks[(turn + 1) % 2].clone());
        let (again, done) = (filter.clone(), Mutex::new(done));
        let relink = move |_: &gst::Pad, _: &mut gst::PadProbeInfo| {
            again.unlink(&old);
            again.link(&new).expect("linked");
            done.lock().expect("no panic").send(()).expect("the test waits");
            gst::PadProbeReturn::Remove
        };
        filter.static_pad("src").expect("it has one").add_probe(gst::PadProbeType::IDLE, relink);
        wait.recv().expect("it is done");
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
}

#[test]
fn f56_metas_are_kept_in_shared_buffers_too() {
    let region = gst_video::VideoRegionOfInterestMeta::add;
    let mut buffer = frame().buffer();
    {
        let buffer = buffer.make_mut();
        region(buffer, "face", (1, 2, 3, 4));
        region(buffer, "hand", (5, 6, 7, 8));
        let timecode = gst_video::VideoTimeCode::new(
            gst::Fraction::new(25, 1),
            None,
            gst_video::VideoTimeCodeFlags::empty(),
            1,
            2,
            3,
            4,
            0,
        );
        let timecode = gst_video::ValidVideoTimeCode::try_from(timecode).expect("valid");
        gst_video::VideoTimeCodeMeta::add(buffer, &timecode);
        let captions = gst_video::VideoCaptionType::Cea708Raw;
        gst_video::VideoCaptionMeta::add(buffer, captions, &[1, 2, 3]);
        let crop = gst_video::VideoCropMeta::add(buffer, (1, 2, 3, 4));
        assert_eq!(crop.rect(), (1, 2, 3, 4));
    }
    let shown = Area { left: 1, top: 2, width: 3, height: 4 };
    let expected = matched_inside(&frame(), &media("coffee.png"), shown);
    for is_shared in [false, true] {
        let pushed = buffer.copy();
        let kept = is_shared.then(|| pushed.clone());
        let output = rig().process(pushed);
        assert_eq!(bytes(&output), expected);
        if let Some(kept) = kept {
            assert_eq!(bytes(&kept), frame().bytes, "who shares it keeps what it was");
        }
        let regions = output.iter_meta::<gst_video::VideoRegionOfInterestMeta>();
        let regions: Vec<_> = regions.map(|meta| meta.rect()).collect();
        assert_eq!(regions, [(1, 2, 3, 4), (5, 6, 7, 8)]);
        let timecode = output.meta::<gst_video::VideoTimeCodeMeta>().expect("it is kept");
        assert_eq!(timecode.tc().to_string(), "01:02:03:04");
        let captions = output.meta::<gst_video::VideoCaptionMeta>().expect("they are kept");
        assert_eq!(captions.data(), [1, 2, 3]);
        let crop = output.meta::<gst_video::VideoCropMeta>().expect("it is kept");
        assert_eq!(crop.rect(), (1, 2, 3, 4));
    }
}

const OVERLAY: &str = "meta:GstVideoOverlayComposition";

/// A white rectangle with a hole, over a frame.
fn overlay() -> gst_video::VideoOverlayComposition {
    let mut white = gst::Buffer::from_mut_slice([[255u8; 4], [0; 4], [255; 4], [255; 4]].concat());
    let flags = gst_video::VideoFrameFlags::empty();
    let white_mut = white.get_mut().expect("nobody else has it");
    gst_video::VideoMeta::add(white_mut, flags, VideoFormat::Bgra, 2, 2).expect("it fits");
    let flags = gst_video::VideoOverlayFormatFlags::empty();
    let rectangle = gst_video::VideoOverlayRectangle::new_raw(&white, 1, 2, 6, 4, flags);
    gst_video::VideoOverlayComposition::new([&rectangle]).expect("it is one")
}

/// The pixels of what lies over a frame.
fn overlays(buffer: &gst::BufferRef) -> Vec<Vec<u8>> {
    let metas = buffer.iter_meta::<gst_video::VideoOverlayCompositionMeta>();
    let pixels = |rectangle: gst_video::VideoOverlayRectangle| {
        bytes(&rectangle.pixels_unscaled_raw(gst_video::VideoOverlayFormatFlags::empty()))
    };
    metas.flat_map(|meta| meta.overlay().iter().map(pixels).collect::<Vec<_>>()).collect()
}

/// With every set of features that there is for them; the frame alone is matched, or nothing.
#[test]
fn f152_overlays_pass_beside_the_frame() {
    common::init();
    let over = overlay();
    for features in [
        &["memory:SystemMemory", OVERLAY][..],
        &[OVERLAY],
        &["format:Interlaced", OVERLAY],
        // Whoever made the caps may not have thought of it.
        &[],
    ] {
        for (reference, strength) in [(true, 1.), (true, 0.), (false, 1.)] {
            for is_shared in [false, true] {
                let coffee = media("coffee.png");
                let mut rig = Rig::new(reference.then_some(coffee.as_path()));
                rig.element.set_property("strength", strength);
                let is_field = features.contains(&"format:Interlaced");
                let whole = Frame::new(VideoFormat::Rgbx, 16, 18, Shape::Default, || 0);
                let mut caps = if is_field { whole.caps() } else { frame().caps() };
                if !features.is_empty() {
                    let features = gst::CapsFeatures::new(features.iter().copied());
                    caps.make_mut().set_features(0, Some(features));
                }
                if is_field {
                    caps.make_mut().set("interlace-mode", "alternate");
                }
                rig.harness.set_src_caps(caps.clone());
                let mut buffer = frame().buffer();
                gst_video::VideoOverlayCompositionMeta::add(buffer.make_mut(), &over);
                let kept = is_shared.then(|| buffer.clone());
                let output = rig.process(buffer);
                let is_matched = reference && strength == 1.;
                let wanted = if is_matched { expected() } else { frame().bytes };
                assert_eq!(bytes(&output), wanted, "{features:?}");
                let meta = output.meta::<gst_video::VideoOverlayCompositionMeta>();
                assert_eq!(meta.expect("it is kept").overlay().as_ptr(), over.as_ptr());
                assert_eq!(pad(&rig, "src").current_caps(), Some(caps));
                drop(kept);
            }
        }
    }
}

/// A subtitle over frames: what comes out of a pipeline in front of a sink that draws overlays, or of
/// one that doesn't.
fn with_text(pipeline: &str, draws: bool) -> gst::Buffer {
    let mut harness = gst_check::Harness::new_parse(pipeline);
    let size = "format=RGBx,width=160,height=90,framerate=25/1";
    if draws {
        harness.set_sink_caps_str(&format!("video/x-raw(memory:SystemMemory,{OVERLAY}),{size}"));
        let api = gst_video::VideoOverlayCompositionMeta::meta_api();
        harness.add_propose_allocation_meta(api, None);
    } else {
        harness.set_sink_caps_str(&format!("video/x-raw,{size}"));
    }
    let frame = Frame::new(VideoFormat::Rgbx, 160, 90, Shape::Default, noise(5));
    harness.set_src_caps_str(&format!("video/x-raw,{size}"));
    let mut buffer = gst::Buffer::from_mut_slice(frame.bytes);
    let buffer_mut = buffer.get_mut().expect("nobody else has it");
    buffer_mut.set_pts(gst::ClockTime::ZERO);
    buffer_mut.set_duration(gst::ClockTime::from_mseconds(40));
    harness.push_and_pull(buffer).expect("it comes out")
}

#[test]
fn f152_text_is_not_matched_where_the_sink_draws_it() {
    common::init();
    if common::programs::skipped(&[], &["textoverlay"]) {
        return;
    }
    let text = "textoverlay text=Words shaded-background=true";
    let coffee = media("coffee.png");
    let matched = format!(
        "{text} ! histomatch qos=false flat-frames=match reference-location={}",
        common::video::quoted(&coffee)
    );
    let samples = Picture::of(&coffee);
    let expected = |buffer: &gst::BufferRef| {
        let mut frame = Frame::new(VideoFormat::Rgbx, 160, 90, Shape::Default, || 0);
        frame.bytes = buffer.map_readable().expect("it can be read").to_vec();
        frame.expected(&samples)
    };
    let plain = Frame::new(VideoFormat::Rgbx, 160, 90, Shape::Default, noise(5)).bytes;
    for draws in [true, false] {
        let [without, with] = [text, &matched].map(|pipeline| with_text(pipeline, draws));
        assert_eq!(bytes(&without) == plain, draws);
        assert_eq!(overlays(&without).is_empty(), !draws);
        assert!(bytes(&with) == expected(&without));
        assert_eq!(overlays(&with), overlays(&without));
    }
}

/// Asks what upstream asks before it allocates buffers; gives whether it may lay them out as it
/// likes, by video metas.
fn may_have_video_meta(rig: &Rig, caps: Option<&gst::Caps>) -> Option<bool> {
    let mut query = gst::query::Allocation::new(caps, true);
    let source = rig.harness.srcpad().expect("it has one");
    source
        .peer_query(query.query_mut())
        .then(|| query.find_allocation_meta::<gst_video::VideoMeta>().is_some())
}

#[test]
fn f57_upstream_may_lay_out_frames_as_downstream_understands_them() {
    let caps = frame().caps();
    for is_understood in [false, true] {
        for reference in [None, Some(media("coffee.png"))] {
            let mut rig = Rig::new(reference.as_deref());
            if is_understood {
                let api = gst_video::VideoMeta::meta_api();
                rig.harness.add_propose_allocation_meta(api, None);
            }
            // Before there are caps, and with none.
            may_have_video_meta(&rig, Some(&caps));
            assert_ne!(may_have_video_meta(&rig, None), Some(true));
            rig.harness.set_src_caps(caps.clone());
            rig.process(frame().buffer());
            assert_eq!(
                may_have_video_meta(&rig, Some(&caps)).unwrap_or_default(),
                is_understood,
                "with a reference: {}",
                reference.is_some()
            );
        }
    }
}
