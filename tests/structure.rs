//! Promise: the core knows nothing of GStreamer.

use std::path::Path;

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in folder.read_dir().expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn only_the_element_says_gst() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    let (edge, core): (Vec<_>, Vec<_>) = found
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .partition(|path| {
            let inside = path.strip_prefix(&source).expect("it is inside");
            inside == Path::new("lib.rs") || inside.starts_with("histomatch")
        });
    assert!(edge.len() > 1 && core.len() > 5);
    for path in core {
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        assert!(!text.contains("gst"), "{} says gst", path.display());
    }
}
