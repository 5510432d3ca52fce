//! What a person needs to see of the cluster when a test on it failed.

use std::fmt::Write as _;
use std::path::Path;

use super::state::{self, State};
use crate::shell::{command, output, tail, tail_of};

/// Pods, the latest events, and the last words of azds' own pods and of the components.
pub fn report() -> String {
    let Ok(state) = State::read() else {
        return "the cluster does not run".to_owned();
    };
    let kubectl = |arguments: &str| {
        let line = format!(
            "{} --request-timeout=10s {arguments}",
            state.kubectl.display()
        );
        let said = output(command(&line, &[]).envs(state.environment()));
        format!(
            "-- kubectl {arguments}\n{}\n",
            said.map_or_else(|error| error.to_string(), |said| tail(&said))
        )
    };
    let mut text = kubectl("get pods --all-namespaces -o wide");
    text += &kubectl("get events --all-namespaces --sort-by=.metadata.creationTimestamp");
    for pods in ["app=azds-initializer", "app=azds-builder"] {
        text += &kubectl(&format!(
            "logs --namespace azds --all-containers --prefix --tail=10 --selector {pods}"
        ));
    }
    for log in logs().unwrap_or_default() {
        let name = log.file_name().map(Path::new).unwrap_or(&log).display();
        writeln!(text, "-- {name}\n{}", tail_of(&log)).expect("a String takes all");
    }
    text
}

fn logs() -> anyhow::Result<Vec<std::path::PathBuf>> {
    let folder = std::fs::read_dir(state::folder()?.join("logs"))?;
    Ok(folder.flatten().map(|entry| entry.path()).collect())
}
