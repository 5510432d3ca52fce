//! Code lenses: what can be done with a service, above its azds.yaml.

use std::ops::Range;

use azds_protocol::commands::names;
use serde_json::json;
use tower_lsp::ls_types::{CodeLens, Command};

use super::ask::Asked;
use super::translate;
use crate::analysis::answer::Lens;

/// A lens with its command: the editor's own where it has said that it has one, which can ask and show
/// more; else the server's. `None` where neither is there: only editors can debug.
pub(super) fn lens(
    range: &Range<usize>,
    lens: Lens,
    asked: &Asked<'_>,
    editors: &[String],
) -> Option<CodeLens> {
    let (title, editors_own, servers) = match lens {
        Lens::Prep => ("Prep", "azds.prep", Some(names::PREP)),
        Lens::Up => ("Up", "azds.up", Some(names::UP)),
        Lens::Debug => ("Debug", "azds.debug", None),
        Lens::Uris => ("URI", "azds.listUris", Some(names::LIST_URIS)),
    };
    let own = editors.iter().find(|command| *command == editors_own);
    let command = own.map(String::as_str).or(servers)?;
    Some(CodeLens {
        range: translate::range(range, &asked.lines),
        command: Some(Command {
            title: title.to_owned(),
            command: command.to_owned(),
            arguments: Some(vec![json!({"folder": asked.found.folder})]),
        }),
        data: None,
    })
}
