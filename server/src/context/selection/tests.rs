use super::*;

/// A folder with these files; a path that ends in `/` is a folder.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        if path.to_string_lossy().ends_with('/') {
            fs::create_dir_all(&path).expect("a folder");
        } else {
            fs::create_dir_all(path.parent().expect("in the folder")).expect("its folder");
            fs::write(&path, text).expect("a file");
        }
    }
    folder
}

fn paths(root: &Path, use_git_ignore: bool, ignore: &[&str]) -> Vec<String> {
    let ignore: Vec<String> = ignore.iter().map(|glob| (*glob).to_owned()).collect();
    let root = dunce::canonicalize(root).expect("it exists");
    let found = walk(&Selection {
        root: &root,
        dockerfile: &root.join("Dockerfile"),
        use_git_ignore,
        ignore: &ignore,
    });
    let found = found.expect("a readable tree");
    found.into_iter().map(|found| found.path).collect()
}

#[test]
fn the_ignore_file_of_the_dockerfile_wins() {
    let folder = tree(&[(".dockerignore", "a"), ("a", ""), ("b", "")]);
    assert_eq!(paths(folder.path(), false, &[]), [".dockerignore", "b"]);
    fs::write(folder.path().join("Dockerfile.dockerignore"), "*\n!a").expect("a file");
    assert_eq!(paths(folder.path(), false, &[]), ["a"]);
}

#[test]
fn a_file_below_an_excluded_folder_can_come_back() {
    let folder = tree(&[
        (".dockerignore", ".dockerignore\na\n!a/keep"),
        ("a/keep/x", ""),
        ("a/drop/y", ""),
    ]);
    assert_eq!(paths(folder.path(), false, &[]), ["a/keep/x"]);
}

#[test]
fn git_ignores_count_from_the_repository_down() {
    let folder = tree(&[
        (".git/config", ""),
        (".gitignore", "*.log\n/app/top"),
        ("app/.gitignore", "!kept.log\nout/"),
        ("app/a.log", ""),
        ("app/kept.log", ""),
        ("app/top", ""),
        ("app/out/x", ""),
        ("app/sub/.gitignore", "/y"),
        ("app/sub/y", ""),
        ("app/sub/deep/y", ""),
        ("app/sub/.git/HEAD", ""),
    ]);
    let app = folder.path().join("app");
    let expected = [".gitignore", "kept.log", "sub/.gitignore", "sub/deep/y"];
    assert_eq!(paths(&app, true, &[]), expected);
    assert_eq!(paths(&app, false, &[]).len(), 8);
}

#[test]
fn build_ignore_wins_over_both() {
    let folder = tree(&[
        (".dockerignore", ".*\nsecret\nNuGet.Config"),
        (".gitignore", "bin/"),
        ("secret/one", ""),
        ("NuGet.Config", ""),
        ("bin/Debug/NuGet.Config", ""),
        ("bin/Debug/app.dll", ""),
        ("src/a.cs", ""),
        ("src/a.md", ""),
    ]);
    let ignore = ["!NuGet.Config", "*.md", "!secret/"];
    let expected = [
        "NuGet.Config",
        "bin/Debug/NuGet.Config",
        "secret/one",
        "src/a.cs",
    ];
    assert_eq!(paths(folder.path(), true, &ignore), expected);
    assert_eq!(paths(folder.path(), true, &[]), ["src/a.cs", "src/a.md"]);
}

#[cfg(unix)]
#[test]
fn links_stay_links_and_what_has_no_content_is_passed_over() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let folder = tree(&[
        ("real/x", ""),
        ("empty/", ""),
        ("only-ignored/z", ""),
        (".dockerignore", "**/z"),
    ]);
    let root = folder.path();
    symlink("real", root.join("link")).expect("a link");
    symlink("../../etc", root.join("out")).expect("a link");
    symlink("nowhere", root.join("broken")).expect("a link");
    let _socket = UnixListener::bind(root.join("socket")).expect("a socket");
    nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let expected = [
        ".dockerignore",
        "broken",
        "empty",
        "link",
        "only-ignored",
        "out",
        "real/x",
    ];
    assert_eq!(paths(root, false, &[]), expected);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_sent_is_named() {
    use std::os::unix::ffi::OsStrExt;

    let folder = tree(&[(".dockerignore", "a\n[b")]);
    let root = folder.path();
    let selection = |ignore| Selection {
        root,
        dockerfile: Path::new("Dockerfile"),
        use_git_ignore: false,
        ignore,
    };
    let failure = walk(&selection(&[])).expect_err("a class that is not closed");
    assert!(
        failure.object.ends_with(".dockerignore, line 2"),
        "{failure}"
    );
    fs::remove_file(root.join(".dockerignore")).expect("it is there");

    let globs = ["a{b".to_owned()];
    let failure = walk(&selection(&globs)).expect_err("a brace that is not closed");
    assert!(failure.why.contains("a{b"), "{failure}");

    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    fs::write(root.join(name), "").expect("a file");
    let failure = walk(&selection(&[])).expect_err("a Latin-1 name");
    assert!(failure.object.contains("caf"), "{failure}");
}
