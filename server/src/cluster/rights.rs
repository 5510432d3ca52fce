//! What a user may do in a space.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, ResourceRule, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
    SelfSubjectRulesReview, SelfSubjectRulesReviewSpec,
};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::Api;
use kube::api::PostParams;

use super::client::Cluster;
use crate::failure::{Failure, Result};

const WHAT: &str = "your rights are not known";

/// Something that a user may be allowed to do in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// API group; empty for the core.
    pub group: String,
    /// Plural name of the kind, with `/` and the subresource if it is about one.
    pub resource: String,
    /// `get`, `create`, …
    pub verb: String,
}

/// The rights that rules give.
pub fn of_rules(rules: &[PolicyRule]) -> Vec<Right> {
    let mut rights = Vec::new();
    for rule in rules {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                rights.extend(rule.verbs.iter().map(|verb| Right {
                    group: group.clone(),
                    resource: resource.clone(),
                    verb: verb.clone(),
                }));
            }
        }
    }
    rights
}

/// The rights among `wanted` that the user lacks in a namespace.
pub async fn missing(cluster: &Cluster, space: &str, wanted: &[Right]) -> Result<Vec<Right>> {
    let rules: Api<SelfSubjectRulesReview> = Api::all(cluster.client.clone());
    let review = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec {
            namespace: Some(space.to_owned()),
        },
        ..SelfSubjectRulesReview::default()
    };
    let answer = rules
        .create(&PostParams::default(), &review)
        .await
        .map_err(cluster.failed(WHAT, &format!("namespace {space}")))?;
    let rules = answer
        .status
        .map(|status| status.resource_rules)
        .unwrap_or_default();
    // The list may be incomplete where others than RBAC decide: what it lacks is asked one by one.
    let doubtful = wanted
        .iter()
        .filter(|right| !rules.iter().any(|rule| gives(rule, right)));
    let asked = try_join_all(doubtful.map(|right| async move {
        let allowed = may(cluster, space, right).await?;
        Ok((!allowed).then(|| right.clone()))
    }));
    Ok(asked.await?.into_iter().flatten().collect())
}

/// Fails unless the user has all of `wanted` in `space`; says which rules to ask for.
pub async fn require(cluster: &Cluster, space: &str, wanted: &[Right]) -> Result<()> {
    let missing = missing(cluster, space, wanted).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let named: BTreeSet<String> = missing.iter().map(Right::to_string).collect();
    let named: Vec<String> = named.into_iter().collect();
    let why = format!("the rights to {} are missing", named.join(", "));
    Err(Failure::new(
        "you may not work in this space",
        format!("namespace {space}"),
        why,
    )
    .try_to(format!(
        "{} Or ask for these rules in a Role: {}",
        grant_remedy(space),
        rules(&missing)
    )))
}

/// What to ask an administrator for.
pub fn grant_remedy(space: &str) -> String {
    format!(
        "Ask an administrator of the cluster to run: azds use-dev-spaces --space {space} --grant YOUR-NAME."
    )
}

async fn may(cluster: &Cluster, space: &str, right: &Right) -> Result<bool> {
    let (resource, subresource) = match right.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (right.resource.as_str(), None),
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(space.to_owned()),
                verb: Some(right.verb.clone()),
                group: Some(right.group.clone()),
                resource: Some(resource.to_owned()),
                subresource,
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let answer = reviews
        .create(&PostParams::default(), &review)
        .await
        .map_err(cluster.failed(WHAT, &format!("namespace {space}")))?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Whether a rule of the user's gives a right to all objects of the kind.
fn gives(rule: &ResourceRule, right: &Right) -> bool {
    let holds = |list: &Option<Vec<String>>, wanted: &str| {
        let mut entries = list.iter().flatten();
        entries.any(|entry| entry == "*" || entry == wanted)
    };
    rule.resource_names.as_ref().is_none_or(Vec::is_empty)
        && rule
            .verbs
            .iter()
            .any(|verb| verb == "*" || *verb == right.verb)
        && holds(&rule.api_groups, &right.group)
        && holds(&rule.resources, &right.resource)
}

/// Rights as the rules of a Role, in YAML's short form.
fn rules(rights: &[Right]) -> String {
    let mut verbs: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for right in rights {
        let of = verbs.entry((&right.group, &right.resource)).or_default();
        of.push(&right.verb);
    }
    let rules = verbs.iter().map(|((group, resource), verbs)| {
        let verbs = verbs.join(", ");
        format!("{{apiGroups: [\"{group}\"], resources: [{resource}], verbs: [{verbs}]}}")
    });
    rules.collect::<Vec<_>>().join(", ")
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        match self.group.is_empty() {
            true => Ok(()),
            false => write!(f, ".{}", self.group),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(group: &str, resource: &str, verb: &str) -> Right {
        Right {
            group: group.to_owned(),
            resource: resource.to_owned(),
            verb: verb.to_owned(),
        }
    }

    #[test]
    fn a_rule_gives_what_it_names_and_nothing_beside() {
        let list = |entry: &str| Some(vec![entry.to_owned()]);
        let rule = |group: &str, resource: &str, verb: &str| ResourceRule {
            api_groups: list(group),
            resources: list(resource),
            verbs: vec![verb.to_owned()],
            resource_names: None,
        };
        let log = right("", "pods/log", "get");
        assert!(gives(&rule("", "pods/log", "get"), &log));
        assert!(gives(&rule("*", "*", "*"), &log));
        assert!(!gives(&rule("", "pods", "get"), &log));
        assert!(!gives(&rule("apps", "pods/log", "get"), &log));
        let one = ResourceRule {
            resource_names: list("shop"),
            ..rule("", "pods/log", "get")
        };
        assert!(!gives(&one, &log), "only one pod's");
    }

    #[test]
    fn what_is_missing_is_said_as_rules_of_a_role() {
        let missing = [
            right("", "pods/log", "get"),
            right("apps", "deployments", "create"),
            right("apps", "deployments", "patch"),
        ];
        assert_eq!(
            rules(&missing),
            "{apiGroups: [\"\"], resources: [pods/log], verbs: [get]}, \
             {apiGroups: [\"apps\"], resources: [deployments], verbs: [create, patch]}"
        );
        assert_eq!(missing[1].to_string(), "create deployments.apps");
    }
}
