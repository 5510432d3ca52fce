//! What a person sees of a command in a terminal: its steps while it runs, tables at its end.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use azds_protocol::commands::{ContextResult, ServiceRow, SpaceRow, UriRow, UriStatus};
use comfy_table::Table;
use comfy_table::presets::NOTHING;

use crate::progress::{Answer, Watcher};

/// Writes the progress of an operation as lines: a step with the time it took behind it, or, if
/// something else was to be written meanwhile, in a second line.
pub struct Lines<W> {
    to: Mutex<Written<W>>,
    confirmed: bool,
}

struct Written<W> {
    to: W,
    steps: HashMap<u64, (String, Instant)>,
    /// The step whose line has no end yet.
    open: Option<u64>,
}

impl<W: Write> Written<W> {
    fn line(&mut self, line: std::fmt::Arguments<'_>) -> std::io::Result<()> {
        self.close()?;
        writeln!(self.to, "{line}")
    }

    fn close(&mut self) -> std::io::Result<()> {
        match self.open.take() {
            Some(_) => writeln!(self.to),
            None => Ok(()),
        }
    }
}

impl<W: Write> Lines<W> {
    /// Writes to `to`. `confirmed`: every question is answered with yes, and not shown.
    pub fn new(to: W, confirmed: bool) -> Lines<W> {
        Lines {
            confirmed,
            to: Mutex::new(Written {
                to,
                steps: HashMap::new(),
                open: None,
            }),
        }
    }

    fn write(&self, write: impl FnOnce(&mut Written<W>) -> std::io::Result<()>) {
        // What a panicked writer left is as good as any; and nobody can be told that the terminal
        // is gone.
        let mut written = self
            .to
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = write(&mut written);
    }
}

impl<W: Write + Send> Watcher for Lines<W> {
    fn began(&self, step: u64, title: &str) {
        self.write(|it| {
            it.close()?;
            it.steps.insert(step, (title.to_owned(), Instant::now()));
            it.open = Some(step);
            write!(it.to, "{title}...")?;
            it.to.flush()
        });
    }

    fn said(&self, _: u64, message: &str) {
        self.write(|it| {
            let mut lines = message.lines();
            lines.try_for_each(|line| it.line(format_args!("  {line}")))
        });
    }

    fn ended(&self, step: u64) {
        self.write(|it| {
            let Some((title, begun)) = it.steps.remove(&step) else {
                return Ok(());
            };
            let took = elapsed(begun.elapsed());
            if it.open == Some(step) {
                it.open = None;
                return writeln!(it.to, "{took}");
            }
            it.line(format_args!("{title}...{took}"))
        });
    }

    fn warned(&self, message: &str) {
        self.write(|it| it.line(format_args!("WARNING: {message}")));
    }

    fn asked(&self, question: &str) -> Answer {
        if self.confirmed {
            return Box::pin(std::future::ready(Some(true)));
        }
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return Box::pin(std::future::ready(None));
        }
        self.write(|it| {
            it.close()?;
            write!(it.to, "{question} [y/N] ")?;
            it.to.flush()
        });
        Box::pin(async {
            let read = tokio::task::spawn_blocking(|| {
                let mut line = String::new();
                // Nothing more to read is no.
                let _ = std::io::stdin().read_line(&mut line);
                matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
            });
            read.await.ok()
        })
    }
}

/// A time as people say it: `2.3s`, `12s`, `2m 5s`.
pub fn elapsed(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 60.. => format!("{}m {}s", seconds / 60, seconds % 60),
        10.. => format!("{}s", time.as_secs()),
        _ => format!("{:.1}s", time.as_secs_f64()),
    }
}

/// The table of `list-up`.
pub fn services(rows: &[ServiceRow], now: jiff::Timestamp) -> String {
    let rows = rows.iter().map(|row| {
        [
            row.name.clone(),
            row.dev_space.clone(),
            row.kind.clone(),
            ago(&row.updated, now),
            row.status.clone(),
        ]
    });
    table(&["Name", "DevSpace", "Type", "Updated", "Status"], rows)
}

/// The table of `list-uris`.
pub fn uris(rows: &[UriRow]) -> String {
    let rows = rows.iter().map(|row| {
        let status = match row.status {
            UriStatus::Available => "Available",
            UriStatus::Pending => "Pending",
            UriStatus::Tunneled => "Tunneled",
        };
        [row.uri.clone(), status.to_owned()]
    });
    table(&["Uri", "Status"], rows)
}

/// The table of `space list`.
pub fn spaces(rows: &[SpaceRow]) -> String {
    let rows = rows.iter().map(|row| {
        let enabled = if row.dev_spaces_enabled {
            "True"
        } else {
            "False"
        };
        let name = match &row.parent {
            Some(parent) => format!("{parent}/{}", row.name),
            None => row.name.clone(),
        };
        let mark = if row.selected { "*" } else { "" };
        [mark.to_owned(), name, enabled.to_owned()]
    });
    table(&["", "Name", "DevSpacesEnabled"], rows)
}

/// The table of `show-context`.
pub fn context(context: &ContextResult) -> String {
    let above = context
        .parents
        .iter()
        .rev()
        .map(|parent| format!("{parent}/"));
    let space = above.collect::<String>() + &context.dev_space;
    let row = [context.name.clone(), space, context.host_suffix.clone()];
    table(&["Name", "DevSpace", "HostSuffix"], std::iter::once(row))
}

/// Rows below a head.
pub fn table<const N: usize>(
    header: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header.to_vec());
    table.add_rows(rows);
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

fn ago(time: &str, now: jiff::Timestamp) -> String {
    let Ok(time) = time.parse::<jiff::Timestamp>() else {
        return time.to_owned();
    };
    let seconds = now.as_second().saturating_sub(time.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds}s ago"),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86400 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_plain_columns() {
        let now = "2026-11-23T02:00:00Z".parse().expect("a time");
        let row = |name: &str, updated: &str, status: &str| ServiceRow {
            name: name.to_owned(),
            dev_space: "dev".to_owned(),
            kind: "Service".to_owned(),
            updated: updated.to_owned(),
            status: status.to_owned(),
            release: String::new(),
        };
        let rows = [
            row("consumer", "2026-11-23T01:59:56Z", "Running"),
            row("producer", "2026-11-22T01:00:00Z", "CrashLoopBackOff"),
        ];
        assert_eq!(
            services(&rows, now),
            " Name      DevSpace  Type     Updated  Status\n \
             consumer  dev       Service  4s ago   Running\n \
             producer  dev       Service  1d ago   CrashLoopBackOff\n"
        );
    }

    #[test]
    fn a_step_is_told_with_its_time_and_its_words_below_it() {
        let lines = Lines::new(Vec::new(), false);
        lines.began(1, "Synchronizing files");
        lines.ended(1);
        lines.began(2, "Installing Helm chart");
        lines.said(2, "two\nlines");
        lines.warned("look out");
        lines.ended(2);
        let written = lines.to.into_inner().expect("not poisoned").to;
        assert_eq!(
            String::from_utf8(written).expect("text"),
            "Synchronizing files...0.0s\nInstalling Helm chart...\n  two\n  lines\nWARNING: look out\nInstalling Helm chart...0.0s\n"
        );
        assert_eq!(elapsed(Duration::from_millis(2345)), "2.3s");
        assert_eq!(elapsed(Duration::from_secs(125)), "2m 5s");
    }
}
