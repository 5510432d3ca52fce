//! Whether azds may change something in a cluster that it has never worked in: asked once.

use crate::cluster::client::Cluster;
use crate::cluster::kept;
use crate::failure::{Action, Failure, Result};
use crate::progress::Progress;

/// File of the contexts that were confirmed, with the addresses they led to.
const CONFIRMED: &str = "clusters.json";
/// Setting that confirms every cluster.
const YES: &str = "AZDS_YES";
/// Words in the name of a context that speak of production.
const PRODUCTION: [&str; 4] = ["live", "prd", "prod", "production"];

/// Fails unless the developer has confirmed, now or earlier, that azds may work in the cluster.
/// `what` does not happen otherwise.
pub async fn confirm(cluster: &Cluster, what: &str, progress: &Progress) -> Result<()> {
    if std::env::var_os(YES).is_some_and(|value| !value.is_empty()) {
        return Ok(());
    }
    let mut known = kept::read(CONFIRMED, "the confirmed clusters are not known")?;
    if known.get(&cluster.context) == Some(&cluster.address) {
        return Ok(());
    }
    let about = about(cluster, known.get(&cluster.context));
    let failure = |why: &str| Failure::new(what, format!("context {}", cluster.context), why);
    let question = format!("{about}. Is that the cluster you mean?");
    match progress.confirm(&question).await {
        Some(true) => {
            known.insert(cluster.context.clone(), cluster.address.clone());
            kept::write(CONFIRMED, &known, "the confirmation was not kept")
        }
        Some(false) => Err(failure("it was not confirmed").try_to(
            "Choose another context (kubectl config use-context NAME), or confirm this one.",
        )),
        None => Err(failure(&about)
            .try_to("Confirm it once: run azds up in a terminal or from the editor's commands; in scripts add --yes.")
            .offer(Action::Up)),
    }
}

fn about(cluster: &Cluster, before: Option<&String>) -> String {
    let Cluster {
        context, address, ..
    } = cluster;
    let production = match looks_like_production(context) {
        true => ", whose name looks like production",
        false => "",
    };
    let change = match before {
        Some(before) => format!(" (it led to {before} before)"),
        None => String::new(),
    };
    format!("azds has never worked with context {context}{production}, at {address}{change}")
}

/// Whether one of the words of a context's name speaks of production.
fn looks_like_production(context: &str) -> bool {
    let mut words = context.split(|c: char| !c.is_alphanumeric());
    words.any(|word| PRODUCTION.contains(&word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_is_known_by_a_word_of_the_name() {
        for (context, expected) in [
            ("prod", true),
            ("eu-prod-1", true),
            ("arn:aws:eks:eu:1:cluster/Production", true),
            ("shop_live", true),
            ("products", false),
            ("reproduction", false),
            ("dev", false),
        ] {
            assert_eq!(looks_like_production(context), expected, "{context}");
        }
    }
}
