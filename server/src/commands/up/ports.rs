//! The local ports that an `up` is asked to open.

use azds_protocol::commands::PortMapping;

use crate::cluster::tunnels::{self, Route};
use crate::commands::owner;
use crate::failure::Result;

/// Fails if a local port that was asked for is not to be had, before anything was changed.
pub(super) async fn are_free(key: &str, ports: &[PortMapping]) -> Result<()> {
    if ports.is_empty() {
        return Ok(());
    }
    let ours = owner::find(key).await?.map(|owned| owned.local_ports);
    for port in ports {
        if !ours.as_ref().is_some_and(|ours| ours.contains(&port.local)) {
            tunnels::bind(port.local).await?;
        }
    }
    Ok(())
}

/// Gives the routes the local ports that were asked for. A port that no Service has is the pod's.
pub(super) fn apply(routes: &mut Vec<Route>, ports: &[PortMapping], service: &str) {
    for mapping in ports {
        let known = routes
            .iter()
            .position(|route| route.port == mapping.remote)
            .or_else(|| {
                routes
                    .iter()
                    .position(|route| route.target == mapping.remote)
            });
        match known {
            Some(at) => routes[at].local = Some(mapping.local),
            None => routes.push(Route {
                service: service.to_owned(),
                port: mapping.remote,
                name: None,
                target: mapping.remote,
                local: Some(mapping.local),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_are_asked_for_are_the_services_or_the_pods() {
        let route = |port, target| Route {
            service: "producer".to_owned(),
            port,
            name: None,
            target,
            local: None,
        };
        let mut routes = vec![route(80, 8080), route(443, 8443)];
        let asked = [(5000, 80), (5001, 8443), (5002, 9229)];
        let asked = asked.map(|(local, remote)| PortMapping { local, remote });
        apply(&mut routes, &asked, "producer");
        let given: Vec<_> = routes
            .iter()
            .map(|route| (route.target, route.local))
            .collect();
        assert_eq!(
            given,
            [(8080, Some(5000)), (8443, Some(5001)), (9229, Some(5002))]
        );
    }
}
