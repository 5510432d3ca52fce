//! `workspace/executeCommand`: from names and JSON to the functions of [`crate::commands`].

use std::sync::Arc;

use azds_protocol::commands::names;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::operations::Operations;
use super::troubles::Look;
use crate::commands::doctor::doctor;
use crate::commands::use_dev_spaces::use_dev_spaces;
use crate::commands::{debug_target, down, list_up, list_uris, prep, services, space, status};
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

/// The commands that the server offers.
#[derive(Clone, Copy)]
pub(super) struct Commands {
    /// Their names.
    pub names: &'static [&'static str],
    /// Runs one of them.
    pub run: fn(String, Json, Progress, Arc<Operations>) -> BoxFuture<'static, Result<Json>>,
    /// What nobody asked for: looks at services in the cluster.
    pub look: Look,
}

/// The commands of azds. A name of [`NAMES`] without an arm in [`run`] is a fault of ours.
pub(super) const ALL: Commands = Commands {
    names: NAMES,
    run: |name, argument, progress, operations| {
        async move { run(&name, argument, &progress, &operations).await }.boxed()
    },
    look: |watch, folders| watch.look(folders).boxed(),
};

const NAMES: &[&str] = &[
    names::PREP,
    names::UP,
    names::DETACH,
    names::DOWN,
    names::LIST_UP,
    names::LIST_URIS,
    names::USE_DEV_SPACES,
    names::SELECT_SPACE,
    names::DOCTOR,
    names::DEBUG_TARGET,
    names::SERVICES,
    names::STATUS,
    names::SPACES,
];

async fn run(
    name: &str,
    json: Json,
    progress: &Progress,
    operations: &Arc<Operations>,
) -> Result<Json> {
    tracing::info!(name, "began");
    let result = dispatch(name, json, progress, operations).await;
    match &result {
        Ok(_) => tracing::info!(name, "done"),
        Err(failure) => tracing::info!(name, "failed: {failure}"),
    }
    result
}

async fn dispatch(
    name: &str,
    json: Json,
    progress: &Progress,
    operations: &Arc<Operations>,
) -> Result<Json> {
    match name {
        names::PREP => result(prep::prep(&argument(json)?, progress).await),
        names::UP => result(operations.up(&argument(json)?, progress).await),
        names::DETACH => result(operations.detach(&argument(json)?).await),
        names::DOWN => result(down::down(&argument(json)?, progress).await),
        names::LIST_UP => result(list_up::list_up(&argument(json)?, progress).await),
        names::LIST_URIS => result(list_uris::list_uris(&argument(json)?, progress).await),
        names::USE_DEV_SPACES => result(use_dev_spaces(&argument(json)?, progress).await),
        names::SELECT_SPACE => result(space::select_space(&argument(json)?, progress).await),
        names::DOCTOR => result(doctor(&argument(json)?, progress).await),
        names::SERVICES => result(services::services(&argument(json)?, progress).await),
        names::STATUS => result(status::status(&argument(json)?, progress).await),
        names::SPACES => result(space::spaces(&argument(json)?, progress).await),
        names::DEBUG_TARGET => result(debug_target::describe(&argument(json)?, progress).await),
        _ => {
            let why = "azds has no such command";
            Err(Failure::new("the command was not run", name, why))
        }
    }
}

/// The argument of a command as it wants to have it.
fn argument<A: DeserializeOwned>(json: Json) -> Result<A> {
    serde_json::from_value(json).or_fail("the command was not run", "its argument")
}

/// The result of a command as the editor gets it.
fn result<R: Serialize>(result: Result<R>) -> Result<Json> {
    serde_json::to_value(result?).or_fail("the command's result was lost", "its JSON")
}
