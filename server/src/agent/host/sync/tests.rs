use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use azds_protocol::agent::Blob;

use super::*;

fn file(path: &str, content: &str) -> Entry {
    let digest = context::digest_of(content.as_bytes());
    let size = content.len() as u64;
    Entry::File {
        path: path.to_owned(),
        blob: Blob { digest, size },
        executable: path.ends_with(".sh"),
    }
}

fn body(batch: &Batch, contents: &[&str]) -> Vec<u8> {
    let json = serde_json::to_vec(batch).expect("JSON");
    let length = u32::try_from(json.len()).expect("short").to_be_bytes();
    [&length, json.as_slice(), contents.concat().as_bytes()].concat()
}

/// A batch of files with their contents, and of what is removed.
fn batch(files: &[(&str, &str)], removed: &[&str]) -> Vec<u8> {
    let batch = Batch {
        entries: files
            .iter()
            .map(|(path, content)| file(path, content))
            .collect(),
        removed: removed.iter().map(|path| (*path).to_owned()).collect(),
        folders: Vec::new(),
    };
    let contents: Vec<_> = files.iter().map(|(_, content)| *content).collect();
    body(&batch, &contents)
}

/// All files below a folder: path and content, sorted.
fn tree(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .expect("below")
                    .display()
                    .to_string();
                found.push((name, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found.sort();
    found
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(path, content): &(&str, &str)| ((*path).to_owned(), (*content).to_owned());
    expected.iter().map(own).collect()
}

#[tokio::test]
async fn files_are_written_replaced_and_removed_and_it_is_known_which() {
    let root = tempfile::tempdir().expect("a folder");
    let files = Files::new(root.path());
    let first = batch(&[("app/a.py", "one"), ("app/new/run.sh", "two")], &[]);
    let applied = files.read(first.as_slice()).await.expect("applied");
    assert_eq!((applied.files, applied.bytes, applied.removed), (2, 6, 0));
    let mode = |path: &str| {
        fs::metadata(root.path().join(path))
            .expect("there")
            .permissions()
            .mode()
    };
    assert_eq!(mode("app/a.py") & 0o777, 0o644);
    assert_eq!(mode("app/new/run.sh") & 0o777, 0o755);

    let second = batch(
        &[("app/a.py", "1"), ("app/new", "a file now")],
        &["app/new", "gone"],
    );
    files.read(second.as_slice()).await.expect("applied");
    let expected = [("app/a.py", "1"), ("app/new", "a file now")];
    assert_eq!(tree(root.path()), pairs(&expected));

    let known = files.synced().await.batch;
    assert_eq!(
        known.entries,
        [file("app/a.py", "1"), file("app/new", "a file now")]
    );
    assert_eq!(known.removed, ["app/new/run.sh", "gone"]);
}

#[tokio::test]
async fn a_folder_goes_if_it_is_to_and_nothing_else_is_in_it() {
    let root = tempfile::tempdir().expect("a folder");
    let files = Files::new(root.path());
    let first = batch(&[("x/y/z/a", "1"), ("x/b", "2"), ("k/c", "3")], &[]);
    files.read(first.as_slice()).await.expect("applied");
    fs::write(root.path().join("x/own"), "").expect("written");
    let second = Batch {
        removed: ["x/y/z/a", "x/b", "x/b/c", "k/c"]
            .map(str::to_owned)
            .to_vec(),
        folders: ["x", "x/y", "x/y/z"].map(str::to_owned).to_vec(),
        ..Batch::default()
    };
    let second = body(&second, &[]);
    files.read(second.as_slice()).await.expect("applied");
    assert!(!root.path().join("x/y").exists());
    assert!(root.path().join("x/own").exists());
    assert!(root.path().join("k").exists());
}

#[tokio::test]
async fn a_link_and_a_file_become_folders_and_nothing_is_written_where_the_link_led() {
    let root = tempfile::tempdir().expect("a folder");
    let files = Files::new(root.path());
    let first = batch(&[("b/x", "x"), ("f", "file")], &[]);
    files.read(first.as_slice()).await.expect("applied");
    std::os::unix::fs::symlink("b", root.path().join("a")).expect("a link");
    let second = batch(&[("a/x", "1"), ("f/y/z", "2")], &["a", "f"]);
    files.read(second.as_slice()).await.expect("applied");
    let expected = [("a/x", "1"), ("b/x", "x"), ("f/y/z", "2")];
    assert_eq!(tree(root.path()), pairs(&expected));

    std::os::unix::fs::symlink("b", root.path().join("c")).expect("a link");
    let folder = Batch {
        entries: vec![Entry::Directory { path: "c".into() }],
        ..Batch::default()
    };
    let third = body(&folder, &[]);
    files.read(third.as_slice()).await.expect("applied");
    assert!(!root.path().join("c").is_symlink() && root.path().join("c").is_dir());
}

#[tokio::test]
async fn a_batch_that_breaks_off_or_leads_outside_changes_nothing() {
    let root = tempfile::tempdir().expect("a folder");
    let files = Files::new(root.path());
    let good = batch(&[("a", "one"), ("b", "two")], &[]);
    files.read(good.as_slice()).await.expect("applied");
    let mut longer = file("a", "one");
    if let Entry::File { blob, .. } = &mut longer {
        blob.size = u64::MAX;
    }
    let longer = Batch {
        entries: vec![longer],
        ..Batch::default()
    };
    let longer = body(&longer, &["one"]);
    files
        .read(longer.as_slice())
        .await
        .expect_err("shorter than it says");
    let whole = batch(&[("a", "1"), ("b", "2")], &["c"]);
    let broken = &whole[..whole.len() - 1];
    files.read(broken).await.expect_err("cut short");
    for path in ["../x", "/x", "a//b", ""] {
        let outside = batch(&[(path, "x")], &[]);
        files.read(outside.as_slice()).await.expect_err(path);
        let outside = batch(&[], &[path]);
        files.read(outside.as_slice()).await.expect_err(path);
    }
    assert_eq!(tree(root.path()), pairs(&[("a", "one"), ("b", "two")]));
    assert_eq!(files.synced().await.batch.removed, [""; 0]);
}

#[tokio::test]
async fn what_was_changed_before_is_unsure_until_it_is_changed_again() {
    let root = tempfile::tempdir().expect("a folder");
    let record = root.path().join("record");
    let files = Files::lasting(root.path(), &record).expect("a record");
    let first = batch(&[("app/a", "1"), ("app/b", "2")], &["app/c"]);
    files.read(first.as_slice()).await.expect("applied");
    // One that breaks off may have changed something, too.
    let whole = batch(&[("app/d", "long")], &[]);
    let broken = &whole[..whole.len() - 1];
    files.read(broken).await.expect_err("cut short");
    assert_eq!(files.synced().await.unsure, [""; 0]);

    let files = Files::lasting(root.path(), &record).expect("a record");
    let known = files.synced().await;
    assert_eq!(known.batch, Batch::default());
    assert_eq!(known.unsure, ["app/a", "app/b", "app/c", "app/d"]);
    let second = batch(&[("app/a", "3")], &["app/c"]);
    files.read(second.as_slice()).await.expect("applied");
    let known = files.synced().await;
    assert_eq!(known.unsure, ["app/b", "app/d"]);
    assert_eq!(known.batch.entries, [file("app/a", "3")]);
}

#[tokio::test]
async fn a_file_that_is_watched_keeps_its_inode_and_another_is_replaced_whole() {
    let root = tempfile::tempdir().expect("a folder");
    let files = Files::new(root.path());
    let first = batch(&[("watched", "a longer text"), ("other", "x")], &[]);
    files.read(first.as_slice()).await.expect("applied");
    let inode = |name: &str| fs::metadata(root.path().join(name)).expect("there").ino();
    let before = (inode("watched"), inode("other"));

    let (said, heard) = std::sync::mpsc::channel();
    let mut watcher = notify::recommended_watcher(said).expect("inotify");
    let path = root.path().join("watched");
    let mode = notify::RecursiveMode::NonRecursive;
    notify::Watcher::watch(&mut watcher, &path, mode).expect("watched");
    let second = batch(&[("watched", "short"), ("other", "y")], &[]);
    files.read(second.as_slice()).await.expect("applied");
    assert_eq!(inode("watched"), before.0);
    assert_ne!(inode("other"), before.1);
    assert_eq!(
        tree(root.path()),
        pairs(&[("other", "y"), ("watched", "short")])
    );
    let patience = std::time::Duration::from_secs(10);
    heard
        .recv_timeout(patience)
        .expect("the watcher hears of it")
        .expect("an event");
}
