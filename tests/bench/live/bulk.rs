//! Many files at once, to a tmpfs: what is measured is the way, not the disk.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use azds_tests::container::Container;
use azds_tests::staying::Staying;

use super::edits::copy_by_tar;
use super::{PATIENCE, replace, until};
use crate::kubectl::output;
use crate::note;
use crate::service::Service;
use crate::statistics::{Row, Times};

const FOLDERS: usize = 550;
const FILES: usize = 20;
const LENGTH: usize = 3455;
const CHANGED: usize = 2_000;
const ROUNDS: u32 = 3;
const SELDOM: Duration = Duration::from_millis(5);

/// Content of a file in one of its editions.
fn content(number: usize, edition: u32) -> Vec<u8> {
    let line = format!("{number} {edition} ");
    line.bytes().cycle().take(LENGTH).collect()
}

/// Path of a file below the tree's folder.
fn path(number: usize) -> String {
    format!("d{:03}/f{:02}.txt", number / FILES, number % FILES)
}

/// Files with their contents in one edition, made before the clock runs.
struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    fn of(numbers: impl IntoIterator<Item = usize>, edition: u32) -> Files {
        let file = |number| (path(number), content(number, edition));
        Files(numbers.into_iter().map(file).collect())
    }

    fn write(&self, folder: &Path) {
        for (path, content) in &self.0 {
            let at = folder.join(path);
            let above = at.parent().expect("it is in a folder");
            fs::create_dir_all(above).expect("a folder can be made");
            fs::write(at, content).expect("it can be written");
        }
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(path, _)| path.as_str()).collect()
    }

    /// Waits until all of them are in the container, one looked at after the other, and seldom: who brings them
    /// needs the processors.
    fn arrive(&self, container: &Container) {
        let mut left = self.0.as_slice();
        let begun = Instant::now();
        while let Some(((path, content), rest)) = left.split_first() {
            if container.has(&format!("app/data/tree/{path}"), content) {
                left = rest;
                continue;
            }
            assert!(begun.elapsed() < PATIENCE, "{path} does not arrive");
            std::thread::sleep(SELDOM);
        }
    }
}

pub fn rows(service: &Service) -> Vec<Row> {
    let folder = service.another("bulk", "python-service");
    let first = "        - \"!**/requirements*.txt\"";
    replace(
        &folder,
        "azds.yaml",
        first,
        &format!("        - \"data/**\"\n{first}"),
    );
    let deployment = "charts/bulk/templates/deployment.yaml";
    let volume = |name: &str| format!("        - {{name: {name}, emptyDir: {{medium: Memory}}}}\n");
    let volumes = format!(
        "      volumes:\n{}{}      containers:\n",
        volume("data"),
        volume("floor")
    );
    replace(&folder, deployment, "      containers:\n", &volumes);
    let mounts = "          volumeMounts:\n            - {name: data, mountPath: /app/data}\n            - {name: floor, mountPath: /floor}\n          ports:\n";
    replace(&folder, deployment, "          ports:\n", mounts);
    fs::create_dir(folder.join("data")).expect("a folder can be made");
    fs::write(folder.join("data/note.txt"), "").expect("it can be written");
    let up = service.stay(&folder);
    let bulk = Bulk {
        service,
        folder: &folder,
        container: Container::of(&up.pod),
        up,
    };
    bulk.rows()
}

struct Bulk<'a> {
    service: &'a Service,
    folder: &'a Path,
    up: Staying,
    container: Container,
}

impl Bulk<'_> {
    fn rows(&self) -> Vec<Row> {
        let (mut first, mut first_floor) = (Times::default(), Times::default());
        let (mut many, mut many_floor) = (Times::default(), Times::default());
        let mut unchanged = Times::default();
        for round in 0..ROUNDS {
            let (edition, next) = (2 * round, 2 * round + 1);
            let aside = self.service.scratch().join("tree");
            let all = Files::of(0..FOLDERS * FILES, edition);
            all.write(&aside);
            self.by_tar(&aside, &["."], &mut first_floor);

            let tree = self.folder.join("data/tree");
            let begun = Instant::now();
            fs::rename(&aside, &tree).expect("the same disk");
            all.arrive(&self.container);
            first.add(begun.elapsed());
            self.up.done();

            unchanged.add(self.compared(&tree, &aside, round));

            let changed = (0..CHANGED).map(|at| at * 7919 % (FOLDERS * FILES));
            let changed = Files::of(changed, next);
            changed.write(&tree);
            let begun = Instant::now();
            changed.arrive(&self.container);
            many.add(begun.elapsed());
            let list = self.service.scratch().join("list");
            fs::write(&list, changed.names().join("\n")).expect("it can be written");
            let list = list.display().to_string();
            self.by_tar(&tree, &["-T", &list], &mut many_floor);

            fs::remove_dir_all(&tree).expect("it can be removed");
            until("the tree's end", || {
                !self
                    .container
                    .has(&format!("app/data/tree/{}", path(0)), &content(0, edition))
                    && !self
                        .container
                        .has(&format!("app/data/tree/{}", path(1)), &content(1, edition))
            });
            self.settle();
        }
        vec![
            row("11,000 files, 38 MB: first sync", &first_floor, &first, 1.2),
            row(
                "2,000 changed files, after the last save",
                &many_floor,
                &many,
                1.5,
            ),
            {
                let work = "11,000 files again, nothing changed";
                note(&format!("{work}: azds {}", unchanged.describe()));
                Row::beside(work, &Times::default(), &unchanged, 300.0)
            },
        ]
    }

    /// What was said is said, and nothing more comes.
    fn settle(&self) {
        let marker = "data/note.txt";
        let text = format!("{:?}", Instant::now());
        std::thread::sleep(Duration::from_secs(1));
        fs::write(self.folder.join(marker), &text).expect("it can be written");
        until("the marker", || {
            self.container
                .has(&format!("app/{marker}"), text.as_bytes())
        });
        std::thread::sleep(Duration::from_millis(500));
        self.up.forget();
    }

    /// The tree goes and comes back at once, and a marker after it: when the marker is there, all was
    /// compared.
    fn compared(&self, tree: &Path, aside: &Path, round: u32) -> Duration {
        self.settle();
        let text = format!("again {round}");
        let begun = Instant::now();
        fs::rename(tree, aside).expect("the same disk");
        fs::rename(aside, tree).expect("the same disk");
        fs::write(self.folder.join("data/note.txt"), &text).expect("it can be written");
        until("the marker", || {
            self.container.has("app/data/note.txt", text.as_bytes())
        });
        begun.elapsed()
    }

    /// The floor: `tar c | kubectl exec tar x` to another tmpfs of the same container.
    fn by_tar(&self, from: &Path, names: &[&str], times: &mut Times) {
        let exec = |arguments: &[&str]| {
            let mut exec = self.service.kubectl();
            exec.args(["exec", &self.up.pod, "--"]).args(arguments);
            output(&mut exec);
        };
        exec(&["sh", "-c", "rm -rf /floor/*"]);
        let begun = Instant::now();
        copy_by_tar(self.service, &self.up.pod, from, names, "/floor");
        times.add(begun.elapsed());
    }
}

fn row(work: &str, floor: &Times, ours: &Times, times: f64) -> Row {
    note(&format!(
        "{work}: tar | kubectl exec tar {}",
        floor.describe()
    ));
    note(&format!("{work}: azds {}", ours.describe()));
    let limit = (floor.median() * times * 10.0).round() / 10.0;
    Row::beside(work, floor, ours, limit)
}
