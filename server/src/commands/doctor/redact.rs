//! Takes secrets out of what is handed to others.

use serde_json::Value;

/// What stands where a secret stood.
pub const REMOVED: &str = "(removed)";
/// Shorter texts are no secrets, and would be found everywhere.
const SHORTEST: usize = 8;
/// Names of what is secret, in lower case, without `-` and `_`.
const SECRET_NAMES: [&str; 9] = [
    "apikey",
    "authorization",
    "clientkey",
    "connectionstring",
    "password",
    "passwd",
    "privatekey",
    "secret",
    "token",
];
/// Keys of azds.yaml and values files below which values may be secrets.
const SECRET_SECTIONS: [&str; 4] = ["args", "env", "secrets", "set"];

/// Knows the secrets of this machine.
#[derive(Default)]
pub struct Redactor {
    known: Vec<String>,
}

impl Redactor {
    /// Takes out these texts wherever they stand, too.
    pub fn knowing(known: impl IntoIterator<Item = String>) -> Redactor {
        let mut known: Vec<String> = known
            .into_iter()
            .filter(|secret| secret.len() >= SHORTEST)
            .collect();
        // A secret may begin with another one.
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Redactor { known }
    }

    /// A text without secrets: those that are known, and what looks like one.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            text = text.replace(secret.as_str(), REMOVED);
        }
        let mut told = String::with_capacity(text.len());
        let mut in_key = false;
        for line in text.split_inclusive('\n') {
            in_key |= line.contains("-----BEGIN") && line.contains("PRIVATE KEY");
            match in_key {
                false => told.push_str(&redact_line(line)),
                true if line.contains("-----END") => told.push_str("(a private key was removed)\n"),
                true => {}
            }
            in_key &= !line.contains("-----END");
        }
        told
    }

    /// An object of the API server without secrets: the values of variables go, whatever they are.
    pub fn object(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.object(item)).collect(),
            Value::Object(mut fields) => {
                fields.remove("managedFields");
                fields.remove("kubectl.kubernetes.io/last-applied-configuration");
                let is_variable = fields.get("name").is_some_and(Value::is_string);
                let fields = fields.into_iter().map(|(name, value)| {
                    let secret = is_secret(&name) || is_variable && name == "value";
                    let value = match (secret, &value) {
                        (true, Value::String(_)) => Value::String(REMOVED.to_owned()),
                        _ => self.object(value),
                    };
                    (name, value)
                });
                Value::Object(fields.collect())
            }
            other => other,
        }
    }

    /// A YAML file without the values of the sections that may hold secrets.
    pub fn yaml(&self, text: &str) -> String {
        let mut told = String::new();
        let mut section = None;
        for line in text.lines() {
            let content = line.trim_start();
            let indent = line.len() - content.len();
            if !content.is_empty() && section.is_some_and(|start| indent <= start) {
                section = None;
            }
            let key = content.split(':').next().unwrap_or_default();
            match section {
                Some(_) if !content.is_empty() && !content.ends_with(':') => {
                    let name = match content.contains(": ") {
                        true => format!("{key}: "),
                        false => String::new(),
                    };
                    told.push_str(&format!("{}{name}{REMOVED}", &line[..indent]));
                }
                _ if section.is_none() && SECRET_SECTIONS.contains(&key) => {
                    section = Some(indent);
                    told.push_str(&format!("{}{key}:", &line[..indent]));
                    if content.len() > key.len() + 1 {
                        told.push_str(&format!(" {REMOVED}"));
                    }
                }
                _ => told.push_str(&self.text(line)),
            }
            told.push('\n');
        }
        told
    }
}

fn redact_line(line: &str) -> String {
    let mut told = String::with_capacity(line.len());
    let mut after_secret_name = false;
    let is_part = |c: char| {
        !c.is_whitespace()
            && !matches!(
                c,
                '"' | '\'' | ',' | ';' | '(' | ')' | '{' | '}' | '[' | ']' | '&' | '?'
            )
    };
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if end == 0 {
            let separator = rest.chars().next().expect("it is not empty");
            told.push(separator);
            rest = &rest[separator.len_utf8()..];
            continue;
        }
        let (word, left) = rest.split_at(end);
        rest = left;
        if after_secret_name && !matches!(word, "=" | ":" | "Bearer" | "Basic") {
            told.push_str(REMOVED);
            after_secret_name = false;
            continue;
        }
        match word.split_once(['=', ':']) {
            Some((name, value)) if is_secret(name) && !value.is_empty() => {
                let separator = &word[name.len()..=name.len()];
                told.push_str(&format!("{name}{separator}{REMOVED}"));
            }
            Some((name, _)) if is_secret(name) => {
                told.push_str(word);
                after_secret_name = true;
            }
            _ => {
                after_secret_name |= matches!(word, "Bearer" | "Basic")
                    || is_secret(word)
                        && rest
                            .trim_start_matches(['"', '\'', ' '])
                            .starts_with([':', '=']);
                told.push_str(&redact_word(word));
            }
        }
    }
    told
}

/// A JSON web token goes, and what stands before the @ of an address.
fn redact_word(word: &str) -> String {
    if word.starts_with("eyJ") && word.matches('.').count() >= 1 {
        return REMOVED.to_owned();
    }
    if let Some((scheme, rest)) = word.split_once("://")
        && let Some((_, host)) = rest.split_once('@')
    {
        return format!("{scheme}://{REMOVED}@{host}");
    }
    word.to_owned()
}

/// Whether the name of a variable or a field says that its value is secret.
pub fn is_secret(name: &str) -> bool {
    // Names of objects of Kubernetes, which are no secrets themselves.
    if name.ends_with("Name") || name.ends_with("automountServiceAccountToken") {
        return false;
    }
    let plain: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    SECRET_NAMES.iter().any(|secret| plain.ends_with(secret))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "hunter2hunter2";

    #[test]
    fn what_looks_like_a_secret_goes_and_the_rest_stays() {
        let redactor = Redactor::knowing(["known-to-be-secret".to_owned(), "ab".to_owned()]);
        for line in [
            format!("Authorization: Bearer {SECRET}"),
            format!("sent with Bearer {SECRET} to pod"),
            format!("DB_PASSWORD={SECRET} in the environment"),
            format!("db-password: {SECRET}"),
            format!("{{\"token\": \"{SECRET}\"}}"),
            format!("token = {SECRET}"),
            format!("https://user:{SECRET}@example.com/path"),
            format!("eyJhbGciOi.{SECRET}.c2ln"),
            format!("-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----\n"),
        ] {
            let told = redactor.text(&line);
            assert!(!told.contains(SECRET), "{line}: {told}");
            assert!(told.contains("removed"), "{line}: {told}");
        }
        assert_eq!(redactor.text("x known-to-be-secret y"), "x (removed) y");
        for line in [
            "pod shop-1 is ready: about 3 s",
            "ab: secretName shop",
            "image shop:mindaro-0123",
        ] {
            assert_eq!(redactor.text(line), line);
        }
    }

    #[test]
    fn an_object_keeps_its_form_without_the_values_of_its_variables() {
        let pod = json!({
            "metadata": {"name": "shop", "managedFields": [1], "annotations":
                {"kubectl.kubernetes.io/last-applied-configuration": SECRET}},
            "spec": {"containers": [{"name": "shop", "image": "shop:1", "env": [
                {"name": "urls", "value": SECRET},
                {"name": "key", "valueFrom": {"secretKeyRef": {"name": "shop", "key": "k"}}}]}]},
        });
        let told = Redactor::default().object(pod);
        assert!(!told.to_string().contains(SECRET));
        let container = &told["spec"]["containers"][0];
        assert_eq!(
            container["env"][0],
            json!({"name": "urls", "value": REMOVED})
        );
        assert_eq!(
            container["env"][1]["valueFrom"]["secretKeyRef"]["name"],
            "shop"
        );
        assert_eq!(told["metadata"], json!({"name": "shop", "annotations": {}}));
    }

    #[test]
    fn the_sections_of_azds_yaml_that_hold_values_are_emptied() {
        let text = format!(
            "install:\n  chart: charts/shop\n  set:\n    secrets:\n      db: {SECRET}\n      - {SECRET}\n  ports: [80]\nbuild:\n  args: {{a: {SECRET}}}\n  context: .\n"
        );
        let told = Redactor::default().yaml(&text);
        assert_eq!(
            told,
            "install:\n  chart: charts/shop\n  set:\n    secrets:\n      db: (removed)\n      (removed)\n  ports: [80]\nbuild:\n  args: (removed)\n  context: .\n"
        );
    }
}
