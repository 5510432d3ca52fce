use tokio::process::Command;

use super::fetch::{checksum, run};
use super::*;

fn netcoredbg(folder: &Path) -> PathBuf {
    let folder = folder.join("netcoredbg");
    std::fs::create_dir_all(folder.join("sub")).expect("a temporary folder");
    for file in ["netcoredbg", "sub/ManagedPart.dll"] {
        std::fs::write(folder.join(file), file).expect("a temporary folder");
    }
    folder
}

async fn install_from(debuggers: &Path, from: &str, sha256: Option<&str>) -> Result<Installed> {
    let wanted = Install {
        name: "dotnet",
        from: Some(from),
        sha256,
    };
    install(debuggers, wanted, |_| false, &Progress::silent()).await
}

#[tokio::test]
async fn from_a_folder() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let debuggers = place.path().join("debuggers");
    let failure = installed(&debuggers, "dotnet").expect_err("nothing yet");
    assert!(
        failure.remedy.contains("azds debugger install dotnet"),
        "{failure}"
    );

    let from = netcoredbg(place.path());
    for _ in 0..2 {
        let done = install_from(&debuggers, &from.display().to_string(), None).await;
        let done = done.expect("a good folder");
        assert_eq!(installed(&debuggers, "dotnet").expect("there"), done);
        assert!(done.folder.join("sub/ManagedPart.dll").is_file());
    }
    assert_eq!(
        std::fs::read_dir(debuggers.join("dotnet"))
            .expect("there")
            .count(),
        1
    );

    let failure = install_from(&debuggers, &place.path().display().to_string(), None).await;
    assert!(
        failure
            .expect_err("not a debugger")
            .why
            .contains("no file netcoredbg")
    );
    assert!(
        installed(&debuggers, "dotnet").is_ok(),
        "what was there stays"
    );
}

#[cfg_attr(windows, ignore = "its address of a file is one of Unix")]
#[tokio::test]
async fn an_archive_is_used_only_by_a_checksum_that_somebody_trusts() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let debuggers = place.path().join("debuggers");
    netcoredbg(place.path());
    let archive = place.path().join("netcoredbg.tar.gz");
    let mut tar = Command::new("tar");
    tar.arg("-czf")
        .arg(&archive)
        .arg("-C")
        .arg(place.path())
        .arg("netcoredbg");
    run(&mut tar, "archive").await.expect("tar is there");
    let address = format!("file://{}", archive.display());

    let failure = install_from(&debuggers, &address, None)
        .await
        .expect_err("not confirmed");
    let checksum = checksum(&archive).expect("the archive");
    assert!(failure.remedy.contains(&checksum), "{failure}");
    assert!(installed(&debuggers, "dotnet").is_err());

    let failure = install_from(&debuggers, &address, Some("00")).await;
    assert!(failure.expect_err("another one").why.contains(&checksum));
    let done = install_from(&debuggers, &address, Some(&checksum))
        .await
        .expect("trusted");
    assert!(done.folder.join("netcoredbg").is_file());
    install_from(&debuggers, &address, None)
        .await
        .expect("kept at first use");

    std::fs::write(&archive, "changed").expect("the archive");
    let failure = install_from(&debuggers, &address, None)
        .await
        .expect_err("it changed");
    assert!(failure.why.contains("was expected"), "{failure}");
    assert!(
        installed(&debuggers, "dotnet").is_ok(),
        "what was there stays"
    );
}

/// An archive of a debugger and of further entries, as a hostile sender would write them.
fn archive(file: &Path, entries: &[(tar::EntryType, &str, &str)]) -> String {
    let mut builder = tar::Builder::new(std::fs::File::create(file).expect("a temporary file"));
    let good = (tar::EntryType::Regular, "netcoredbg", "");
    for (kind, path, target) in std::iter::once(&good).chain(entries) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        // `set_path` refuses what a hostile sender would write.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        let content: &[u8] = match kind {
            tar::EntryType::Regular => b"x",
            _ => b"",
        };
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        builder
            .append(&header, content)
            .expect("a header made here");
    }
    builder.finish().expect("a temporary file");
    format!("file://{}", file.display())
}

#[cfg_attr(windows, ignore = "its address of a file is one of Unix")]
#[tokio::test]
async fn an_archive_never_leads_out_of_its_folder() {
    use tar::EntryType::{Link, Regular, Symlink};

    let place = tempfile::tempdir().expect("a temporary folder");
    let outside = place.path().join("outside");
    std::fs::create_dir(&outside).expect("a folder");
    std::fs::write(outside.join("id"), "secret").expect("a file");
    let (out, id) = (outside.display().to_string(), outside.join("id"));
    let (new, id) = (format!("{out}/new"), id.display().to_string());
    let table: [&[(tar::EntryType, &str, &str)]; 6] = [
        &[(Regular, "../../../../evil", "")],
        &[(Regular, &new, "")],
        &[(Symlink, "way", &out), (Regular, "way/new", "")],
        &[(Symlink, "id", &id)],
        &[
            (Symlink, "way", "../../../../outside"),
            (Regular, "way/new", ""),
        ],
        &[(Link, "id", &id)],
    ];
    for (number, entries) in table.iter().enumerate() {
        let debuggers = place.path().join(format!("debuggers-{number}"));
        let file = place.path().join("archive");
        let address = archive(&file, entries);
        let checksum = checksum(&file).expect("the archive");
        let done = install_from(&debuggers, &address, Some(&checksum)).await;
        // Some kinds of tar pass over such an entry instead of failing.
        if let Ok(done) = done {
            let sent = done.archive("").expect("a folder");
            assert!(!sent.windows(6).any(|part| part == b"secret"), "{number}");
        }
        let names: Vec<_> = std::fs::read_dir(&outside).expect("there").collect();
        assert_eq!(names.len(), 1, "{number}: {names:?}");
        assert!(!place.path().join("evil").exists(), "{number}");
    }
    let inside = archive(
        &place.path().join("inside"),
        &[(Symlink, "link", "netcoredbg")],
    );
    let checksum = checksum(&place.path().join("inside")).expect("the archive");
    let done = install_from(&place.path().join("inside-it"), &inside, Some(&checksum)).await;
    assert!(done.expect("a good archive").folder.join("link").exists());
}
