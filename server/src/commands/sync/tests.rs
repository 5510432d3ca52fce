//! Whatever happens to the developer's files, and to the connection: the container has the same in the end.
//! (`tests/commands/trees.rs` shows it with a real watcher and a real connection.)

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use azds_protocol::sync::Synced;
use proptest::prelude::*;

use super::container::batches;
use super::there::There;
use super::*;
use crate::agent::host::Files;
use crate::cluster::agent::in_form;

const NAMES: [&str; 3] = ["a", "b", "c d"];

/// One thing that a developer does.
#[derive(Debug, Clone)]
enum Step {
    Write(PathBuf, u8),
    /// A folder of the name is a file from now on.
    Replace(PathBuf),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
    Folder(PathBuf),
    /// The watcher's news arrive.
    See,
    /// The connection breaks, and everything is compared.
    Cut,
}

fn step() -> impl Strategy<Value = Step> {
    let path = prop::collection::vec(prop::sample::select(&NAMES[..]), 1..4);
    let path = path.prop_map(|parts| parts.iter().collect::<PathBuf>());
    prop_oneof![
        3 => (path.clone(), 0..3_u8).prop_map(|(path, content)| Step::Write(path, content)),
        3 => path.clone().prop_map(Step::Remove),
        2 => (path.clone(), path.clone()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => path.clone().prop_map(Step::Replace),
        2 => path.prop_map(Step::Folder),
        3 => Just(Step::See),
        1 => Just(Step::Cut),
    ]
}

/// Does it as far as it can be done.
fn do_it(root: &Path, step: &Step) {
    let make_parent = |path: &Path| {
        let parent = path.parent().expect("below the root");
        // A file becomes a folder.
        let files = parent.ancestors().filter(|it| it.is_file());
        files.for_each(|file| fs::remove_file(file).expect("it is there"));
        fs::create_dir_all(parent)
    };
    let _ = match step {
        Step::Write(path, content) => {
            let path = root.join(path);
            make_parent(&path).and_then(|()| fs::write(path, [*content]))
        }
        Step::Replace(path) => {
            let path = root.join(path);
            let cleared = fs::remove_dir_all(&path);
            cleared.and_then(|()| fs::write(path, "was a folder"))
        }
        Step::Remove(path) => {
            let path = root.join(path);
            match path.is_dir() {
                true => fs::remove_dir_all(path),
                false => fs::remove_file(path),
            }
        }
        Step::Rename(from, to) => {
            let to = root.join(to);
            make_parent(&to).and_then(|()| fs::rename(root.join(from), to))
        }
        Step::Folder(path) => fs::create_dir_all(root.join(path)),
        Step::See | Step::Cut => Ok(()),
    };
}

/// All below a folder; what is no folder with its content.
fn tree(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let content = fs::read(&path).ok();
            if content.is_none() {
                folders.push(path.clone());
            }
            let relative = path.strip_prefix(root).expect("below");
            found.insert(relative.to_owned(), content);
        }
    }
    found
}

/// Developer and container.
struct Both {
    service: tempfile::TempDir,
    pod: tempfile::TempDir,
    files: Files,
    sources: Sources,
    base: Tree,
    target: Target,
    there: There,
    /// The developer's tree when it was seen last.
    seen: BTreeMap<PathBuf, Option<Vec<u8>>>,
}

impl Both {
    async fn begin() -> Both {
        let service = tempfile::tempdir().expect("a folder");
        let pod = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = service.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        };
        write("azds.yaml", AZDS_YAML);
        write("chart/Chart.yaml", "name: shop\nversion: 0.1.0\n");
        write("context/Dockerfile", "FROM x\nCOPY . /app/\n");
        let context = service.path().join("context");
        fs::create_dir_all(context.join("a/b")).expect("made");
        fs::create_dir_all(context.join("b/a")).expect("made");
        fs::write(context.join("a/c d"), "x").expect("written");
        for (path, content) in tree(&context) {
            let at = pod.path().join("app").join(path);
            fs::create_dir_all(at.parent().expect("a folder")).expect("made");
            match content {
                Some(content) => fs::write(at, content).expect("written"),
                None => fs::create_dir_all(at).expect("made"),
            }
        }
        let read = crate::commands::service::Service::read(service.path(), "").expect("a service");
        let settings = crate::commands::up::settings(&read, None).expect("settings");
        let dockerfile = context.join("Dockerfile");
        let selection = crate::context::Selection {
            root: &context,
            dockerfile: &dockerfile,
            use_git_ignore: false,
            ignore: &[],
        };
        let manifest = crate::context::read(&selection)
            .expect("a context")
            .manifest;
        let base = Tree::of(manifest);
        let files = Files::new(pod.path());
        Both {
            sources: Sources::new(&read.folder, &settings, base.clone()).expect("sources"),
            target: target(&settings, &dockerfile).expect("a target"),
            there: There::told(synced(&files).await),
            seen: tree(&context),
            base,
            files,
            pod,
            service,
        }
    }

    fn root(&self) -> PathBuf {
        self.service.path().join("context")
    }

    /// What a watcher tells: what is there and was not, the other way round, or is otherwise.
    async fn see(&mut self) {
        let now = tree(&self.root());
        let paths = now.keys().chain(self.seen.keys());
        let changed = paths.filter(|path| now.get(*path) != self.seen.get(*path));
        let root = &self.sources.root;
        let changed = changed.map(|path| root.join(path)).collect();
        self.seen = now;
        self.bring(Seen::Paths(changed)).await;
    }

    async fn bring(&mut self, seen: Seen) {
        let changed = self.sources.compare(seen).await.expect("compared");
        let current = &self.sources.current;
        let difference = self
            .there
            .difference(&changed.paths, &self.base, current, &self.target);
        for batch in batches(&self.sources.root, difference, current, changed.contents) {
            let (batch, contents) = batch.expect("read");
            let form: Vec<_> = in_form(&batch, contents).expect("a form").collect();
            self.files
                .read(form.concat().as_slice())
                .await
                .expect("applied");
            self.there.take(batch);
        }
        self.there.trust();
    }
}

async fn synced(files: &Files) -> Synced {
    Synced {
        working_dir: "/app".into(),
        ..files.synced().await
    }
}

const AZDS_YAML: &str = "\
kind: helm-release
apiVersion: 1.1
build: {context: context, dockerfile: context/Dockerfile}
install: {chart: chart}
configurations: {develop: {container: {sync: ['**']}}}
";

/// Does it all, and compares whenever both sides should be alike.
fn both_are_alike_after(steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(async {
        let mut both = Both::begin().await;
        for step in steps.iter().chain([&Step::See]) {
            match step {
                Step::See => both.see().await,
                Step::Cut => {
                    both.there = There::told(synced(&both.files).await);
                    both.seen = tree(&both.root());
                    both.bring(Seen::Anything).await;
                }
                step => {
                    do_it(&both.root(), step);
                    continue;
                }
            }
            let there = tree(&both.pod.path().join("app"));
            assert_eq!(there, tree(&both.root()), "{step:?}");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_container_has_the_same_in_the_end(steps in prop::collection::vec(step(), 1..25)) {
        both_are_alike_after(&steps);
    }
}

/// A folder of the image became a file and a folder again, with a folder where the image has a file.
#[test]
fn what_was_removed_with_its_folder_is_known_to_be_gone() {
    let path = PathBuf::from;
    both_are_alike_after(&[
        Step::Remove(path("a")),
        Step::Write(path("a"), 0),
        Step::See,
        Step::Rename(path("b"), path("a/c d")),
        Step::See,
        Step::Cut,
    ]);
}
