//! Whatever happens to the developer's files, and to the connection: the container has the same in the end.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use azds_tests::Cluster;
use azds_tests::container::Container;
use azds_tests::staying::Staying;
use azds_tests::wire::Wire;

/// Cases of a run; with everything that takes long, more.
const CASES: u64 = 20;
const ALL_CASES: u64 = 1_000;
/// How long the container may take to have the same after a broken connection, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    /// A path that may be there or not.
    fn path(&mut self) -> PathBuf {
        let mut path = PathBuf::new();
        for _ in 0..=self.roll(3) {
            path.push(["a", "b", "c d", "ñ"][self.roll(4)]);
        }
        path
    }

    fn content(&mut self) -> Vec<u8> {
        let length = [0, 1, 10, 1_000, 100_000][self.roll(5)];
        let letter = b'a' + self.roll(26) as u8;
        vec![letter; length]
    }
}

/// What is at a place.
#[derive(Debug, PartialEq, Eq)]
enum Thing {
    Folder,
    File { executable: bool, content: Vec<u8> },
    Link(PathBuf),
}

/// All that is below a folder; nothing if it changes just now.
fn tree(root: &Path) -> BTreeMap<PathBuf, Thing> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(metadata) = path.symlink_metadata() else {
                continue;
            };
            let thing = if metadata.is_dir() {
                folders.push(path.clone());
                Thing::Folder
            } else if metadata.is_symlink() {
                Thing::Link(fs::read_link(&path).unwrap_or_default())
            } else {
                Thing::File {
                    executable: metadata.permissions().mode() & 0o100 != 0,
                    content: fs::read(&path).unwrap_or_default(),
                }
            };
            let relative = path.strip_prefix(root).expect("it is below");
            found.insert(relative.to_owned(), thing);
        }
    }
    found
}

fn clear(path: &Path) {
    // Nothing may be there.
    let _ = match path.is_dir() && !path.is_symlink() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
}

/// Does one thing that a developer, an editor or Git would do. What can't be done where it is, is not.
fn change(root: &Path, dice: &mut Dice) {
    let path = root.join(dice.path());
    let other = root.join(dice.path());
    let parent = path.parent().expect("below the root");
    match dice.roll(12) {
        0..4 => {
            if fs::create_dir_all(parent).is_ok() && !path.is_dir() {
                let _ = fs::write(&path, dice.content());
            }
        }
        // An editor that saves by renaming.
        4 => {
            let aside = root.join("saved~");
            fs::write(&aside, dice.content()).expect("it can be written");
            if fs::create_dir_all(parent).is_err() || fs::rename(&aside, &path).is_err() {
                fs::remove_file(&aside).expect("it is there");
            }
        }
        5 => clear(&path),
        6 | 7 => {
            let _ = fs::create_dir_all(other.parent().expect("below the root"))
                .and_then(|()| fs::rename(&path, &other));
        }
        8 => drop(fs::create_dir_all(&path)),
        9 => {
            if path.is_file() && !path.is_symlink() {
                let mode = [0o644, 0o755][dice.roll(2)];
                let mode = fs::Permissions::from_mode(mode);
                fs::set_permissions(&path, mode).expect("it is ours");
            }
        }
        10 => {
            clear(&path);
            let _ = fs::create_dir_all(parent).and_then(|()| symlink("a", &path));
        }
        // A file becomes a folder, or the other way round.
        _ => {
            let was_folder = path.is_dir();
            clear(&path);
            if fs::create_dir_all(parent).is_ok() {
                let _ = match was_folder {
                    true => fs::write(&path, dice.content()),
                    false => fs::create_dir(&path)
                        .and_then(|()| fs::write(path.join("new"), dice.content())),
                };
            }
        }
    }
}

#[tokio::test]
async fn the_container_has_the_same_tree_in_the_end() {
    let cases = match std::env::var_os("AZDS_TEST_ALL") {
        Some(_) => ALL_CASES,
        None => CASES,
    };
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    service.replace(
        "azds.yaml",
        "        - \"!**/requirements*.txt\"",
        "        - \"tree/**\"\n        - \"!**/requirements*.txt\"",
    );
    let root = service.folder.join("tree");
    fs::create_dir(&root).expect("a new folder");
    fs::write(root.join("first"), "").expect("a new file");
    let wire = Wire::before(&space.kubeconfig());
    let mut up = space.command();
    up.env("KUBECONFIG", &wire.kubeconfig)
        .arg("up")
        .arg(&service.folder);
    let up = Staying::start(&mut up);
    let there = Container::of(&up.pod).root.join("app/tree");
    let (mut changes, mut cuts) = (0, 0);
    for case in 0..cases {
        let mut dice = Dice(case);
        for _ in 0..=dice.roll(12) {
            change(&root, &mut dice);
            changes += 1;
            match dice.roll(20) {
                0 => {
                    wire.cut();
                    cuts += 1;
                }
                1..4 => std::thread::sleep(Duration::from_millis(dice.roll(40) as u64)),
                _ => {}
            }
        }
        // An empty tree has no folder there.
        fs::write(root.join("first"), dice.content()).expect("it can be written");
        let begun = Instant::now();
        while tree(&root) != tree(&there) {
            let waited = begun.elapsed();
            assert!(
                waited < PATIENCE,
                "case {case}: here {:#?}\nthere {:#?}",
                tree(&root).keys(),
                tree(&there).keys()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    eprintln!("ran: {cases} cases with {changes} changes and {cuts} cuts of the connection");
}
