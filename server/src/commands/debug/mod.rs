//! Debugging, as far as it is no matter of DAP: what is asked of the host in the pod, what differs
//! from runtime to runtime, and ports that lead to what is debugged.

mod forward;
mod host;
pub mod own;
pub mod runtimes;

use std::path::{Path, PathBuf};

pub use forward::{Forward, accept, carry, listen};
pub use host::{Connection, Host, HostStream};

/// Where the sources of a service are: folders of its image, and the folders here that were copied there.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Folder that the image was built from.
    pub folder: PathBuf,
    /// Pairs of the Dockerfile; the first that fits counts.
    pub copied: Vec<(String, PathBuf)>,
}

impl Sources {
    /// Sources of which nothing is known but the folder.
    pub fn of(folder: PathBuf) -> Sources {
        Sources {
            folder,
            copied: Vec::new(),
        }
    }

    /// The pair of folders for a folder of the container where sources are taken to be.
    pub fn root<'a>(&'a self, there: &'a str) -> (&'a str, &'a Path) {
        let holds = |(to, _): &&(String, PathBuf)| Path::new(there).starts_with(to);
        match self.copied.iter().find(holds) {
            Some((to, from)) => (to, from),
            None => (there, &self.folder),
        }
    }
}

/// The user of this machine, as other developers are told of a session.
pub fn user() -> String {
    let user = ["USER", "USERNAME", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    user.unwrap_or_else(|| "somebody".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile_counts_before_the_working_folder() {
        let mut sources = Sources::of("/w/shop".into());
        assert_eq!(sources.root("/app/web"), ("/app/web", Path::new("/w/shop")));
        sources.copied = vec![("/app".to_owned(), "/w/shop/src".into())];
        assert_eq!(sources.root("/app/web"), ("/app", Path::new("/w/shop/src")));
        assert_eq!(sources.root("/apps"), ("/apps", Path::new("/w/shop")));
    }
}
