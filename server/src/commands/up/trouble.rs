//! Why a rollout goes no further, in the words of the cluster, and what to try.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::rollout::Verdict;
use crate::cluster::client::Cluster;
use crate::cluster::pods::{self, Stuck};
use crate::failure::Failure;

/// What a verdict that ends an `up` says; `None` for those that go on. `what` did not happen, to
/// `object`.
pub async fn trouble(
    cluster: &Cluster,
    what: &str,
    object: &str,
    verdict: &Verdict<'_>,
) -> Option<Failure> {
    let failure = |why: String| Failure::new(what, object, why);
    Some(match verdict {
        Verdict::Done(_) | Verdict::Waiting(_) => return None,
        Verdict::Unscheduled(pod, why) => {
            failure(format!("no node takes pod {}: {why}", pod.name_any()))
                .try_to("Make room in the cluster, or lower what the chart requests.")
        }
        Verdict::Stuck(pod, stuck) => {
            let (why, remedy) = stuck_pod(cluster, pod, stuck).await;
            failure(why).try_to(remedy)
        }
        Verdict::NotCompleted(pod) => failure(format!(
            "pod {} was created without its build: the webhook of azds did not complete it",
            pod.name_any()
        ))
        .try_to("See whether azds-initializer runs (azds doctor, or kubectl -n azds get pods); azds up then makes the pod anew."),
        Verdict::Refused(set, why) => {
            failure(format!("the cluster refuses the pods of {}: {why}", set.name_any())).try_to(
                "Change the chart's resources or security settings so that they fit, or ask for more quota.",
            )
        }
        Verdict::OtherImages(images) => failure(format!(
            "its chart uses {} instead of the image that is built",
            images.join(", ")
        ))
        .try_to("Let azds.yaml set what the chart takes the tag from: install: set: image: tag: $(tag)."),
    })
}

async fn stuck_pod(cluster: &Cluster, pod: &Pod, stuck: &Stuck) -> (String, String) {
    let name = pod.name_any();
    let whom = match &stuck.container {
        Some(container) => format!("container {container} in pod {name}"),
        None => format!("pod {name}"),
    };
    let said = match stuck.message.trim() {
        "" => String::new(),
        message => format!(" ({message})"),
    };
    let words = pods::last_words(cluster, pod, stuck.ran()).await;
    let pulls_always = pods::pulls_what_was_built(pod);
    let remedy = match stuck.reason.as_str() {
        _ if pulls_always => {
            "The image is on the node and in no registry: take imagePullPolicy: Always out of the chart, and have the cluster's admission plugin AlwaysPullImages turned off if it is on (azds doctor sees that)."
        }
        "CrashLoopBackOff" | "Error" => {
            "Correct what its output complains of and run azds up again."
        }
        "ErrImageNeverPull" => {
            "The node has lost the image: run azds up again, which builds it anew."
        }
        "ImagePullBackOff" | "InvalidImageName" => {
            "Correct the image's name in the chart or its values, or make it reachable from the cluster."
        }
        _ => "Correct the chart or its values and run azds up again.",
    };
    let remedy = match (stuck.reason.as_str(), pods::pushed_to(pod)) {
        ("ImagePullBackOff", Some(registry)) if stuck.message.contains(registry) => format!(
            "The image is in {registry}, and the node does not get it: have an administrator see that nodes reach this registry and trust its certificate, and that the Secrets of imagePullSecrets are in this space."
        ),
        _ => remedy.to_owned(),
    };
    (
        format!("{whom} waits with {}{said}{words}", stuck.reason),
        remedy,
    )
}
