//! Where the paths in azds.yaml lead.

use super::schema::{self, PathTo, Type};
use super::settings::ValuesFile;
use crate::analysis::Document;
use crate::analysis::answer::{Link, Place};
use crate::analysis::yaml::Node;

/// The files that paths name and that are there; of a chart its `Chart.yaml`.
pub(super) fn links(document: &Document<'_>) -> Vec<Link> {
    let mut links = Vec::new();
    let Some(root) = document.parsed().documents.first() else {
        return links;
    };
    schema::visit(root, &mut |_, kind, node| {
        let Type::Path(to) = kind else { return };
        let Some(path) = file(to, node).filter(|path| document.around.is_file(path)) else {
            return;
        };
        let range = node.range.clone();
        let target = Place { path, range: 0..0 };
        links.push(Link { range, target });
    });
    links
}

/// The file that the path at a place names.
pub(super) fn definition(document: &Document<'_>, at: usize) -> Vec<Place> {
    let here = |link: &Link| link.range.start <= at && at <= link.range.end;
    let links = links(document).into_iter().filter(here);
    links.map(|link| link.target).collect()
}

/// The file that a path names. `None` for a folder, and where a variable is in it that `up` replaces.
fn file(to: PathTo, node: &Node) -> Option<String> {
    let path = node.text()?.replace('\\', "/");
    if path.is_empty() || path.contains('$') {
        return None;
    }
    match to {
        PathTo::File => Some(path),
        PathTo::Values => Some(ValuesFile::parse(&path).path),
        PathTo::Chart => Some(format!("{}/Chart.yaml", path.trim_end_matches('/'))),
        PathTo::Folder => None,
    }
}
