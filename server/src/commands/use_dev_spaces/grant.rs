//! The rights of a space's developers.

use k8s_openapi::api::rbac::v1::{Role, RoleBinding, RoleRef, Subject};
use kube::Api;
use kube::api::ObjectMeta;

use super::apply;
use crate::cluster::client::Cluster;
use crate::cluster::rights::{self, Right};
use crate::failure::{Context, Result};

/// Name of the Role and of its RoleBinding.
pub const DEVELOPER: &str = "azds-developer";
const ROLE: &str = include_str!("developer.yaml");
const GROUP: &str = "rbac.authorization.k8s.io";
const WHAT: &str = "the rights were not given";

/// What a developer may do in a space.
pub fn rights() -> Result<Vec<Right>> {
    let role: Role = serde_saphyr::from_str(ROLE).or_fail(WHAT, DEVELOPER)?;
    Ok(rights::of_rules(&role.rules.unwrap_or_default()))
}

/// Lets users and groups work in a space, besides those who may already.
pub async fn grant(cluster: &Cluster, space: &str, whom: &[String]) -> Result<bool> {
    let roles: Api<Role> = Api::namespaced(cluster.client.clone(), space);
    let bindings: Api<RoleBinding> = Api::namespaced(cluster.client.clone(), space);
    let role: Role = serde_saphyr::from_str(ROLE).or_fail(WHAT, DEVELOPER)?;
    let known = bindings
        .get_opt(DEVELOPER)
        .await
        .map_err(cluster.failed(WHAT, &format!("RoleBinding {DEVELOPER} in {space}")))?;
    let mut subjects = known.and_then(|it| it.subjects).unwrap_or_default();
    for subject in whom.iter().map(|name| subject(name)) {
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    let binding = RoleBinding {
        metadata: ObjectMeta {
            name: Some(DEVELOPER.to_owned()),
            ..ObjectMeta::default()
        },
        role_ref: RoleRef {
            api_group: Some(GROUP.to_owned()),
            kind: "Role".to_owned(),
            name: DEVELOPER.to_owned(),
        },
        subjects: Some(subjects),
    };
    let role = apply(cluster, &roles, &role, WHAT).await?;
    let binding = apply(cluster, &bindings, &binding, WHAT).await?;
    Ok(role || binding)
}

fn subject(name: &str) -> Subject {
    let (kind, name) = match name.strip_prefix("group:") {
        Some(group) => ("Group", group),
        None => ("User", name),
    };
    Subject {
        api_group: Some(GROUP.to_owned()),
        kind: kind.to_owned(),
        name: name.to_owned(),
        namespace: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_is_small_and_has_no_exec() {
        let role: Role = serde_saphyr::from_str(ROLE).expect("the Role");
        let rules = role.rules.expect("rules");
        assert!(rules.len() <= 12);
        for rule in &rules {
            for resource in rule.resources.iter().flatten() {
                assert!(!resource.contains("exec") && resource != "*");
            }
            assert!(rule.verbs.iter().all(|verb| verb != "*"));
        }
        let forward = rules.iter().find(|rule| {
            rule.resources
                .iter()
                .flatten()
                .any(|it| it == "pods/portforward")
        });
        assert_eq!(forward.expect("a rule").verbs, ["get", "create"]);
    }

    #[test]
    fn the_role_is_documented_as_it_is() {
        let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rights.md");
        let page = std::fs::read_to_string(page).expect("a page");
        assert!(page.contains(&format!("```yaml\n{ROLE}```")), "{ROLE}");
    }

    #[test]
    fn users_and_groups() {
        assert_eq!(subject("alice").kind, "User");
        let group = subject("group:dev");
        assert_eq!((group.kind.as_str(), group.name.as_str()), ("Group", "dev"));
    }
}
