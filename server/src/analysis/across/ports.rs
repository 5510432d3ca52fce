//! Ports: what the Dockerfile exposes, what the container has, what the Service leads to, and what
//! ASP.NET listens on.

use std::ops::Range;

use super::dockerfile::Dockerfile;
use crate::analysis::chart::reads::{Path, Step};
use crate::analysis::service::{Found, Service};
use crate::analysis::{Code, Problem};

/// A port in a template.
struct Port {
    /// Path of the file that says it, and where.
    place: (String, Range<usize>),
    number: u64,
}

/// A value in a template, as far as it is understood.
enum Said {
    Number(Port),
    Name(String),
    Unknown,
}

impl Service {
    /// Ports that do not fit together. Nothing is said where one of them can't be known.
    pub(super) fn ports(&self, path: &str, dockerfile: &Dockerfile, found: &mut Vec<Found>) {
        let Some(container) = self.numbers("containerPort") else {
            return;
        };
        let exposed = dockerfile.exposed().unwrap_or_default();
        let is_exposed = |port: &Port| exposed.iter().any(|(number, _)| *number == port.number);
        if !exposed.is_empty() && !container.is_empty() && !container.iter().any(is_exposed) {
            let ports: Vec<String> = exposed.iter().map(|(port, _)| port.to_string()).collect();
            for port in &container {
                let message = format!(
                    "The container's port is {}, but {path} exposes {}: the Service leads to a port that nobody listens on.",
                    port.number,
                    ports.join(", ")
                );
                let (path, range) = port.place.clone();
                let mut problem = Problem::warning(Code::PortMismatch, range.clone(), message);
                if let ([only], false) = (ports.as_slice(), self.chart.template(&path).is_some()) {
                    problem = problem
                        .fixed_by(format!("Change to {only}"), range, only.as_str())
                        .not_automatic();
                }
                found.push(Found { path, problem });
            }
        }
        self.target_ports(&container, found);
        self.listening(path, dockerfile, &container, found);
    }

    /// Ports of the Service that lead to no port of the container.
    fn target_ports(&self, container: &[Port], found: &mut Vec<Found>) {
        if container.is_empty() {
            return;
        }
        for (template, range) in self.lines("targetPort") {
            let (path, source) = &self.chart.templates[template];
            let message = match self.said(template, range.clone()) {
                Said::Number(port) if !container.iter().any(|it| it.number == port.number) => {
                    format!("No container has the port {}.", port.number)
                }
                Said::Name(name) if !self.has_port_named(&name) => {
                    format!("No port of a container has the name `{name}`.")
                }
                _ => continue,
            };
            let written = source.text()[range.clone()].trim_end().len();
            found.push(Found {
                path: path.clone(),
                problem: Problem::warning(
                    Code::PortMismatch,
                    range.start..range.start + written,
                    message,
                ),
            });
        }
    }

    /// What `ASPNETCORE_URLS` names, unless the chart sets it, too.
    fn listening(
        &self,
        path: &str,
        dockerfile: &Dockerfile,
        container: &[Port],
        found: &mut Vec<Found>,
    ) {
        let texts = self.chart.templates.iter().map(|(_, source)| source.text());
        let of_chart = |text: &str| text.contains("ASPNETCORE_") || text.contains("envFrom");
        if container.is_empty() || texts.into_iter().any(of_chart) {
            return;
        }
        let Some((urls, range)) = dockerfile.variable("ASPNETCORE_URLS") else {
            return;
        };
        let Some(ports) = ports_of_urls(&urls) else {
            return;
        };
        if container.iter().any(|port| ports.contains(&port.number)) {
            return;
        }
        let numbers: Vec<String> = container
            .iter()
            .map(|port| port.number.to_string())
            .collect();
        let message = format!(
            "The service listens on `{urls}`, but the container's port is {}.",
            numbers.join(", ")
        );
        found.push(Found {
            path: path.to_owned(),
            problem: Problem::warning(Code::PortMismatch, range, message),
        });
    }

    /// The ports that all templates say for a key; `None` if one of them can't be known.
    fn numbers(&self, key: &str) -> Option<Vec<Port>> {
        let lines = self.lines(key).into_iter();
        lines
            .map(|(template, range)| match self.said(template, range) {
                Said::Number(port) => Some(port),
                Said::Name(_) | Said::Unknown => None,
            })
            .collect()
    }

    /// What stands after `key:` in the templates.
    fn lines(&self, key: &str) -> Vec<(usize, Range<usize>)> {
        let mut lines = Vec::new();
        for (number, (_, source)) in self.chart.templates.iter().enumerate() {
            let text = source.text();
            for (at, found) in text.match_indices(key) {
                let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
                let before = text[start..at].trim_start().trim_start_matches("- ");
                let rest = &text[at + found.len()..];
                let Some(value) = rest.strip_prefix(':').filter(|_| before.is_empty()) else {
                    continue;
                };
                let line = value.lines().next().unwrap_or_default();
                let start = at + found.len() + 1 + line.len() - line.trim_start().len();
                lines.push((number, start..start + line.trim().len()));
            }
        }
        lines
    }

    /// A number, a name, or the value that an action reads.
    fn said(&self, template: usize, range: Range<usize>) -> Said {
        let (path, source) = &self.chart.templates[template];
        let written = source.text()[range.clone()].trim();
        if !written.starts_with("{{") {
            let plain = written.trim_matches(['"', '\'']);
            return match plain.parse() {
                Ok(number) => Said::Number(Port {
                    place: (path.clone(), range),
                    number,
                }),
                Err(_) if written.contains("{{") || written.is_empty() => Said::Unknown,
                Err(_) => Said::Name(plain.to_owned()),
            };
        }
        let Some((setting, place)) = self.value_of_action(template, &range) else {
            return Said::Unknown;
        };
        match setting {
            serde_json::Value::Number(number) => match number.as_u64() {
                Some(number) => Said::Number(Port { place, number }),
                None => Said::Unknown,
            },
            serde_json::Value::String(text) => match text.parse() {
                Ok(number) => Said::Number(Port { place, number }),
                Err(_) => Said::Name(text),
            },
            _ => Said::Unknown,
        }
    }

    /// The value of an action that reads one value and does nothing else that matters, and the place
    /// that sets it.
    fn value_of_action(
        &self,
        template: usize,
        range: &Range<usize>,
    ) -> Option<(serde_json::Value, (String, Range<usize>))> {
        let reads = self.chart.reads.reads.iter().filter(|read| {
            read.template == template
                && range.start <= read.range.start
                && read.range.end <= range.end
        });
        let mut paths: Vec<&Path> = reads.map(|read| &read.path).collect();
        paths.dedup();
        let [path] = paths.as_slice() else {
            return None;
        };
        if path.contains(&Step::Each) {
            return None;
        }
        let settings = self.settings_of(path);
        let winner = settings.iter().rfind(|setting| setting.counts)?;
        let place = (
            self.layers[winner.layer].path.clone(),
            winner.value.range.clone(),
        );
        Some((self.effective(path)?, place))
    }

    fn has_port_named(&self, name: &str) -> bool {
        // A name that a template puts together can't be known, so it may be this one.
        self.lines("name").into_iter().any(|(template, range)| {
            let text = self.chart.templates[template].1.text();
            let is_of_container = text.contains("containerPort");
            match self.said(template, range) {
                Said::Name(other) => is_of_container && other == name,
                Said::Number(_) => false,
                Said::Unknown => is_of_container,
            }
        })
    }
}

/// The ports of `http://+:80;https://+:443`; `None` if one can't be read.
fn ports_of_urls(urls: &str) -> Option<Vec<u64>> {
    let urls = urls.split(';').filter(|url| !url.is_empty());
    urls.map(|url| {
        let (scheme, address) = url.split_once("://")?;
        let address = address.trim_end_matches('/');
        match (address.rsplit_once(':'), scheme) {
            (Some((_, port)), _) => port.parse().ok(),
            (None, "http") => Some(80),
            (None, _) => Some(443),
        }
    })
    .collect()
}
