//! From a path to a document: which kind it is of, and what lies around it on disk.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::service::CONFIG_FILE;
use super::variables;
use crate::analysis::azds_yaml::{self, AzdsFile};
use crate::analysis::{Context, Document, Kind, Source, Surroundings, Trouble};
use crate::cluster::spaces;
use crate::context::{Selection, files};

/// Where VS Code has its debug configurations and its tasks.
const LAUNCH: &str = ".vscode/launch.json";
const TASKS: &str = ".vscode/tasks.json";
/// How far above a values file its azds.yaml is looked for: `charts/NAME/values.yaml` and some more.
const FOLDERS_ABOVE: usize = 4;
/// A context with more files is not listed while somebody types.
const MOST_FILES: usize = 20_000;
/// So many texts are kept, each with what was made of it: those of some hundred services.
const MOST_TEXTS: usize = 4_000;
/// A larger file is none that people write.
const MOST_BYTES: u64 = 16 << 20;

/// What an editor knows better than the disk, or need not be asked of the disk again.
#[derive(Clone, Copy)]
pub struct Known<'k> {
    /// Finds the texts that are open, which count instead of those on disk.
    pub open: &'k dyn Fn(&Path) -> Option<Arc<Source>>,
    /// What was listed before.
    pub listings: &'k Listings,
    /// What Helm said of the service in a folder when it was saved last.
    pub helm: &'k dyn Fn(&Path) -> Option<String>,
    /// What is wrong in the cluster with the service in a folder.
    pub trouble: &'k dyn Fn(&Path) -> Vec<Trouble>,
}

/// Lists of the files of build contexts. They are kept, since they are needed with every keystroke, until
/// files may have come or gone.
#[derive(Default)]
pub struct Listings {
    texts: Mutex<HashMap<PathBuf, Kept>>,
    kept: Mutex<HashMap<ContextKey, Option<Vec<String>>>>,
}

/// A file as it was when it was read: its size, the time of its last change, and what was made of it.
struct Kept {
    size: u64,
    changed: Option<SystemTime>,
    source: Arc<Source>,
}

type ContextKey = (PathBuf, PathBuf, bool, Vec<String>);

impl Listings {
    /// Forgets all: files may have come or gone.
    pub fn clear(&self) {
        self.kept().clear();
    }

    /// A file of the disk. What was made of its text is kept until it changes.
    fn source(&self, path: &Path) -> Option<Arc<Source>> {
        let metadata = std::fs::metadata(path).ok().filter(|it| it.is_file())?;
        let (size, changed) = (metadata.len(), metadata.modified().ok());
        let is_it =
            |kept: &&Kept| changed.is_some() && kept.size == size && kept.changed == changed;
        if let Some(kept) = self.texts().get(path).filter(is_it) {
            return Some(Arc::clone(&kept.source));
        }
        if size > MOST_BYTES {
            return None;
        }
        let source = Arc::new(Source::new(std::fs::read_to_string(path).ok()?));
        let kept = Kept {
            size,
            changed,
            source: Arc::clone(&source),
        };
        let mut texts = self.texts();
        if texts.len() >= MOST_TEXTS {
            texts.clear();
        }
        texts.insert(path.to_owned(), kept);
        Some(source)
    }

    fn texts(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Kept>> {
        self.texts
            .lock()
            .expect("nothing panics while it holds the lock")
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<ContextKey, Option<Vec<String>>>> {
        self.kept
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// A file that azds knows something of, and the service that it belongs to.
pub struct Found<'k> {
    /// What it is for azds.
    pub kind: Kind,
    /// Folder of the service, where its azds.yaml is.
    pub folder: PathBuf,
    /// Path of the file, relative to the folder.
    path: String,
    known: Known<'k>,
}

impl<'k> Found<'k> {
    /// Finds out what a file is. `None` if azds has nothing to do with it. Blocking.
    pub fn at(path: &Path, known: Known<'k>) -> Option<Found<'k>> {
        let path = clean(&std::path::absolute(path).ok()?);
        let own = path.parent()?;
        let (kind, folder) = match path.file_name()?.to_str()? {
            CONFIG_FILE => (Kind::AzdsYaml, own.to_owned()),
            name => match service_above(&path, known) {
                Some(found) => found,
                None if ["values.dev.yaml", "secrets.dev.yaml"].contains(&name) => {
                    (Kind::Values, own.to_owned())
                }
                None => return None,
            },
        };
        Some(Found::of(kind, folder, &path, known))
    }

    /// Takes a file for what the caller says it is.
    pub fn of(kind: Kind, folder: PathBuf, path: &Path, known: Known<'k>) -> Found<'k> {
        let relative = path.strip_prefix(&folder).unwrap_or(path);
        Found {
            kind,
            path: with_slashes(relative),
            folder,
            known,
        }
    }

    /// The document that a text makes of it.
    pub fn document<'a>(&'a self, source: &'a Arc<Source>) -> Document<'a> {
        Document {
            kind: self.kind,
            path: &self.path,
            source,
            around: self,
        }
    }

    /// Where a path of the document leads.
    pub fn resolve(&self, path: &str) -> PathBuf {
        clean(&self.folder.join(path))
    }
}

/// The files on disk, seen from the service's folder.
impl Surroundings for Found<'_> {
    fn is_file(&self, path: &str) -> bool {
        self.resolve(path).is_file()
    }

    fn is_folder(&self, path: &str) -> bool {
        self.resolve(path).is_dir()
    }

    fn entries(&self, folder: &str) -> Vec<String> {
        let listed = std::fs::read_dir(self.resolve(folder))
            .into_iter()
            .flatten();
        let named = listed.flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let slash = if entry.path().is_dir() { "/" } else { "" };
            Some(name + slash)
        });
        let mut names: Vec<String> = named.collect();
        names.sort();
        names
    }

    fn text(&self, path: &str) -> Option<String> {
        Some(self.source(path)?.text().to_owned())
    }

    fn source(&self, path: &str) -> Option<Arc<Source>> {
        self.known.source(&self.resolve(path))
    }

    fn context(&self, context: &Context<'_>) -> Option<Vec<String>> {
        let key = (
            self.resolve(context.root),
            self.resolve(context.dockerfile),
            context.use_git_ignore,
            context.ignore.to_vec(),
        );
        if let Some(listed) = self.known.listings.kept().get(&key) {
            return listed.clone();
        }
        let (root, dockerfile, use_git_ignore, ignore) = &key;
        let selection = Selection {
            root,
            dockerfile,
            use_git_ignore: *use_git_ignore,
            ignore,
        };
        let listed = files(&selection, MOST_FILES).ok().flatten();
        self.known.listings.kept().insert(key, listed.clone());
        listed
    }

    fn helm(&self) -> Option<String> {
        (self.known.helm)(&self.folder)
    }

    fn trouble(&self) -> Vec<Trouble> {
        (self.known.trouble)(&self.folder)
    }

    fn variable(&self, name: &str) -> Option<String> {
        variables::variables(&self.folder)(name)
    }

    fn variables(&self) -> Vec<String> {
        variables::kept(&self.folder).into_keys().collect()
    }

    fn space(&self) -> Option<String> {
        // A choice is kept for the folder without links.
        spaces::chosen(&dunce::canonicalize(&self.folder).ok()?)
    }
}

impl Known<'_> {
    /// A file, as the editor has it if it is open there.
    fn source(&self, path: &Path) -> Option<Arc<Source>> {
        (self.open)(path).or_else(|| self.listings.source(path))
    }
}

/// What a file is for the azds.yaml above it that has to do with it, and the folder of that one.
fn service_above(path: &Path, known: Known<'_>) -> Option<(Kind, PathBuf)> {
    let mut folders = path.ancestors().skip(1).take(FOLDERS_ABOVE);
    folders.find_map(|folder| {
        let azds_yaml = known.source(&folder.join(CONFIG_FILE))?;
        let file = azds_yaml::file_of(&azds_yaml);
        let is_it = |name: &String| clean(&folder.join(name)) == path;
        let has_template =
            |chart: &String| path.starts_with(clean(&folder.join(chart)).join("templates"));
        let kind = match () {
            () if file.is_foreign() => return None,
            () if file.values_files().iter().any(is_it) => Kind::Values,
            () if file.charts().iter().any(has_template) => Kind::Template,
            () if file.dockerfiles().iter().any(is_it) => Kind::Dockerfile,
            () if folder.join(LAUNCH) == path => Kind::Launch,
            () if folder.join(TASKS) == path => Kind::Tasks,
            () => return None,
        };
        Some((kind, folder.to_owned()))
    })
}

/// The files beside an azds.yaml that it has to do with: its values files, the templates of its charts
/// that lie below it, its Dockerfiles and the settings of VS Code. Blocking.
pub fn files_of(folder: &Path, file: &AzdsFile) -> Vec<PathBuf> {
    let named = file.values_files().into_iter().chain(file.dockerfiles());
    let named = named.chain([LAUNCH, TASKS].map(str::to_owned));
    let mut files: Vec<PathBuf> = named.map(|name| clean(&folder.join(name))).collect();
    files.retain(|path| path.is_file());
    for chart in file.charts() {
        let templates = clean(&folder.join(chart)).join("templates");
        if templates.starts_with(clean(folder)) {
            let walk = ignore::WalkBuilder::new(templates).hidden(false).build();
            let below = walk.flatten().map(|entry| entry.into_path());
            files.extend(below.filter(|path| path.is_file()));
        }
    }
    files
}

fn with_slashes(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// The path without `.` and, where there is something to take away, without `..`.
pub fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(clean.components().next_back(), Some(Component::Normal(_))) =>
            {
                clean.pop();
            }
            component => clean.push(component),
        }
    }
    clean
}
