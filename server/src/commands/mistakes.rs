//! Where on this machine a build that failed says that sources are wrong.

use std::path::{Component, Path, PathBuf};

use azds_protocol::change::Mistake;

use super::service::Service;
use super::up;
use crate::analysis::azds_yaml::Settings;
use crate::analysis::compiler::{Complaint, complaints};

/// What BuildKit is told that the Dockerfile is called.
const DOCKERFILE: &str = "Dockerfile";

/// The mistakes in what a build of the service in `folder` wrote. Blocking.
pub fn of(output: &str, folder: &Path, settings: &Settings) -> Vec<Mistake> {
    // Without the `.` that a context of the folder itself brings: editors know files by one name.
    let plain = |path: &str| folder.join(path).components().collect::<PathBuf>();
    let (root, dockerfile) = (plain(&settings.context), plain(&settings.dockerfile));
    let mistakes = complaints(output).into_iter().filter_map(|complaint| {
        let file = match complaint.file.as_str() {
            DOCKERFILE => dockerfile.clone(),
            file => place(file, &root)?,
        };
        Some(mistake(file, complaint))
    });
    let mut mistakes: Vec<Mistake> = mistakes.collect();
    // That a RUN failed says nothing where what it ran has said more.
    if mistakes.iter().any(|it| it.file != dockerfile) {
        mistakes.retain(|it| it.file != dockerfile);
    }
    mistakes
}

/// Those in the failure of an `up`. Blocking.
pub fn of_up(why: &str, folder: &Path, configuration: Option<&str>) -> Vec<Mistake> {
    let settings = Service::read(folder, "").and_then(|service| {
        let settings = up::settings(&service, configuration)?;
        Ok((service.folder, settings))
    });
    // Where azds.yaml can't be read nothing was built.
    settings.map_or_else(
        |_| Vec::new(),
        |(folder, settings)| of(why, &folder, &settings),
    )
}

fn mistake(file: PathBuf, complaint: Complaint) -> Mistake {
    Mistake {
        file,
        line: complaint.line,
        column: complaint.column,
        code: complaint.code,
        message: complaint.message,
    }
}

/// The file below `root` that a build, which saw it somewhere else, calls by this name: the one
/// whose path has most of its end.
fn place(named: &str, root: &Path) -> Option<PathBuf> {
    let parts: Vec<_> = Path::new(named)
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect();
    (0..parts.len())
        .map(|from| root.join(parts[from..].iter().collect::<PathBuf>()))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::analysis::azds_yaml::analyse;

    #[test]
    fn sources_are_found_wherever_they_were_built() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = analyse(
            "kind: helm-release\nbuild:\n  context: src\n  dockerfile: Dockerfile.develop\n",
        )
        .file
        .settings(None);
        for path in ["src/cmd/main.go", "src/main.go", "Dockerfile.develop"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "").expect("written");
        }
        let found = |output: &str| -> Vec<_> {
            let mistakes = of(output, folder.path(), &settings).into_iter();
            let relative = |it: Mistake| {
                let file = it.file.strip_prefix(folder.path()).expect("below");
                format!("{}:{}", file.display(), it.line).replace('\\', "/")
            };
            mistakes.map(relative).collect()
        };
        let of_itself = analyse("kind: helm-release\nbuild:\n  context: .\n")
            .file
            .settings(None);
        let found_there = of("src/main.go:3:4: y\n", folder.path(), &of_itself);
        let uncommon = folder.path().join("./src/main.go").into_os_string();
        assert_ne!(found_there[0].file.as_os_str(), uncommon);

        let solve = "Dockerfile:3\nerror: failed to solve: process \"go build\" did not complete\n";
        let output =
            format!("/app/cmd/main.go:1:2: x\n./main.go:3:4: y\n/lib/z.go:1:1: z\n{solve}");
        assert_eq!(found(&output), ["src/cmd/main.go:1", "src/main.go:3"]);
        assert_eq!(found(solve), ["Dockerfile.develop:3"]);
    }
}
