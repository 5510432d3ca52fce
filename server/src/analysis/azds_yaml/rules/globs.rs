//! Globs of `container.sync`: whether they can be read, and what they match.

use super::Subject;
use crate::analysis::azds_yaml::layer::Spanned;
use crate::analysis::azds_yaml::{AzdsFile, SyncGlob};
use crate::analysis::{Code, Context, Problem, Surroundings};

/// Globs that tools write for every project of a language, whether it has such files or not.
pub(crate) const USUAL: [&str; 6] = [
    "**/Pages/**",
    "**/Views/**",
    "**/wwwroot/**",
    "!**/*.{sln,csproj}",
    "!**/package.json",
    "**/**",
];
/// So many files are named in a preview.
const NAMED: usize = 8;

pub(super) fn check(subject: &Subject<'_>, around: &dyn Surroundings, problems: &mut Vec<Problem>) {
    let file = subject.file;
    let overlays = file.configurations.iter();
    let overlays = overlays.map(|(name, layer)| (Some(name.as_str()), layer));
    for (configuration, layer) in overlays.chain([(None, &file.base)]) {
        let globs = layer.sync.as_deref().unwrap_or_default();
        // The folder is listed once, and only where somebody needs it.
        let mut files: Option<Option<Vec<String>>> = None;
        for glob in globs {
            if glob.text.contains('$') {
                continue;
            }
            match SyncGlob::read(&glob.text) {
                Err(why) => {
                    let message = format!("This is no glob: {why}.");
                    problems.push(Problem::warning(Code::BadGlob, glob.range.clone(), message));
                }
                Ok(read) if read.negated || USUAL.contains(&glob.text.as_str()) => {}
                Ok(read) => {
                    let files = files.get_or_insert_with(|| list(file, configuration, around));
                    let unmatched = files
                        .as_ref()
                        .is_some_and(|files| !files.iter().any(|file| read.fits(file)));
                    if unmatched {
                        problems.push(nothing(glob));
                    }
                }
            }
        }
    }
}

fn nothing(glob: &Spanned) -> Problem {
    let message = format!(
        "`{}` matches no file of the build context. Globs are seen from there.",
        glob.text
    );
    Problem::warning(Code::GlobMatchesNothing, glob.range.clone(), message)
}

/// Which files a glob matches, in Markdown; `None` if that can't be told.
pub(in crate::analysis::azds_yaml) fn preview(
    file: &AzdsFile,
    glob: &str,
    configuration: Option<&str>,
    around: &dyn Surroundings,
) -> Option<String> {
    let read = SyncGlob::read(glob).ok()?;
    let files = list(file, configuration, around)?;
    let found: Vec<&String> = files.iter().filter(|file| read.fits(file)).collect();
    let verb = if read.negated { "Takes out" } else { "Matches" };
    let mut preview = match found.len() {
        0 => format!(
            "{verb} none of the {} files of the build context.",
            files.len()
        ),
        1 => format!(
            "{verb} 1 of the {} files of the build context:\n",
            files.len()
        ),
        many => format!(
            "{verb} {many} of the {} files of the build context:\n",
            files.len()
        ),
    };
    for path in found.iter().take(NAMED) {
        preview.push_str(&format!("\n- `{path}`"));
    }
    if found.len() > NAMED {
        preview.push_str("\n- …");
    }
    Some(preview)
}

fn list(
    file: &AzdsFile,
    configuration: Option<&str>,
    around: &dyn Surroundings,
) -> Option<Vec<String>> {
    let settings = file.settings(configuration);
    if [&settings.context, &settings.dockerfile]
        .iter()
        .any(|path| path.contains('$'))
    {
        return None;
    }
    around.context(&Context {
        root: &settings.context,
        dockerfile: &settings.dockerfile,
        use_git_ignore: settings.use_git_ignore,
        ignore: &settings.ignore,
    })
}
