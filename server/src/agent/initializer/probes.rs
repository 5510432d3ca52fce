//! Sends a container's probes through `azds-agent probe`, which gives the real result, and success
//! while a debugger holds the process. The probes of a running pod can't be changed, so this is
//! done from the start.
//!
//! HTTPS and gRPC probes, and those that name a host, stay as they are.

use std::net::IpAddr;

use azds_protocol::agent::AGENT_FOLDER;
use serde_json::{Value, json};

/// The probe that does the same through the agent, where there is one.
pub fn through_agent(container: &Value, probe: &Value, host: usize) -> Option<Value> {
    let mut command = vec![
        json!(format!("{AGENT_FOLDER}/azds-agent")),
        json!("probe"),
        json!("--index"),
        json!(host.to_string()),
    ];
    let (kind, rest) = handler(container, probe)?;
    command.extend(rest.into_iter().map(Value::String));
    let mut ours = probe.clone();
    let fields = ours.as_object_mut()?;
    fields.remove(kind);
    fields.insert("exec".into(), json!({ "command": command }));
    Some(ours)
}

/// The kind of a probe and the arguments by which `azds-agent probe` does it.
fn handler(container: &Value, probe: &Value) -> Option<(&'static str, Vec<String>)> {
    if let Some(get) = probe["httpGet"].as_object() {
        let scheme = get.get("scheme").and_then(Value::as_str).unwrap_or("HTTP");
        if scheme != "HTTP" {
            return None;
        }
        let mut args = vec!["http".to_owned(), port(container, get.get("port")?)?];
        let path = get.get("path").and_then(Value::as_str).unwrap_or("/");
        args.push(path.to_owned());
        if let Some(host) = get.get("host").and_then(Value::as_str) {
            args.push(numeric(host)?);
        }
        for header in get
            .get("httpHeaders")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let (name, value) = (header["name"].as_str()?, header["value"].as_str()?);
            args.push(format!("--header={name}: {value}"));
        }
        return Some(("httpGet", args));
    }
    if let Some(socket) = probe["tcpSocket"].as_object() {
        let mut args = vec!["tcp".to_owned(), port(container, socket.get("port")?)?];
        if let Some(host) = socket.get("host").and_then(Value::as_str) {
            args.push(numeric(host)?);
        }
        return Some(("tcpSocket", args));
    }
    let command = probe["exec"]["command"].as_array()?;
    let mut args = vec!["exec".to_owned(), "--".to_owned()];
    args.extend(command.iter().filter_map(Value::as_str).map(str::to_owned));
    Some(("exec", args))
}

/// The argument for a host of its own. The agent resolves no names.
fn numeric(host: &str) -> Option<String> {
    let address: IpAddr = host.parse().ok()?;
    Some(format!("--host={address}"))
}

/// A port by number, or by its name among the container's ports.
fn port(container: &Value, port: &Value) -> Option<String> {
    if let Some(number) = port.as_u64() {
        return Some(number.to_string());
    }
    let name = port.as_str()?;
    let ports = container["ports"].as_array()?;
    let found = ports.iter().find(|port| port["name"] == name)?;
    Some(found["containerPort"].as_u64()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(container: Value, probe: Value) -> Option<String> {
        let ours = through_agent(&container, &probe, 1)?;
        let words = ours["exec"]["command"].as_array().expect("a list");
        let words: Vec<_> = words
            .iter()
            .map(|word| word.as_str().expect("text"))
            .collect();
        Some(words.join(" "))
    }

    #[test]
    fn each_kind_keeps_what_it_asked() {
        let named = json!({"ports": [{"name": "web", "containerPort": 8080}]});
        let http = json!({"httpGet": {"port": "web", "path": "/up", "httpHeaders": [{"name": "X", "value": "y"}]}});
        assert_eq!(
            command(named.clone(), http).as_deref(),
            Some("/azds/azds-agent probe --index 1 http 8080 /up --header=X: y")
        );
        assert_eq!(
            command(named.clone(), json!({"tcpSocket": {"port": 9}})).as_deref(),
            Some("/azds/azds-agent probe --index 1 tcp 9")
        );
        assert_eq!(
            command(named, json!({"exec": {"command": ["cat", "x"]}})).as_deref(),
            Some("/azds/azds-agent probe --index 1 exec -- cat x")
        );
    }

    #[test]
    fn the_other_fields_of_a_probe_stay() {
        let probe = json!({"tcpSocket": {"port": 9}, "periodSeconds": 3});
        let ours = through_agent(&json!({}), &probe, 0).expect("a probe");
        assert_eq!(ours["periodSeconds"], 3);
        assert!(ours.get("tcpSocket").is_none());
    }

    #[test]
    fn what_the_agent_cannot_do_stays_as_it_is() {
        let https = json!({"httpGet": {"port": 1, "scheme": "HTTPS"}});
        let unnamed = json!({"httpGet": {"port": "web"}});
        for probe in [https, unnamed, json!({"grpc": {"port": 1}}), json!(null)] {
            assert_eq!(through_agent(&json!({}), &probe, 0), None);
        }
    }
}
