//! What of the frames is learned from.

use crate::frame::Area;
use crate::live::mask::Mask;
use crate::live::region::Region;
use crate::matcher::weights::{FULL, Weights};

/// The part that is learned from: what all of these have in common. By default, it is everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Part {
    /// Of what is shown.
    pub region: Option<Region>,
    /// Over what is shown.
    pub mask: Option<Mask>,
    /// Of the frame, by metas: any of them. There may be none.
    pub regions_of_interest: Option<Vec<Area>>,
}

/// What the property `region` is set to, with its text. The error is a text for the user: cause and cure.
pub(super) fn parse_region(
    text: Option<String>,
    has_old: bool,
) -> Result<Option<(String, Region)>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match text.parse() {
        Ok(region) => Ok(Some((text, region))),
        Err(error) => {
            Err(format!("The region '{text}' is not used: {error}. {}", what_stays(has_old)))
        }
    }
}

/// What becomes of the part if the new one is not used.
pub(super) fn what_stays(has_old: bool) -> &'static str {
    if has_old {
        "The old one stays."
    } else {
        "There is no old one, so all of the picture counts."
    }
}

impl Part {
    /// Whether it may be less than everything.
    pub fn is_partial(&self) -> bool {
        *self != Self::default()
    }

    /// Its pixels in a frame, of which some are `shown`, and of these some `active`: the area that has
    /// them, and weights if not all of that count alike.
    pub fn select(&self, shown: Area, active: Area) -> (Area, Option<Weights>) {
        let within = |region: &Region| region.within(shown).intersection(active);
        let area = self.region.as_ref().map_or(active, within);
        let pieces: Vec<Area> = match &self.regions_of_interest {
            None => vec![area],
            Some(regions) => regions.iter().map(|region| region.intersection(area)).collect(),
        };
        let area = pieces.iter().copied().fold(Area::default(), Area::union);
        let is_one = pieces.iter().all(|piece| piece.is_empty() || *piece == area);
        if area.is_empty() || (self.mask.is_none() && is_one) {
            return (area, None);
        }
        let mask = self.mask.as_ref().map(|mask| mask.weights(shown.width, shown.height));
        let mut weights = Weights::none(area);
        for Area { left, top, width, height } in
            pieces.into_iter().filter(|piece| !piece.is_empty())
        {
            for y in top..top + height {
                let row = weights.row_mut(y, left..left + width);
                match &mask {
                    None => row.fill(FULL),
                    Some(mask) => {
                        let first = (y - shown.top) * shown.width + left - shown.left;
                        row.copy_from_slice(&mask[first..][..width]);
                    }
                }
            }
        }
        let area = weights.bounds();
        let are_equal = weights.are_full(area);
        (area, (!are_equal).then_some(weights))
    }
}
