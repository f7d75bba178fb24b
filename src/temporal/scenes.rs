//! Scenes that may come back: two who speak in turns, a shot that goes on behind another one.

use std::sync::Arc;
use std::time::Duration;

use super::channel::ChannelState;
use super::cuts::{Cuts, View};
use super::exposure::Exposure;
use super::grade::GradeState;

/// For how long a scene is remembered.
const MEMORY: Duration = Duration::from_secs(10);

/// So many are remembered.
const MOST: usize = 3;

/// The distance ([`Cuts`]) of what a scene looked like in the end up to which it has come back.
const ALIKE: f64 = 0.02;

/// What is known of a scene.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub states: Vec<ChannelState>,
    pub grade: GradeState,
    pub exposure: Exposure,
}

/// The scenes that were left last.
#[derive(Clone, Debug, Default)]
pub(super) struct Scenes(Vec<Left>);

#[derive(Clone, Debug)]
struct Left {
    scene: Arc<Scene>,
    /// What it looked like in the end.
    view: View,
    /// Since when it is gone.
    gone: Duration,
}

impl Scenes {
    /// Lets time pass.
    pub fn pass(&mut self, elapsed: Duration) {
        self.0.iter_mut().for_each(|left| left.gone = left.gone.saturating_add(elapsed));
        self.0.retain(|left| left.gone <= MEMORY);
    }

    /// Remembers the scene that was left by the last frame. If this is one of those that were there
    /// before, that one.
    pub fn change(&mut self, scene: Scene, cuts: &Cuts) -> Option<Scene> {
        let is_back = |left: &Left| cuts.distance(&left.view) <= ALIKE;
        let back = self.0.iter().position(is_back).map(|index| self.0.remove(index));
        if let Some(view) = cuts.before() {
            self.0.insert(
                0,
                Left { scene: Arc::new(scene), view: view.clone(), gone: Duration::ZERO },
            );
            self.0.truncate(MOST);
        }
        back.map(|left| Arc::unwrap_or_clone(left.scene))
    }
}
