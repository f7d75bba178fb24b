//! Where the picture is between black bars, over time.

use std::time::Duration;

use crate::frame::Area;

/// For how long bars must have been seen to become wider.
const PATIENCE: Duration = Duration::from_secs(1);

/// The area of the picture, as far as frames have shown it.
///
/// What isn't black belongs to the picture at once. What turns black is taken out of it only after it has
/// been black for a second, because pictures have dark edges, too. A frame that is all black changes
/// nothing.
#[derive(Clone, Debug, Default)]
pub struct LetterboxTracker {
    area: Option<Area>,
    /// What was seen since the area was last found to be right.
    seen: Area,
    waited: Duration,
}

impl LetterboxTracker {
    /// The picture's area in a frame that has this content, some time after the last one.
    pub fn follow(&mut self, content: Area, elapsed: Duration) -> Area {
        let Some(area) = self.area else {
            self.area = Some(content).filter(|content| !content.is_empty());
            return content;
        };
        if content.is_empty() {
            return area;
        }
        self.seen = self.seen.union(content);
        self.waited = self.waited.saturating_add(elapsed);
        let mut area = area.union(content);
        if self.seen == area || self.waited >= PATIENCE {
            area = self.seen;
            (self.seen, self.waited) = (Area::default(), Duration::ZERO);
        }
        self.area = Some(area);
        area
    }
}
