use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

/// What did not happen, to which object, why, and what to try.
///
/// The one error type of azds. It is shown as *"WHAT: OBJECT WHY. TRY."* and written as
/// `{what, object, why, try}` where a program reads it. None of its texts may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Failure {
    /// What did not happen, as a sentence without its full stop: "producer did not start".
    pub what: String,
    /// To which object: a path, a pod, a release, an address.
    pub object: String,
    /// Why, in the words of whoever said so where there are any.
    pub why: String,
    /// What to try, as a sentence of its own. Empty where nothing sensible is known.
    #[serde(rename = "try", default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// Who can do something about it.
    #[serde(default, skip_serializing_if = "Audience::is_user")]
    pub audience: Audience,
    /// The command that does what [`Failure::remedy`] says, where one does: an editor's button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Box<Action>>,
}

/// A command that an editor can offer to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Action {
    /// `azds prep`.
    Prep,
    /// `azds up`.
    Up,
    /// `azds space select`.
    SelectSpace,
    /// `azds doctor`.
    Doctor,
    /// `azds debugger install`.
    InstallDebugger {
        /// `dotnet`, `python`.
        runtime: String,
    },
}

/// Who can do something about a [`Failure`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// The person who gave the command: a wrong file, a missing right, an unreachable cluster.
    #[default]
    User,
    /// The makers of azds: an invariant that did not hold.
    Us,
}

impl Audience {
    fn is_user(&self) -> bool {
        *self == Audience::User
    }
}

impl Failure {
    /// A failure that the user can do something about. Add what to try with [`Failure::try_to`].
    pub fn new(
        what: impl Into<String>,
        object: impl Into<String>,
        why: impl Into<String>,
    ) -> Failure {
        Failure {
            what: what.into(),
            object: object.into(),
            why: why.into(),
            remedy: String::new(),
            audience: Audience::User,
            action: None,
        }
    }

    /// A fault of azds itself.
    pub fn ours(
        what: impl Into<String>,
        object: impl Into<String>,
        why: impl Into<String>,
    ) -> Failure {
        Failure {
            audience: Audience::Us,
            ..Failure::new(what, object, why)
        }
    }

    /// Says what to try.
    #[must_use]
    pub fn try_to(mut self, remedy: impl Into<String>) -> Failure {
        self.remedy = remedy.into();
        self
    }

    /// Offers the command that does what is to be tried.
    #[must_use]
    pub fn offer(mut self, action: Action) -> Failure {
        self.action = Some(Box::new(action));
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what.trim_end_matches('.');
        plainly(f, what)?;
        let reason = [self.object.trim(), self.why.trim().trim_end_matches('.')]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(": ");
        if !reason.is_empty() {
            f.write_str(": ")?;
            plainly(f, &reason)?;
        }
        let last = if reason.is_empty() { what } else { &reason };
        if !last.ends_with(['?', '!']) {
            f.write_str(".")?;
        }
        if !self.remedy.is_empty() {
            f.write_str(" ")?;
            plainly(f, &self.remedy)?;
        }
        if self.audience == Audience::Us {
            f.write_str(" (This is a fault of azds.)")?;
        }
        Ok(())
    }
}

/// Writes a text that may come from the cluster: nobody's message commands the terminal that shows it.
fn plainly(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let harmless = |letter: char| match letter {
        '\n' | '\t' => letter,
        letter if letter.is_control() => char::REPLACEMENT_CHARACTER,
        letter => letter,
    };
    text.chars()
        .try_for_each(|letter| f.write_char(harmless(letter)))
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_gets_no_full_stop() {
        let failure = Failure::new("nothing was started", "", "did you mean `a`?").try_to("Try.");
        assert_eq!(
            failure.to_string(),
            "nothing was started: did you mean `a`? Try."
        );
    }

    #[test]
    fn a_message_of_the_cluster_does_not_command_a_terminal() {
        let failure = Failure::new("it did not start", "pod p", "a\u{1b}[2Jb\rc\u{9b}d\n\te");
        assert_eq!(
            failure.to_string(),
            "it did not start: pod p: a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\n\te."
        );
    }

    #[test]
    fn one_sentence_for_people_and_four_fields_for_programs() {
        let failure = Failure::new("producer did not start", "pod producer-5c9d7", "no image")
            .try_to("Run Up again.");
        assert_eq!(
            failure.to_string(),
            "producer did not start: pod producer-5c9d7: no image. Run Up again."
        );
        assert_eq!(
            serde_json::to_value(&failure).expect("plain strings"),
            serde_json::json!({
                "what": "producer did not start",
                "object": "pod producer-5c9d7",
                "why": "no image",
                "try": "Run Up again.",
            })
        );
        let runtime = "python".into();
        let failure = failure.offer(Action::InstallDebugger { runtime });
        assert_eq!(
            serde_json::to_value(&failure).expect("plain strings")["action"],
            serde_json::json!({"command": "install-debugger", "runtime": "python"})
        );
    }
}
