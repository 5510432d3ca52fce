//! What changes below a service's folders, as it happens.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{CreateKind, EventKind, ModifyKind, RenameMode};
use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::poll;
use crate::failure::Failure;

/// A save is a few events within a few milliseconds.
const QUIET: Duration = Duration::from_millis(10);
/// With so many paths it is no save but a branch switch or a build, which pauses for longer.
const MANY: usize = 20;
const QUIET_OF_MANY: Duration = Duration::from_millis(100);
/// What never pauses is passed on all the same.
const LONGEST: Duration = Duration::from_secs(2);
/// So long git may take for a switch of branches, and a lock that a killed git left holds nothing up.
const LONGEST_OF_GIT: Duration = Duration::from_secs(30);
/// A new folder is looked at once more: what was born in it before it was watched is not told of.
const SECOND_LOOK: Duration = Duration::from_millis(100);
/// How often files are looked at where the system can't watch them.
const POLL: Duration = Duration::from_secs(1);

/// What has changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// These paths, and what is below them.
    Paths(BTreeSet<PathBuf>),
    /// The system lost count: anything may have changed.
    Anything,
}

/// Watches folders as long as it lives.
pub struct Changes {
    events: mpsc::UnboundedReceiver<notify::Result<Event>>,
    look_again: Vec<(Instant, PathBuf)>,
    /// What was told of and not passed on yet.
    paths: BTreeSet<PathBuf>,
    anything: bool,
    /// Where git's locks are while it writes files: until then a switch of branches is half done.
    git_locks: Vec<PathBuf>,
    _watcher: Option<Box<dyn Watcher + Send>>,
}

impl Changes {
    /// Begins to watch. Blocking. The second value says that files are only looked at now and then,
    /// and why.
    pub fn watch(folders: &[&Path]) -> (Changes, Option<Failure>) {
        let (sender, events) = mpsc::unbounded_channel();
        let told = sender.clone();
        let tell = move |event: notify::Result<Event>| {
            // An editor that looks through all files, or we who read them, would keep changes from pausing.
            if !matches!(&event, Ok(event) if matches!(event.kind, EventKind::Access(_))) {
                // Nobody listens any more: the watcher is about to be dropped.
                let _ = told.send(event);
            }
        };
        let system = match folders.iter().find(|folder| is_remote(folder)) {
            Some(folder) => {
                let why = format!("{} lies on a network file system", folder.display());
                Err(notify::Error::generic(&why))
            }
            // Events of a folder that a link leads to would come by the link's path.
            None => RecommendedWatcher::new(tell, Config::default().with_follow_symlinks(false)),
        };
        let (watcher, warning) = match system.and_then(|watcher| watching(watcher, folders)) {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => {
                poll::begin(folders, POLL, sender);
                let why = format!("{error}; files are looked at every {} s", POLL.as_secs());
                let failure = Failure::new("the system does not tell of changes", "", why)
                    .try_to("Raise fs.inotify.max_user_watches (sysctl) if it is too low.");
                (None, Some(failure))
            }
        };
        let mut changes = Changes::told_by(watcher, events);
        changes.git_locks = folders.iter().filter_map(|it| git_lock(it)).collect();
        (changes, warning)
    }

    fn told_by(
        watcher: Option<Box<dyn Watcher + Send>>,
        events: mpsc::UnboundedReceiver<notify::Result<Event>>,
    ) -> Changes {
        Changes {
            events,
            look_again: Vec::new(),
            paths: BTreeSet::new(),
            anything: false,
            git_locks: Vec::new(),
            _watcher: watcher,
        }
    }

    /// Waits for changes until they pause. Dropped before, it loses none of them.
    pub async fn next(&mut self) -> Seen {
        let again = self.look_again.first().map(|(at, _)| *at);
        if self.paths.is_empty() && !self.anything {
            tokio::select! {
                Some(event) = self.events.recv() => self.take(event),
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {}
            }
        }
        let begun = Instant::now();
        loop {
            let quiet = match self.paths.len() {
                ..MANY => QUIET,
                _ => QUIET_OF_MANY,
            };
            let git_writes = self.git_locks.iter().any(|lock| is_fresh(lock));
            let longest = if git_writes { LONGEST_OF_GIT } else { LONGEST };
            let end = (Instant::now() + quiet).min(begun + longest);
            match timeout_at(end, self.events.recv()).await {
                Ok(Some(event)) => self.take(event),
                Err(_) if git_writes && begun.elapsed() < longest => {}
                Ok(None) | Err(_) => break,
            }
        }
        let now = Instant::now();
        // A save waits for no second look at a folder, which may be large.
        let patience = match self.paths.is_empty() {
            true => Duration::ZERO,
            false => LONGEST,
        };
        let due = self
            .look_again
            .partition_point(|(at, _)| *at + patience <= now);
        let due = self.look_again.drain(..due).map(|(_, path)| path);
        self.paths.extend(due);
        let paths = std::mem::take(&mut self.paths);
        match std::mem::take(&mut self.anything) {
            true => Seen::Anything,
            false => Seen::Paths(paths),
        }
    }

    fn take(&mut self, event: notify::Result<Event>) {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "watching files");
                self.anything = true;
                return;
            }
        };
        self.anything |= event.need_rescan();
        let may_be_new_folder = matches!(
            event.kind,
            EventKind::Create(CreateKind::Folder | CreateKind::Any)
                | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both))
        );
        for path in event.paths {
            if may_be_new_folder && path.is_dir() {
                let at = Instant::now() + SECOND_LOOK;
                self.look_again.push((at, path.clone()));
            }
            self.paths.insert(path);
        }
    }
}

/// Where git's lock is while it changes files of a folder, if the folder is in a repository. (A worktree's
/// `.git` is a file; its lock lies elsewhere.)
fn git_lock(folder: &Path) -> Option<PathBuf> {
    let mut repositories = folder.ancestors().map(|it| it.join(".git"));
    Some(repositories.find(|it| it.is_dir())?.join("index.lock"))
}

fn is_fresh(lock: &Path) -> bool {
    let changed = lock.metadata().and_then(|metadata| metadata.modified());
    let age = changed.ok().and_then(|it| it.elapsed().ok());
    age.is_some_and(|age| age < LONGEST_OF_GIT)
}

/// Whether what others change in a folder is not told of: it lies on NFS, SMB or 9P (as the disks of
/// Windows in WSL do), or is shared with a virtual machine.
#[cfg(target_os = "linux")]
fn is_remote(folder: &Path) -> bool {
    const REMOTE: [u32; 7] = [
        0x6969,
        0x517B,
        0xFF53_4D42,
        0xFE53_4D42,
        0x0102_1997,
        0x786F_4256,
        0x7C7C_6673,
    ];
    // One that can't be asked is watched as any other.
    let found = nix::sys::statfs::statfs(folder);
    found.is_ok_and(|found| REMOTE.contains(&(found.filesystem_type().0 as u32)))
}

#[cfg(not(target_os = "linux"))]
fn is_remote(_: &Path) -> bool {
    false
}

fn watching<W: Watcher + Send + 'static>(
    mut watcher: W,
    folders: &[&Path],
) -> notify::Result<Box<dyn Watcher + Send>> {
    for folder in folders {
        watcher.watch(folder, RecursiveMode::Recursive)?;
    }
    Ok(Box::new(watcher))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// All that is told of until `path` is among it.
    async fn until(changes: &mut Changes, path: &Path) -> BTreeSet<PathBuf> {
        let mut all = BTreeSet::new();
        let seen = async {
            while !all.contains(path) {
                match changes.next().await {
                    Seen::Paths(paths) => all.extend(paths),
                    Seen::Anything => panic!("nothing was lost"),
                }
            }
        };
        let patience = Duration::from_secs(10);
        let seen = tokio::time::timeout(patience, seen).await;
        seen.unwrap_or_else(|_| panic!("{} was not told of", path.display()));
        all
    }

    #[tokio::test]
    async fn a_save_a_rename_and_a_new_folder_are_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = dunce::canonicalize(folder.path()).expect("a folder");
        fs::write(root.join("a"), "1").expect("written");
        let (mut changes, warning) = Changes::watch(&[&root]);
        assert_eq!(warning, None);

        fs::write(root.join("a"), "2").expect("written");
        assert_eq!(until(&mut changes, &root.join("a")).await.len(), 1);

        fs::write(root.join("a.tmp"), "3").expect("written");
        fs::rename(root.join("a.tmp"), root.join("a")).expect("renamed");
        until(&mut changes, &root.join("a")).await;

        fs::create_dir_all(root.join("x/y")).expect("made");
        fs::write(root.join("x/y/z"), "").expect("written");
        until(&mut changes, &root.join("x")).await;
        // Whatever was told of what is in it: the folder itself comes once more.
        until(&mut changes, &root.join("x")).await;
    }

    #[tokio::test]
    async fn what_git_writes_is_one_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = dunce::canonicalize(folder.path()).expect("a folder");
        fs::create_dir(root.join(".git")).expect("made");
        fs::create_dir(root.join("service")).expect("made");
        let service = root.join("service");
        let (mut changes, _) = Changes::watch(&[&service]);
        let lock = root.join(".git/index.lock");
        fs::write(&lock, "").expect("written");
        let switch = async {
            for name in ["a", "b"] {
                fs::write(service.join(name), "").expect("written");
                tokio::time::sleep(QUIET * 10).await;
            }
            fs::remove_file(&lock).expect("removed");
        };
        let (seen, ()) = tokio::join!(changes.next(), switch);
        let both = ["a", "b"].map(|name| service.join(name));
        assert_eq!(seen, Seen::Paths(both.into()));
        fs::write(&lock, "").expect("written");
        let long_ago = std::time::SystemTime::now() - 2 * LONGEST_OF_GIT;
        let file = fs::File::open(&lock).expect("it is there");
        file.set_modified(long_ago).expect("ours");
        assert!(!is_fresh(&lock), "whoever wrote it is no more");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_a_link_leads_to_is_told_of_where_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = dunce::canonicalize(folder.path()).expect("a folder");
        fs::create_dir(root.join("real")).expect("made");
        std::os::unix::fs::symlink("real", root.join("link")).expect("a link");
        let (mut changes, _) = Changes::watch(&[&root]);
        fs::write(root.join("real/a"), "").expect("written");
        until(&mut changes, &root.join("real/a")).await;
    }

    #[tokio::test]
    async fn a_save_comes_before_a_second_look() {
        let (_sender, events) = mpsc::unbounded_channel();
        let mut changes = Changes::told_by(None, events);
        let paths = |path: &str| Seen::Paths([PathBuf::from(path)].into());
        changes.look_again.push((Instant::now(), "/folder".into()));
        changes.take(Ok(Event::new(EventKind::Any).add_path("/file".into())));
        assert_eq!(changes.next().await, paths("/file"));
        assert_eq!(changes.next().await, paths("/folder"));

        // Saves without an end do not keep it away.
        let long_due = Instant::now() - LONGEST;
        changes.look_again.push((long_due, "/folder".into()));
        changes.take(Ok(Event::new(EventKind::Any).add_path("/file".into())));
        let both = ["/file", "/folder"].map(PathBuf::from);
        assert_eq!(changes.next().await, Seen::Paths(both.into()));
    }

    #[tokio::test]
    async fn a_lost_count_makes_anything_possible() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut changes, _) = Changes::watch(&[folder.path()]);
        let overflow = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        changes.take(Ok(overflow));
        assert_eq!(changes.next().await, Seen::Anything);
    }

    #[tokio::test]
    async fn files_can_be_looked_at_where_they_can_t_be_watched() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = dunce::canonicalize(folder.path()).expect("a folder");
        fs::write(root.join("a"), "1").expect("written");
        let (sender, events) = mpsc::unbounded_channel();
        poll::begin(&[&root], Duration::from_millis(20), sender);
        let mut changes = Changes::told_by(None, events);
        fs::write(root.join("a"), "two").expect("written");
        until(&mut changes, &root.join("a")).await;
        fs::create_dir(root.join("x")).expect("made");
        fs::write(root.join("x/y"), "").expect("written");
        until(&mut changes, &root.join("x/y")).await;
    }

    #[tokio::test]
    async fn a_change_outlives_whoever_waited_for_it_and_went_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = dunce::canonicalize(folder.path()).expect("a folder");
        let (mut changes, _) = Changes::watch(&[&root]);
        fs::write(root.join("a"), "").expect("written");
        while changes.paths.is_empty() {
            let waiting = tokio::time::timeout(QUIET / 2, changes.next());
            waiting.await.expect_err("it waits until changes pause");
        }
        until(&mut changes, &root.join("a")).await;
    }
}
