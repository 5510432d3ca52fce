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
