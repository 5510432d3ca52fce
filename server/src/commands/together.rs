//! Several services of one `up`: each comes after those that it needs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::service::Service;
use super::services::azds_yamls;
use super::up;
use crate::analysis::azds_yaml::Settings;
use crate::failure::{Failure, Result};

const WHAT: &str = "the services were not started";

/// A service, and which of the others it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// Names of those whose addresses are among its values.
    pub needs: BTreeSet<String>,
}

/// The folders below some that have a service of ours.
pub fn below(folders: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let files = folders.iter().flat_map(|folder| azds_yamls(folder));
    let found: BTreeSet<PathBuf> = files
        .filter_map(|file| Some(file.parent()?.to_owned()))
        .filter(|folder| Service::find(folder, WHAT).is_ok())
        .collect();
    match found.is_empty() {
        false => Ok(found.into_iter().collect()),
        true => {
            let object = folders.iter().map(|folder| folder.display().to_string());
            let object: Vec<_> = object.collect();
            Err(
                Failure::new(WHAT, object.join(", "), "there is no service below it")
                    .try_to("Run azds prep in the folder of each service first."),
            )
        }
    }
}

/// The services of some folders in the order in which they are to be brought up. Blocking.
pub fn in_order(folders: &[PathBuf], configuration: Option<&str>) -> Result<Vec<Member>> {
    let mut known = Vec::new();
    for folder in folders {
        let service = Service::read(folder, WHAT)?;
        let settings = up::settings(&service, configuration)?;
        let words = values(&service.folder, &settings);
        known.push((service, words));
    }
    let names: Vec<String> = known.iter().map(|(it, _)| it.name.clone()).collect();
    let members = known.into_iter().map(|(service, words)| {
        let needs = names
            .iter()
            .filter(|name| **name != service.name && is_host_in(&words, name));
        Member {
            needs: needs.cloned().collect(),
            folder: service.folder,
            name: service.name,
        }
    });
    Ok(sorted(members.collect()))
}

/// All that is said in the values of a service.
fn values(folder: &Path, settings: &Settings) -> String {
    let own = Path::new(&settings.chart).join("values.yaml");
    let given = settings.values.iter().map(|it| PathBuf::from(&it.path));
    let old = settings.container_values.iter().map(PathBuf::from);
    let files = [own].into_iter().chain(given).chain(old);
    // One that is not there says nothing; whether it must be there is for `up` to say.
    let texts = files.filter_map(|file| std::fs::read_to_string(folder.join(file)).ok());
    texts.collect::<Vec<_>>().join("\n") + &settings.set.to_string()
}

/// Whether an address of this host is in a text.
fn is_host_in(text: &str, host: &str) -> bool {
    let address = format!("://{host}");
    text.match_indices(&address).any(|(at, _)| {
        let next = text[at + address.len()..].chars().next();
        !next.is_some_and(|next| next.is_ascii_alphanumeric() || matches!(next, '-' | '_'))
    })
}

/// Each after those that it needs, else as they were. Those that need each other stay as they were.
fn sorted(mut left: Vec<Member>) -> Vec<Member> {
    let mut sorted: Vec<Member> = Vec::new();
    while !left.is_empty() {
        let waits = |member: &Member| {
            let mut others = left.iter().filter(|other| other.name != member.name);
            others.any(|other| member.needs.contains(&other.name))
        };
        let next = left.iter().position(|member| !waits(member));
        sorted.push(left.remove(next.unwrap_or(0)));
    }
    sorted
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_comes_after_those_whose_address_it_has() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        };
        for (name, values) in [
            ("a-web", "url: http://consumer:80/x\n"),
            ("consumer", "url: 'http://producer'\n"),
            ("other", "url: http://producer-of-others\n"),
            ("producer", "{}\n"),
        ] {
            let azds_yaml = format!(
                "kind: helm-release\napiVersion: 1.1\nbuild:\n  context: .\ninstall:\n  chart: charts/{name}\n  values: [values.dev.yaml?]\n"
            );
            write(&format!("{name}/azds.yaml"), &azds_yaml);
            let chart = format!("name: {name}\nversion: 0.1.0\n");
            write(&format!("{name}/charts/{name}/Chart.yaml"), &chart);
            write(&format!("{name}/values.dev.yaml"), values);
        }
        let folders = below(&[folder.path().to_owned()]).expect("four");
        let order = in_order(&folders, None).expect("an order");
        let names: Vec<_> = order.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["other", "producer", "consumer", "a-web"]);
        below(&[folder.path().join("a-web/charts")]).expect_err("none there");
    }

    #[test]
    fn services_that_need_each_other_are_started_all_the_same() {
        let member = |name: &str, needs: &[&str]| Member {
            folder: PathBuf::new(),
            name: name.to_owned(),
            needs: needs.iter().map(|it| (*it).to_owned()).collect(),
        };
        let order = sorted(vec![member("a", &["b"]), member("b", &["a"])]);
        assert_eq!(order.len(), 2);
    }
}
