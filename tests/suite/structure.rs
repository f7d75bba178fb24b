//! Promise: the core knows nothing of GStreamer, and builds without it; every case of the list of faults has its test; no link of a
//! page leads nowhere; and the oldest Rust that is promised is old enough for all dependencies.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::common::programs::example;

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
            inside == Path::new("lib.rs") || inside.starts_with("plugin")
        });
    assert!(edge.len() > 1 && core.len() > 5);
    for path in core {
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        // The library's own name, in examples.
        let text = text.replace("gsthistomatch", "");
        assert!(!text.contains("gst"), "{} says gst", path.display());
    }
}

#[test]
fn without_the_plugin_nothing_of_gstreamer_is_needed() {
    let tree = |features: &[&str]| {
        let arguments = ["tree", "--locked", "--offline", "--edges=normal", "--prefix=none"];
        cargo(&[&arguments[..], features].concat())
    };
    let needed = |tree: &str| {
        let ours = concat!(env!("CARGO_PKG_NAME"), " ");
        let others = tree.lines().filter(|line| !line.starts_with(ours));
        others.filter(|line| line.starts_with("gstreamer") || line.starts_with("glib")).count()
    };
    assert_eq!(needed(&tree(&["--no-default-features"])), 0);
    // What it would look like.
    assert!(tree(&[]).contains("gstreamer-video "));
}

/// The cases that the list of faults has.
fn faults() -> impl Iterator<Item = u32> {
    (1..=127).chain(139..=154).chain(160..=168).chain(170..=229).chain(240..=249)
}

fn readme_of_tests() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/README.md");
    std::fs::read_to_string(path).expect("the README can be read")
}

fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let (_, section) = text.split_once(&format!("\n## {title}\n")).expect("the section is there");
    section.split("\n## ").next().unwrap_or_default()
}

/// The numbers that the names of all tests begin with, as in `f12_f13_…`.
fn tested_faults() -> BTreeSet<u32> {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut found);
    let rust = found.iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let text: String = rust.map(|path| std::fs::read_to_string(path).expect("readable")).collect();
    let numbers = |line: &str| -> Vec<u32> {
        let name = line.strip_prefix("fn ").unwrap_or_default();
        let number = |word: &str| word.strip_prefix('f')?.parse().ok();
        name.split('_').map_while(number).collect()
    };
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).filter(|pair| pair[0] == "#[test]");
    tests.flat_map(|pair| numbers(pair[1])).collect()
}

/// Those that the table of what isn't tested gives a reason for, as in `(43)`.
fn excused_faults(readme: &str) -> BTreeSet<u32> {
    let rows = section(readme, "Not tested").lines().filter(|line| line.starts_with("| "));
    rows.flat_map(|row| row.split('(').skip(1))
        .filter_map(|rest| rest.split_once(')')?.0.parse().ok())
        .collect()
}

#[test]
fn every_fault_has_a_test_or_a_reason_why_not() {
    let readme = readme_of_tests();
    let covered: BTreeSet<u32> = tested_faults().union(&excused_faults(&readme)).copied().collect();
    assert_eq!(covered, faults().collect());

    let list = section(&readme, "The list of faults");
    let mut words = list.split(|c: char| !c.is_alphanumeric());
    for number in faults() {
        assert!(words.any(|word| word == number.to_string()), "{number} is not in the list");
    }
}

/// What is not code in a text in Markdown.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").step_by(2)
}

/// Where links may lead to in a page, by the rule of GitHub and GitLab.
fn anchors(text: &str) -> BTreeSet<String> {
    let titles = prose(text).flat_map(str::lines).filter(|line| line.starts_with('#'));
    let anchor = |title: &str| {
        let title = title.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|it| it.is_alphanumeric() || "-_".contains(*it)).collect()
    };
    titles.map(anchor).collect()
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<_> =
        root.read_dir().expect("readable").map(|it| it.expect("one").path()).collect();
    for folder in ["benches", "docs", "examples", "fuzz", "src", "tests"] {
        files(&root.join(folder), &mut pages);
    }
    pages.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    let read = |path: &Path| std::fs::read_to_string(path).expect("a page");
    let mut links = 0;
    for page in &pages {
        let text = read(page);
        let targets = prose(&text).flat_map(|prose| prose.split("](").skip(1));
        let targets = targets.filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("http")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match path {
                "" => page.clone(),
                path => page.parent().expect("it is in a folder").join(path),
            };
            let is_there = match anchor {
                "" => path.exists(),
                anchor => path.exists() && anchors(&read(&path)).contains(anchor),
            };
            assert!(is_there, "{}: {target}", page.display());
            links += 1;
        }
    }
    assert!(links > 100, "{links}");
}

/// What cargo says.
fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    let output = command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it is UTF-8")
}

fn version(text: &str) -> [u32; 3] {
    let mut numbers = text.split('.').map(|number| number.parse().expect("a number"));
    [(); 3].map(|()| numbers.next().unwrap_or_default())
}

#[test]
fn no_dependency_asks_for_a_newer_rust() {
    let about = cargo(&["--version", "--verbose"]);
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    // Those of this system are here, as the tests are built with them.
    let arguments = ["metadata", "--locked", "--offline", "--format-version=1"];
    let metadata = cargo(&[&arguments[..], &["--filter-platform", host]].concat());
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("it is JSON");
    let own = env!("CARGO_PKG_RUST_VERSION");
    let mut found = 0;
    for package in metadata["packages"].as_array().expect("a list") {
        // Some say nothing.
        let Some(wanted) = package["rust_version"].as_str() else { continue };
        let name = &package["name"];
        assert!(version(wanted) <= version(own), "{name} asks for Rust {wanted}, not {own}");
        found += 1;
    }
    assert!(found > 50, "{found} packages");
}

#[test]
fn programs_say_their_name_and_version() {
    for name in ["before_after", "match_image", "play", "scope", "transcode"] {
        let said = Command::new(example(name)).arg("--version").output().expect("it runs");
        let said = String::from_utf8(said.stdout).expect("it is text");
        assert_eq!(said.trim_end(), format!("{name} {}", env!("CARGO_PKG_VERSION")));
    }
}
