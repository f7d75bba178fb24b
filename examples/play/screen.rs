//! Full screen. Sinks have no common way to ask for it.

use anyhow::Context;
use gst::prelude::*;
use x11rb::connection::Connection;
use x11rb::protocol::res::{ClientIdMask, ClientIdSpec, ConnectionExt as _};
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt as _, EventMask, MapState,
    Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Of some sinks, as waylandsink.
const PROPERTY: &str = "fullscreen";

/// A window that may fill the screen.
#[derive(Default)]
pub struct Screen {
    is_full: bool,
    /// What the window was before, where no window manager knows.
    before: Option<ConfigureWindowAux>,
}

impl Screen {
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Makes the window of a pipeline fill the screen, or be as it was.
    pub fn toggle(&mut self, pipeline: &gst::Pipeline) -> anyhow::Result<()> {
        let full = !self.is_full;
        let elements = pipeline.iterate_recurse().into_iter().filter_map(Result::ok);
        let mut sinks = elements.filter(|element| element.has_property(PROPERTY));
        match sinks.next() {
            Some(sink) => sink.set_property(PROPERTY, full),
            None => self.toggle_of_x(full).context(
                "The window can't fill the screen from here; the desktop's own keys may do it",
            )?,
        }
        self.is_full = full;
        Ok(())
    }

    fn toggle_of_x(&mut self, full: bool) -> anyhow::Result<()> {
        let (x, number) = x11rb::connect(None).context("There is no X server")?;
        let screen = &x.setup().roots[number];
        let window = own_window(&x, screen.root)?.context("There is no window of X")?;
        if has_window_manager(&x, screen.root)? {
            return ask_window_manager(&x, screen.root, window, full);
        }
        let now = x.get_geometry(window)?.reply()?;
        let whole = ConfigureWindowAux::new()
            .x(0)
            .y(0)
            .width(u32::from(screen.width_in_pixels))
            .height(u32::from(screen.height_in_pixels));
        let place = match self.before.take() {
            Some(before) if !full => before,
            _ => whole,
        };
        let (width, height) = (u32::from(now.width), u32::from(now.height));
        let before = ConfigureWindowAux::new().x(i32::from(now.x)).y(i32::from(now.y));
        self.before = full.then(|| before.width(width).height(height));
        x.configure_window(window, &place)?;
        x.sync()?;
        Ok(())
    }
}

/// The window of this process, which a sink has made: the first that is shown, from outside inwards.
fn own_window(x: &RustConnection, parent: Window) -> anyhow::Result<Option<Window>> {
    for window in x.query_tree(parent)?.reply()?.children {
        // Others may come and go meanwhile.
        let Ok(attributes) = x.get_window_attributes(window)?.reply() else { continue };
        if attributes.map_state != MapState::VIEWABLE
            || attributes.class != WindowClass::INPUT_OUTPUT
        {
            continue;
        }
        if process(x, window) == Some(std::process::id()) {
            return Ok(Some(window));
        }
        if let Ok(Some(window)) = own_window(x, window) {
            return Ok(Some(window));
        }
    }
    Ok(None)
}

/// Whose window it is.
fn process(x: &RustConnection, window: Window) -> Option<u32> {
    let wanted = ClientIdSpec { client: window, mask: ClientIdMask::LOCAL_CLIENT_PID };
    let ids = x.res_query_client_ids(&[wanted]).ok()?.reply().ok()?.ids;
    ids.first()?.value.first().copied()
}

fn has_window_manager(x: &RustConnection, root: Window) -> anyhow::Result<bool> {
    let property = atom(x, "_NET_SUPPORTING_WM_CHECK")?;
    let reply = x.get_property(false, root, property, AtomEnum::WINDOW, 0, 1)?.reply()?;
    Ok(reply.value_len > 0)
}

/// As the specification of window managers says (EWMH).
fn ask_window_manager(
    x: &RustConnection,
    root: Window,
    window: Window,
    full: bool,
) -> anyhow::Result<()> {
    let state = atom(x, "_NET_WM_STATE")?;
    let data = [u32::from(full), atom(x, "_NET_WM_STATE_FULLSCREEN")?, 0, 1, 0];
    let message = ClientMessageEvent::new(32, window, state, data);
    let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
    x.send_event(false, root, mask, message)?;
    x.sync()?;
    Ok(())
}

fn atom(x: &RustConnection, name: &str) -> anyhow::Result<u32> {
    Ok(x.intern_atom(false, name.as_bytes())?.reply()?.atom)
}
