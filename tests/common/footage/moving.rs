//! Footage in which much moves: pans, zooms and hand-held cameras, objects that cross the picture or hide
//! half of it, dissolves, and shots that are cut to and fro; made from the clip and the three pictures.

use std::f64::consts::TAU;

use image::{Rgb, RgbImage};

use super::{FPS, HEIGHT, WIDTH, cross_faded};

/// A moving picture, and the numbers of the frames that begin a scene, but for the first.
pub struct Footage {
    pub name: String,
    pub frames: Vec<RgbImage>,
    pub cuts: Vec<usize>,
}

impl Footage {
    fn new(name: impl Into<String>, frames: Vec<RgbImage>) -> Self {
        Self { name: name.into(), frames, cuts: Vec::new() }
    }

    /// Shots one after the other.
    fn cut(name: impl Into<String>, shots: Vec<Vec<RgbImage>>) -> Self {
        let mut footage = Self::new(name, Vec::new());
        for shot in shots {
            if !footage.frames.is_empty() {
                footage.cuts.push(footage.frames.len());
            }
            footage.frames.extend(shot);
        }
        footage
    }
}

/// What a camera sees of a picture: the centre and the width as shares of the picture's, and by how
/// much it is turned, in radians.
#[derive(Clone, Copy)]
struct Camera {
    x: f64,
    y: f64,
    width: f64,
    roll: f64,
}

impl Camera {
    fn at(x: f64, y: f64, width: f64) -> Self {
        Self { x, y, width, roll: 0. }
    }

    /// Between two cameras, from 0 to 1.
    fn between(self, to: Self, share: f64) -> Self {
        let mix = |a: f64, b: f64| a + (b - a) * share;
        Self {
            x: mix(self.x, to.x),
            y: mix(self.y, to.y),
            width: mix(self.width, to.width),
            roll: mix(self.roll, to.roll),
        }
    }

    /// In somebody's hands, who sways by such a share of the picture.
    fn held(self, t: usize, sway: f64) -> Self {
        let wave = |hertz: f64, phase: f64| (TAU * (hertz * t as f64 / FPS as f64 + phase)).sin();
        Self {
            x: self.x + sway * (0.6 * wave(0.7, 0.1) + 0.3 * wave(2.3, 0.6) + 0.1 * wave(6.1, 0.3)),
            y: self.y + sway * (0.6 * wave(0.9, 0.4) + 0.3 * wave(2.9, 0.2) + 0.1 * wave(7.3, 0.8)),
            roll: self.roll + 0.3 * sway * wave(0.6, 0.7),
            ..self
        }
    }

    /// What it sees, by linear interpolation. Beyond its edges, a picture is mirrored.
    fn see(self, picture: &RgbImage) -> RgbImage {
        let (width, height) = (picture.width() as f64, picture.height() as f64);
        let scale = self.width * width / f64::from(WIDTH);
        let (sin, cos) = (scale * self.roll.sin(), scale * self.roll.cos());
        let mirrored = |v: i64, n: u32| {
            let n = i64::from(n);
            let v = v.rem_euclid(2 * n);
            v.min(2 * n - 1 - v) as u32
        };
        RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
            let (x, y) =
                (f64::from(x) - f64::from(WIDTH) / 2., f64::from(y) - f64::from(HEIGHT) / 2.);
            let (x, y) = (self.x * width + cos * x - sin * y, self.y * height + sin * x + cos * y);
            let (left, top) = (x.floor(), y.floor());
            let (right, below) = ((x - left) as f32, (y - top) as f32);
            let columns = [0, 1].map(|i| mirrored(left as i64 + i, picture.width()));
            let rows = [0, 1].map(|i| mirrored(top as i64 + i, picture.height()));
            let corner = |i: usize, j: usize| picture.get_pixel(columns[i], rows[j]).0;
            let corners = [corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)];
            Rgb(std::array::from_fn(|c| {
                let [a, b, d, e] = corners.map(|corner| f32::from(corner[c]));
                let (above, under) = (a + (b - a) * right, d + (e - d) * right);
                (above + (under - above) * below + 0.5) as u8
            }))
        })
    }
}

/// Frames by their numbers.
fn shot(n: usize, frame: impl Fn(usize) -> RgbImage) -> Vec<RgbImage> {
    (0..n).map(frame).collect()
}

/// Something that hides part of the picture: a rectangle with a picture on it.
struct Object<'a> {
    /// Its area as a share of the frame's, and its height as a share of the frame's.
    area: f64,
    height: f64,
    /// What is on it; where there is nothing, it is white.
    skin: Option<&'a RgbImage>,
}

impl Object<'_> {
    fn width(&self) -> f64 {
        self.area / self.height * f64::from(WIDTH)
    }

    /// Puts it into a frame, its left edge so many pixels from the frame's.
    fn put(&self, frame: &mut RgbImage, left: f64) {
        let (left, width) = (left.round() as i64, self.width().round() as i64);
        let height = (self.height * f64::from(HEIGHT)).round() as u32;
        let top = (HEIGHT - height) / 2;
        for x in left.max(0)..(left + width).min(WIDTH.into()) {
            for y in top..top + height {
                let pixel = match self.skin {
                    Some(skin) => {
                        let column = (x - left) * i64::from(skin.width()) / width;
                        *skin.get_pixel(column as u32, (y - top) * skin.height() / height)
                    }
                    None => Rgb([255; 3]),
                };
                frame.put_pixel(x as u32, y, pixel);
            }
        }
    }

    /// Lets it cross frames from left to right, again and again, each time in so many frames, and with
    /// as many between that nothing happens in.
    fn cross(&self, frames: &[RgbImage], crossing: usize, pause: usize) -> Vec<RgbImage> {
        let way = f64::from(WIDTH) + self.width();
        let mut frames = frames.to_vec();
        for (t, frame) in frames.iter_mut().enumerate() {
            let t = t % (crossing + pause);
            if t < crossing {
                self.put(frame, way * t as f64 / crossing as f64 - self.width());
            }
        }
        frames
    }
}

/// What all of it is made of.
pub struct Sources {
    pub clip: Vec<RgbImage>,
    /// An astronaut, a cat and a cup of coffee.
    pub pictures: [RgbImage; 3],
}

impl Sources {
    /// Somebody holds the camera.
    fn hand_held(&self, picture: usize, n: usize, sway: f64) -> Vec<RgbImage> {
        let centre =
            [Camera::at(0.45, 0.35, 0.6), Camera::at(0.5, 0.5, 0.7), Camera::at(0.5, 0.5, 0.7)];
        shot(n, |t| centre[picture].held(t, sway).see(&self.pictures[picture]))
    }

    fn way(&self, picture: usize, n: usize, from: Camera, to: Camera) -> Vec<RgbImage> {
        let at = |t: usize| from.between(to, t as f64 / (n - 1) as f64);
        shot(n, |t| at(t).held(t, 0.003).see(&self.pictures[picture]))
    }

    /// The camera moves.
    pub fn cameras(&self) -> Vec<Footage> {
        let swing = |t: usize| Camera::at(0.5 + 0.25 * (TAU * t as f64 / 40.).sin(), 0.45, 0.45);
        let walk = |t: usize| Camera::at(0.5, 0.5, 0.88).held(t, 0.05).see(&self.clip[t]);
        let mut zoom = self.way(1, 15, Camera::at(0.5, 0.5, 0.95), Camera::at(0.55, 0.4, 0.4));
        zoom.extend(shot(60, |t| Camera::at(0.55, 0.4, 0.4).held(t, 0.01).see(&self.pictures[1])));
        vec![
            Footage::new(
                "pan, 4 s",
                self.way(2, 100, Camera::at(0.25, 0.6, 0.45), Camera::at(0.75, 0.5, 0.45)),
            ),
            Footage::new("pan to and fro, 1.6 s", shot(100, |t| swing(t).see(&self.pictures[0]))),
            Footage::new(
                "zoom, 4 s",
                self.way(1, 100, Camera::at(0.5, 0.5, 0.95), Camera::at(0.55, 0.4, 0.4)),
            ),
            Footage::new("zoom, 0.6 s, and hold", zoom),
            Footage::new("hand-held", self.hand_held(0, 100, 0.03)),
            Footage::new("clip, walking", shot(100, walk)),
        ]
    }

    /// Something crosses the picture.
    pub fn crossings(&self) -> Vec<Footage> {
        let mut all = Vec::new();
        let backgrounds = [
            ("clip", self.clip[..120].to_vec(), None),
            ("hand-held", self.hand_held(0, 120, 0.02), Some(&self.pictures[2])),
        ];
        for (name, frames, skin) in &backgrounds {
            for (area, height) in [(0.05, 0.3), (0.2, 0.5), (0.5, 0.7)] {
                for crossing in [10, 25, 50] {
                    let object = Object { area, height, skin: *skin };
                    let seconds = crossing as f64 / FPS as f64;
                    all.push(Footage::new(
                        format!("{name}, {:.0} % in {seconds:.1} s", 100. * area),
                        object.cross(frames, crossing, 0),
                    ));
                }
            }
        }
        // Traffic: what is far away is small and slow, what is near hides half of the picture.
        let street = self.way(2, 120, Camera::at(0.5, 0.5, 0.7), Camera::at(0.5, 0.5, 0.7));
        let far = Object { area: 0.03, height: 0.15, skin: Some(&self.pictures[1]) };
        let near = Object { area: 0.5, height: 0.8, skin: Some(&self.pictures[0]) };
        let traffic = near.cross(&far.cross(&street, 60, 10), 8, 30);
        all.push(Footage::new("traffic", traffic));
        all
    }

    /// Half of the picture is hidden at once, for a while.
    pub fn occlusions(&self) -> Vec<Footage> {
        let object = |skin| Object { area: 0.5, height: 1., skin };
        let hide = |frames: &[RgbImage], object: &Object, n: usize, left: f64| {
            let mut frames = frames.to_vec();
            for (t, frame) in frames.iter_mut().enumerate() {
                if t % 40 >= 40 - n {
                    object.put(frame, left * f64::from(WIDTH));
                }
            }
            frames
        };
        let held = self.hand_held(1, 125, 0.02);
        let (cat, coffee) = (Some(&self.pictures[1]), Some(&self.pictures[2]));
        vec![
            Footage::new("half hidden for 0.1 s", hide(&self.clip[..125], &object(coffee), 3, 0.)),
            Footage::new("half hidden for 0.4 s", hide(&self.clip[..125], &object(cat), 10, 0.5)),
            Footage::new("half hidden for 0.8 s", hide(&self.clip[..125], &object(None), 20, 0.)),
            Footage::new("hand-held, half hidden for 0.2 s", hide(&held, &object(coffee), 5, 0.5)),
            Footage::new("hand-held, half hidden for 0.6 s", hide(&held, &object(None), 15, 0.25)),
        ]
    }

    /// One scene becomes another.
    pub fn dissolves(&self) -> Vec<Footage> {
        let [astronaut, cat, coffee] = [0, 1, 2].map(|i| self.hand_held(i, 110, 0.02));
        vec![
            Footage::new("dissolve, 1 s", cross_faded(&astronaut, &coffee, 25)),
            Footage::new("dissolve, 2 s", cross_faded(&self.clip[..110], &cat, 50)),
        ]
    }

    /// The same, where both have little in common: a cool, bright one and a warm, dark one, and to and fro.
    pub fn dissolves_into_other_light(&self) -> Vec<Footage> {
        let lit = |frames: &[RgbImage], scale: [f64; 3], light: [f64; 3]| -> Vec<RgbImage> {
            let lit = |frame: &RgbImage| {
                let mut frame = frame.clone();
                for pixel in frame.pixels_mut() {
                    for ((level, scale), light) in pixel.0.iter_mut().zip(scale).zip(light) {
                        *level = (f64::from(*level) * scale + light).round() as u8;
                    }
                }
                frame
            };
            frames.iter().map(lit).collect()
        };
        let cool = |frames: &[RgbImage]| lit(frames, [0.4, 0.5, 0.6], [80., 105., 100.]);
        let warm = |frames: &[RgbImage]| lit(frames, [0.6, 0.35, 0.15], [0.; 3]);
        let [astronaut, cat, coffee] = [0, 1, 2].map(|i| self.hand_held(i, 150, 0.01));
        let clip = &self.clip[..self.clip.len().min(150)];
        vec![
            Footage::new("to warm, 1 s", cross_faded(&cool(&astronaut), &warm(&coffee), 25)),
            Footage::new("to cool, 1 s", cross_faded(&warm(&cat), &cool(&coffee), 25)),
            Footage::new("to warm, 0.6 s", cross_faded(&cool(&cat), &warm(clip), 15)),
            Footage::new("to cool, 0.6 s", cross_faded(&warm(&coffee), &cool(clip), 15)),
            Footage::new("in other light, 1 s", cross_faded(&cool(&cat), &warm(&cat), 25)),
        ]
    }

    /// Two who speak in turns, and shots that are cut otherwise.
    pub fn dialogues(&self) -> Vec<Footage> {
        let [astronaut, cat, coffee] = [0, 1, 2].map(|i| self.hand_held(i, 160, 0.02));
        let turns = |shots: &[&[RgbImage]], lengths: &[usize]| {
            let mut at = 0;
            let shot = |(i, &n): (usize, &usize)| {
                at += n;
                shots[i % shots.len()][at - n..at].to_vec()
            };
            lengths.iter().enumerate().map(shot).collect::<Vec<_>>()
        };
        let lengths = [30, 22, 35, 12, 18, 28];
        vec![
            Footage::cut("A, B, A, B", turns(&[&astronaut, &cat], &lengths)),
            Footage::cut("clip, B, clip, B", turns(&[&self.clip, &coffee], &lengths[..5])),
            Footage::cut("A, B, C", turns(&[&astronaut, &cat, &coffee], &lengths)),
        ]
    }
}
