//! The debuggers that developers' machines sent, each in a folder of its own.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::mpsc;

use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the debugger was not stored in the pod";
/// netcoredbg has 17 MB, debugpy 15; a folder chosen by mistake has more.
const MAX_SIZE: u64 = 256 << 20;

/// Where the debugger of this name is, or would be.
pub fn folder(debuggers: &Path, name: &str) -> Result<PathBuf> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(allowed) {
        return Err(Failure::ours(
            WHAT,
            name,
            "this cannot be a debugger's name",
        ));
    }
    Ok(debuggers.join(name))
}

/// Names of those that are there, whole.
pub fn names(debuggers: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(debuggers).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| folder(debuggers, name).is_ok_and(|folder| folder.is_dir()))
        .collect();
    names.sort();
    names
}

/// Unpacks a tar into the folder of this name. The folder appears whole or not at all.
pub async fn unpack<B>(debuggers: &Path, name: &str, tar: B) -> Result<PathBuf>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    let target = folder(debuggers, name)?;
    let (sender, receiver) = mpsc::channel(8);
    let (parent, into) = (debuggers.to_owned(), target.clone());
    let unpacking = tokio::task::spawn_blocking(move || unpack_from(&parent, &into, receiver));
    let received = feed(tar, sender).await;
    let unpacked = unpacking.await.or_fail(WHAT, name)?;
    // The sender's trouble explains a tar that is cut off; the other way round it is no news.
    received.and(unpacked).or_fail(WHAT, name)?;
    Ok(target)
}

async fn feed<B>(body: B, sender: mpsc::Sender<io::Result<Bytes>>) -> io::Result<()>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| io::Error::other(error.to_string()));
        let broken = chunk.as_ref().err().map(ToString::to_string);
        // A reader that went has all it wants, or failed and says why itself.
        if sender.send(chunk).await.is_err() {
            break;
        }
        if let Some(broken) = broken {
            return Err(io::Error::other(broken));
        }
    }
    Ok(())
}

fn unpack_from(
    parent: &Path,
    target: &Path,
    receiver: mpsc::Receiver<io::Result<Bytes>>,
) -> io::Result<()> {
    std::fs::create_dir_all(parent)?;
    let unfinished = tempfile::Builder::new()
        .prefix(".unpacking-")
        .tempdir_in(parent)?;
    let content = Chunks {
        receiver,
        rest: Bytes::new(),
    }
    .take(MAX_SIZE);
    let mut archive = tar::Archive::new(content);
    // Python takes compiled modules only with the times of their sources.
    archive.set_preserve_mtime(true);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        // `unpack_in` stays below the folder, also through links; what it leaves out it says so.
        if !entry.unpack_in(unfinished.path())? {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} leads out of the folder", path.display()),
            ));
        }
    }
    if archive.into_inner().limit() == 0 {
        return Err(io::Error::other(format!(
            "it is larger than {} MiB",
            MAX_SIZE >> 20
        )));
    }
    let unfinished = unfinished.keep();
    let moved = std::fs::rename(&unfinished, target);
    if moved.is_err() {
        std::fs::remove_dir_all(&unfinished)?;
    }
    // Two developers may send the same debugger at once: the first one's is as good.
    if target.is_dir() { Ok(()) } else { moved }
}

/// The chunks of a body as a blocking reader.
struct Chunks {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.rest = chunk?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.rest.len());
        self.rest.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    const WRITTEN: u64 = 1_700_000_000;

    fn tar_of(path: &str, content: &[u8]) -> Bytes {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(WRITTEN);
        // `set_path` refuses what a hostile sender would write.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        let mut builder = tar::Builder::new(Vec::new());
        builder
            .append(&header, content)
            .expect("a header made here");
        builder.into_inner().expect("in memory").into()
    }

    #[tokio::test]
    async fn a_debugger_is_stored_once_as_it_was() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};

        let folder = tempfile::tempdir().expect("a temporary folder");
        for content in [&b"first"[..], b"second"] {
            let stored = unpack(
                folder.path(),
                "dotnet-1",
                Full::new(tar_of("netcoredbg", content)),
            )
            .await
            .expect("a good tar");
            assert_eq!(stored, folder.path().join("dotnet-1"));
        }
        let program = folder.path().join("dotnet-1/netcoredbg");
        assert_eq!(std::fs::read(&program).expect("unpacked"), b"first");
        let metadata = std::fs::metadata(&program).expect("unpacked");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o755);
        assert_eq!(metadata.mtime().cast_unsigned(), WRITTEN);
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("there").count(),
            1,
            "nothing left over"
        );
        std::fs::create_dir(folder.path().join(".unpacking-x")).expect("a folder");
        assert_eq!(names(folder.path()), ["dotnet-1"]);
        assert_eq!(names(&folder.path().join("none")), [""; 0]);
    }

    #[tokio::test]
    async fn an_entry_that_leads_out_stores_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let debuggers = folder.path().join("debuggers");
        let failure = unpack(
            &debuggers,
            "dotnet-1",
            Full::new(tar_of("../../evil", b"x")),
        )
        .await
        .expect_err("refused");
        assert!(failure.why.contains("leads out"), "{failure}");
        assert!(!folder.path().join("evil").exists());
        assert_eq!(std::fs::read_dir(&debuggers).expect("made").count(), 0);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_stores_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let whole = tar_of("netcoredbg", b"content");
        let chunks: [io::Result<Frame<Bytes>>; 2] = [
            Ok(Frame::data(whole.slice(..1024))),
            Err(io::Error::other("reset")),
        ];
        let body = StreamBody::new(futures_util::stream::iter(chunks));
        let failure = unpack(folder.path(), "dotnet-1", body)
            .await
            .expect_err("cut off");
        assert!(failure.why.contains("reset"), "{failure}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 0);
    }

    #[test]
    fn a_name_is_one_folder() {
        let debuggers = Path::new("/azds/debuggers");
        for name in ["", "..", ".hidden", "a/b", "a\0"] {
            assert!(folder(debuggers, name).is_err(), "{name:?}");
        }
        assert!(folder(debuggers, "dotnet-3.1.2-1054").is_ok());
    }
}
