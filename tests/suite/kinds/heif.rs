//! HEIC and AVIF, as libheif's programs write and read them.

use super::*;

impl Workshop {
    /// A HEIC or an AVIF of a file, by `heif-enc`.
    #[track_caller]
    fn heif(&self, arguments: &[&str], picture: &str) -> Vec<u8> {
        let arguments = [arguments, &[picture, "-o", "OUT"]].concat();
        let path = self.made("libheif-examples", "heif-enc", &arguments, "made.heif");
        fs::read(path.unwrap_or_else(|| panic!("{arguments:?}"))).expect("it can be read")
    }

    /// What `heif-convert` makes of it, if it does.
    fn converted(&self, heif: &[u8]) -> Option<DynamicImage> {
        let heif = self.write("oracle.heif", heif);
        let png = self.made("libheif-examples", "heif-convert", &[&heif, "OUT"], "oracle.png")?;
        Some(image::open(png).expect("a picture"))
    }
}

const CODECS: [&[&str]; 2] = [&["--hevc"], &["--avif"]];

/// For errors that go on in libheif's words.
#[track_caller]
fn assert_refused(file: &[u8], start: &str) {
    let error = Reference::decode(file).expect_err("it is not read").to_string();
    assert!(error.starts_with(start), "{error}");
}

/// The content of the first box of a kind, to be changed.
fn first_box<'a>(file: &'a mut [u8], kind: &[u8; 4]) -> &'a mut [u8] {
    let at = file.windows(4).position(|bytes| bytes == kind).expect("such a box");
    &mut file[at + 4..]
}

#[test]
fn heif_of_every_kind() {
    let workshop = Workshop::new();
    for (n, source) in kinds_of_samples(97, 66).into_iter().enumerate() {
        let png = workshop.png(&source);
        for codec in CODECS {
            let is_deep = source.color().bytes_per_pixel() / source.color().channel_count() == 2;
            let has_alpha = source.color().has_alpha();
            for (how, most) in [(&["--lossless"][..], 0), (&["-q", "90"], 9000)] {
                let what = format!("{n}: {:?} {codec:?} {how:?}", source.color());
                let heif = workshop.heif(&[codec, how].concat(), &png);
                let read = picture(&heif, &what);
                assert_eq!(read.color().has_alpha(), has_alpha, "{what}");
                assert_eq!(
                    is_deep,
                    matches!(read.color(), image::ColorType::Rgb16 | image::ColorType::Rgba16),
                    "{what}"
                );
                let converted = workshop.converted(&heif).expect("it is right");
                let far = |other: &DynamicImage| {
                    let alike = DynamicImage::from(other.to_rgba16());
                    furthest(&read.to_rgba16().into(), &alike, &what)
                };
                // Of 16 bits, 10 are kept.
                let step = if is_deep { 64 } else { 0 };
                // Of grey with alpha in 16 bits, heif-enc makes something else.
                if source.color() != image::ColorType::La16 {
                    assert!(far(&source) <= most + step, "{what}: {}", far(&source));
                }
                assert!(far(&converted) <= step, "{what}: {}", far(&converted));
            }
        }
    }
}

#[test]
fn heif_without_a_decoder() {
    let folder = TempDir::new().expect("a folder can be made");
    let mut child = alone(module_path!(), "child_without_decoders");
    let child = child.arg("--ignored").env("LIBHEIF_PLUGIN_PATH", folder.path());
    let output = child.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "run by another, in a process of its own"]
fn child_without_decoders() {
    let workshop = Workshop::new();
    let png = workshop.png(&soft(64, 48).into());
    let path = std::env::var_os("LIBHEIF_PLUGIN_PATH").expect("it is set");
    // `heif-enc` has them.
    // SAFETY: nothing else runs in this process.
    unsafe { std::env::remove_var("LIBHEIF_PLUGIN_PATH") };
    let files = CODECS.map(|codec| workshop.heif(codec, &png));
    // SAFETY: the same.
    unsafe { std::env::set_var("LIBHEIF_PLUGIN_PATH", path) };
    for (file, what) in files.iter().zip([
        "HEIC, for which libheif's decoder 'libde265' is missing, in Debian's package \
         libheif-plugin-libde265)",
        "AVIF, for which libheif's decoder 'aom' is missing, in Debian's package \
         libheif-plugin-aomdec)",
    ]) {
        assert_unsupported(file, what);
    }
}

#[test]
fn heif_of_10_and_12_bits() {
    let workshop = Workshop::new();
    let mut random = noise(156);
    let deep = ImageBuffer::from_fn(64, 48, |_, _| {
        Rgb([(); 3].map(|()| u16::from_be_bytes([random(), random()])))
    });
    let png = workshop.png(&deep.clone().into());
    for codec in CODECS {
        for bits in [10, 12] {
            let what = format!("{codec:?}, {bits} bits");
            let bit_depth = bits.to_string();
            let heif = workshop.heif(&[codec, &["--lossless", "-b", &bit_depth]].concat(), &png);
            let read = picture(&heif, &what);
            let read = read.as_rgb16().unwrap_or_else(|| panic!("{what}: {:?}", read.color()));
            let largest = (1_u64 << bits) - 1;
            for (read, source) in read.iter().zip(deep.iter()) {
                let stored = u64::from(source >> (16 - bits));
                assert_eq!(u64::from(*read), (stored * 65535 + largest / 2) / largest, "{what}");
            }
        }
    }
}

#[test]
fn heif_that_is_turned_and_mirrored() {
    let workshop = Workshop::new();
    let source = DynamicImage::from(soft(40, 24));
    let png = workshop.png(&source);
    for codec in CODECS {
        for (how, expected) in [
            (&["--rotate-cw", "90"][..], source.rotate90()),
            (&["--rotate-cw", "180"], source.rotate180()),
            (&["--rotate-cw", "270"], source.rotate270()),
            (&["--flip-h"], source.fliph()),
            (&["--flip-v"], source.flipv()),
        ] {
            let heif = workshop.heif(&[codec, &["--lossless"], how].concat(), &png);
            assert!(picture(&heif, "turned") == expected, "{codec:?} {how:?}");
        }
    }
}

#[test]
fn heif_of_tiles() {
    let workshop = Workshop::new();
    let source = DynamicImage::from(soft(300, 200));
    let png = workshop.png(&source);
    for codec in CODECS {
        let mut heif =
            workshop.heif(&[codec, &["--lossless", "--cut-tiles", "128"]].concat(), &png);
        assert!(picture(&heif, "tiles") == source, "{codec:?}");
        // A grid of two columns less.
        *first_box(&mut heif, b"dimg").first_chunk_mut::<4>().expect("a reference") = [0; 4];
        assert_refused(&heif, "the picture is damaged (");
    }
}

#[test]
fn heif_with_colors_multiplied_by_alpha() {
    let workshop = Workshop::new();
    let source = ImageBuffer::from_fn(64, 48, |x, _| match x {
        0..32 => Rgba([50_u8, 20, 80, 128]),
        _ => Rgba([9, 9, 9, 0]),
    });
    let png = workshop.png(&source.into());
    for codec in CODECS {
        let heif = workshop.heif(&[codec, &["--lossless", "--premultiplied-alpha"]].concat(), &png);
        let read = picture(&heif, "multiplied").to_rgba8();
        assert_eq!(read.get_pixel(3, 3).0, [100, 40, 159, 128], "{codec:?}");
        assert_eq!(read.get_pixel(40, 3).0[3], 0, "{codec:?}");
    }
}

#[test]
fn heif_with_a_kind_of_item_that_is_not_read() {
    let workshop = Workshop::new();
    let png = workshop.png(&soft(64, 48).into());
    let mut heif = workshop.heif(&["--uncompressed"], &png);
    let unsupported = |kind| {
        format!("this kind of picture is not supported (HEIF of the kind '{kind}'); convert it")
    };
    assert_refused(&heif, &unsupported("unci"));
    first_box(&mut heif, b"infe")[8..12].copy_from_slice(b"iovl");
    assert_refused(&heif, &unsupported("iovl"));
    // The compact form has no list of items.
    let mini = workshop.heif(&["--avif", "--mini"], &png);
    assert_refused(&mini, "this kind of picture is not supported (AVIF without a still picture)");
}

#[test]
fn heif_that_is_damaged() {
    let mut child = alone(module_path!(), "child_that_reads_damaged_heif");
    let output = child.arg("--ignored").output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    // Neither libheif nor a decoder prints.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "\nread: 800\n\n");
}

#[test]
#[ignore = "run by another, in a process of its own"]
fn child_that_reads_damaged_heif() {
    let workshop = Workshop::new();
    let source = soft(150, 130);
    let png = workshop.png(&source.into());
    let mut random = noise(157);
    let mut n = 0;
    for codec in CODECS {
        for how in [&["-q", "80"][..], &["-q", "80", "--cut-tiles", "64"]] {
            let file = workshop.heif(&[codec, how].concat(), &png);
            for end in [16, 40, 200, file.len() / 2, file.len() - 100] {
                assert!(decode_picture(&file[..end]).is_err(), "{codec:?} {how:?}: {end}");
            }
            for at_once in [1, 4] {
                for _ in 0..100 {
                    let mut bad = file.clone();
                    for _ in 0..at_once {
                        // Half of them in the headers.
                        let place = usize::from(u16::from_le_bytes([random(), random()]));
                        let end = if random() < 128 { 600 } else { file.len() };
                        bad[place % end.min(file.len())] = random();
                    }
                    drop(Reference::decode(&bad));
                    n += 1;
                }
            }
        }
    }
    eprintln!("\nread: {n}\n");
}
