//! Many films at once: each in a process of its own, under names that tell them apart.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use super::{command, ffmpeg, long_film, missing, packets, send, start, succeed, text, times};
use crate::common::programs::{PATIENCE, run};
use temp_dir::TempDir;

/// Short films under these names.
fn films(names: &[&OsStr], folder: &Path) {
    ffmpeg("ffmpeg", "-f lavfi -i testsrc2=size=96x64:duration=0.4 -c:v libvpx film.webm", folder);
    for name in names {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("made");
        fs::copy(folder.join("film.webm"), path).expect("copied");
    }
    fs::remove_file(folder.join("film.webm")).expect("it is there");
}

/// All files in a folder and those in it, by their paths from there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.expect("it can be read");
        if entry.file_type().is_file() {
            files.push(entry.path().strip_prefix(folder).expect("it is in it").to_owned());
        }
    }
    files
}

#[test]
fn f199_names_stay_apart_and_folders_as_they_are() {
    if missing() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let long = format!("films/deep/{}.webm", "n".repeat(250));
    let not_text = OsStr::from_bytes(b"films/deep/er/\xff.webm");
    let names = ["films/a.webm", "films/a.mkv", "films/-v.webm", &long].map(OsStr::new);
    films(&[&names[..], &[not_text]].concat(), folder);
    let year_2001 = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let input = fs::File::options().append(true).open(folder.join("films/a.webm"));
    input.expect("it is there").set_modified(year_2001).expect("it is ours");

    let arguments = "films --recursive --reference REF -o films/out --set strength=0 --keep-times";
    let plan = succeed(&format!("{arguments} --dry-run"), folder);
    assert!(!folder.join("films/out").exists());
    assert!(plan.contains("films/a.webm -> films/out/a.webm.mkv\n"), "{plan}");
    assert!(plan.contains("stream #0 (video, vp8) is matched, and encoded by x264enc"), "{plan}");

    let name = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let expected = vec![
        name(b"-v.mkv"),
        name(b"a.mkv"),
        name(b"a.webm.mkv"),
        name(b"deep/er/\xff.mkv"),
        name(format!("deep/{}.mkv", "n".repeat(250)).as_bytes()),
    ];
    succeed(arguments, folder);
    assert_eq!(files(&folder.join("films/out")), expected);
    let modified = fs::metadata(folder.join("films/out/a.webm.mkv")).and_then(|it| it.modified());
    assert_eq!(modified.expect("it is there"), year_2001);
    // What is written is no input of the next run.
    let again = succeed(arguments, folder);
    assert_eq!(again.matches("skipped").count(), expected.len(), "{again}");
    assert_eq!(files(&folder.join("films/out")), expected);
}

/// The processes that a process has started.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("it is there");
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let processes = processes.filter_map(Result::ok).filter_map(number);
    let is_child = |process: &u32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // Behind the name, which may hold anything.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_whitespace().nth(1) == Some(parent.to_string().as_str())
    };
    processes.filter(is_child).collect()
}

#[test]
fn f199_a_decoder_that_crashes_costs_one_film() {
    if missing() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    long_film(folder);
    films(&[OsStr::new("z.webm")], folder);
    let arguments = "long.webm z.webm --reference REF -o out --jobs 1";
    let child = start(arguments, "out/.long.mkv.partial/video-0.mkv", folder);
    let process = children(child.id())[0].to_string();
    let kill = ["-c", "kill -s ABRT \"$0\"", &process];
    assert!(Command::new("sh").args(kill).status().expect("sh starts").success());
    let ended = child.wait_with_output().expect("it ends");
    let said = text(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let words = "'long.webm' wasn't converted to 'out/long.mkv': its process was killed (signal: 6";
    assert!(said.contains(words), "{said}");
    assert_eq!(files(&folder.join("out")), [PathBuf::from("z.mkv")]);
}

#[test]
fn f199_what_was_killed_goes_on_to_the_same_films() {
    if missing() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let names: Vec<String> = (0..6).map(|n| format!("films/{n}.webm")).collect();
    films(&names.iter().map(OsStr::new).collect::<Vec<_>>(), folder);
    succeed("films --reference REF -o whole --jobs 2", folder);

    let mut child = command("films --reference REF -o out --jobs 2");
    let mut child = child.current_dir(folder).spawn().expect("it starts");
    let deadline = Instant::now() + PATIENCE;
    while !folder.join("out/1.mkv").exists() {
        assert!(Instant::now() < deadline, "it does not write");
        std::thread::sleep(Duration::from_millis(10));
    }
    let processes = children(child.id());
    send("KILL", &child);
    child.wait().expect("it ends");
    let is_there = |process: &u32| Path::new(&format!("/proc/{process}")).exists();
    while processes.iter().any(is_there) {
        assert!(Instant::now() < deadline, "its processes live on");
        std::thread::sleep(Duration::from_millis(10));
    }
    let done = files(&folder.join("out")).len();
    assert!((1..6).contains(&done), "{done}");
    succeed("films --reference REF -o out --jobs 2", folder);
    assert_eq!(files(&folder.join("whole")), files(&folder.join("out")));
    for n in 0..6 {
        let [whole, out] = ["whole", "out"].map(|folder| format!("{folder}/{n}.mkv"));
        assert_eq!(times(&whole, folder).len(), 10);
        assert_eq!(packets("v:0", &whole, folder), packets("v:0", &out, folder));
    }
}

#[test]
fn films_of_a_folder_have_many_endings() {
    if missing() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let names = ["a.m2t", "b.3g2", "c.QT", "d.dv", "e.f4v", "f.m2v", "g.mod", "h.divx", "i.rm"];
    let paths = names.map(|name| format!("films/{name}"));
    films(&paths.each_ref().map(OsStr::new), folder);
    fs::write(folder.join("films/j.gif"), "a picture").expect("written");
    let plan = succeed("films --reference REF -o out --dry-run", folder);
    for path in &paths {
        assert!(plan.contains(&format!("{path} -> out/")), "{path}: {plan}");
    }
    assert!(!plan.contains("j.gif"), "{plan}");
}

/// As on a disk that isn't mounted: nobody is to believe that all is done.
#[test]
fn links_that_lead_nowhere_are_said() {
    if missing() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    films(&[OsStr::new("films/a.webm")], folder);
    for (to, name) in [("nowhere.mkv", "b.mkv"), ("a.webm", "c.webm"), ("c.mkv", "c.mkv")] {
        std::os::unix::fs::symlink(to, folder.join("films").join(name)).expect("linked");
    }
    let output = run(&mut command("films --reference REF -o out"), folder);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let words = "'films/b.mkv' wasn't converted to 'out/b.mkv': Can't read it; it is a link to what is not there";
    assert!(said.contains(words) && said.contains("2 of the files failed"), "{said}");
    assert_eq!(files(&folder.join("out")), ["a.mkv", "c.webm.mkv"].map(PathBuf::from));
}
