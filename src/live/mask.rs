//! A part of a picture, whatever its size, by another picture: what is white there counts.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use image::GrayImage;
use image::imageops::{self, FilterType};

use crate::matcher::weights::FULL;
use crate::reference::{ReferenceError, load_picture};

/// A grey picture, and what it was scaled to last. Two are equal if one was cloned from the other.
#[derive(Clone, Debug)]
pub struct Mask(Arc<Picture>);

#[derive(Debug)]
struct Picture {
    grey: GrayImage,
    scaled: Mutex<Option<Scaled>>,
}

/// Weights of the pixels of a picture of some width and height.
type Scaled = ((usize, usize), Arc<[u8]>);

/// Why a file is no [`Mask`].
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// It can't be read.
    #[error(transparent)]
    Unreadable(#[from] ReferenceError),
    /// No pixel of it counts.
    #[error("all of it is black, or transparent; paint white what is to count")]
    Black,
}

impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The step that is the nearest to a level.
fn weight(level: u8) -> u8 {
    ((u32::from(level) * u32::from(FULL) + 127) / 255) as u8
}

impl Mask {
    /// Reads a picture file. Of colours, luma counts, and what is transparent is black.
    pub fn load(path: &Path) -> Result<Self, MaskError> {
        let picture = load_picture(path)?.into_luma_alpha8();
        let (width, height) = picture.dimensions();
        let grey = GrayImage::from_fn(width, height, |x, y| {
            let [luma, alpha] = picture.get_pixel(x, y).0.map(u32::from);
            image::Luma([((luma * alpha + 127) / 255) as u8])
        });
        if grey.pixels().all(|pixel| weight(pixel.0[0]) == 0) {
            return Err(MaskError::Black);
        }
        Ok(Self(Arc::new(Picture { grey, scaled: Mutex::default() })))
    }

    /// How much each pixel of a picture of some size counts, from 0 to 7, row by row. What it was asked for
    /// last is remembered.
    pub fn weights(&self, width: usize, height: usize) -> Arc<[u8]> {
        let Picture { grey, scaled } = &*self.0;
        let mut scaled = scaled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((size, weights)) = &*scaled
            && *size == (width, height)
        {
            return Arc::clone(weights);
        }
        let picture = imageops::resize(grey, width as u32, height as u32, FilterType::Triangle);
        let weights: Arc<[u8]> = picture.iter().map(|&level| weight(level)).collect();
        *scaled = Some(((width, height), Arc::clone(&weights)));
        weights
    }
}
