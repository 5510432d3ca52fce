use super::reads::{Reads, display};
use super::scan;
use super::template::Template;

/// What the templates use of the values: with `?` what they can do without, with `if` what must be
/// set for it to be reached.
fn uses(templates: &[&str]) -> Vec<String> {
    let read: Vec<_> = templates.iter().map(|text| Template::read(text)).collect();
    let sources: Vec<_> = templates.iter().copied().zip(&read).collect();
    let reads = scan(&sources);
    let mut uses: Vec<String> = reads
        .reads
        .iter()
        .map(|read| {
            let optional = if reads.is_optional(&read.path) {
                "?"
            } else {
                ""
            };
            let set: Vec<_> = read.when.set.iter().map(|path| display(path)).collect();
            let when = match (set.as_slice(), read.when.more) {
                ([], false) => String::new(),
                (set, false) => format!(" if {}", set.join(", ")),
                (set, true) => format!(" if {} and more", set.join(", ")),
            };
            format!("{}{optional}{when}", display(&read.path))
        })
        .collect();
    uses.dedup();
    uses.extend(flags(&reads));
    uses
}

fn flags(reads: &Reads) -> Vec<String> {
    let mut flags = Vec::new();
    if reads.opaque {
        flags.push("opaque".to_owned());
    }
    if reads.evaluates_values {
        flags.push("evaluates values".to_owned());
    }
    flags
}

#[test]
fn values_are_found_wherever_they_are_read() {
    for (template, expected) in [
        ("{{ .Values.a.b }}", vec!["a.b"]),
        (
            "{{ $.Values.a }} {{ $v := .Values }}{{ $v.b }}",
            vec!["a", "b"],
        ),
        ("{{ (.Values.a).b | quote }}", vec!["a.b"]),
        ("{{ index .Values \"a-b\" \"c\" }}", vec!["a-b.c"]),
        ("{{ index .Values.hosts 0 }}", vec!["hosts.*"]),
        (
            "{{ get .Values.a \"b\" }} {{ dig \"x\" \"y\" 1 .Values.a }}",
            vec!["a.b", "a.x.y?"],
        ),
        (
            "{{ toYaml .Values.resources | nindent 4 }}",
            vec!["resources"],
        ),
        (
            "{{ with .Values.a }}{{ .b }}{{ $.Values.c }}{{ end }}{{ .Values.d }}",
            vec!["a.b? if a", "c if a", "d"],
        ),
        (
            "{{ range .Values.hosts }}{{ .name }}{{ end }}",
            vec!["hosts.*.name? if hosts"],
        ),
        (
            "{{ range $k, $v := .Values.m }}{{ $k }}{{ $v.x }}{{ end }}",
            vec!["m.*.x? if m"],
        ),
        (
            "{{ if .Values.a }}{{ .Values.b }}{{ else }}{{ .Values.c }}{{ end }}",
            vec!["b if a", "c if  and more"],
        ),
        (
            "{{ if eq .Values.a \"x\" }}{{ .Values.b }}{{ end }}",
            vec!["b if  and more"],
        ),
        (
            "{{ default 80 .Values.port }} {{ .Values.tag | default .Chart.AppVersion }}",
            vec!["port?", "tag?"],
        ),
        ("{{ required \"say it\" .Values.a }}", vec!["a?"]),
        (
            "{{ if hasKey .Values \"a\" }}{{ end }}{{ .Values.a }}",
            vec!["a?"],
        ),
        (
            "{{ $x := .Values.a }}{{ if .Values.t }}{{ $x = .Values.b }}{{ end }}{{ $x.c }}",
            vec!["a.c", "b.c"],
        ),
        (
            "{{ .Release.Name }}{{ .Chart.Values }}{{ \".Values.no\" }}.Values.no",
            vec![],
        ),
        ("{{ tpl .Values.text . }}", vec!["text", "evaluates values"]),
        ("{{ include \"library.all\" . }}", vec!["opaque"]),
        ("{{ include .Values.name . }}", vec!["name", "opaque"]),
        (
            "{{ include (print $.Template.BasePath \"/a.yaml\") . | sha256sum }}",
            vec![],
        ),
        ("{{ .Files.Get .Values.file }}", vec!["file"]),
        ("{{ .Values.im", vec!["im"]),
        ("{{ if .Values.a }}{{ .Values.b", vec!["b if a"]),
    ] {
        assert_eq!(uses(&[template]), expected, "{template}");
    }
}

#[test]
fn named_templates_are_walked_with_what_they_are_called_with() {
    let helpers = "{{ define \"name\" }}{{ .Values.nameOverride }}{{ end }}\
        {{ define \"secret\" }}{{ .root.Values.prefix }}{{ .group.x }}{{ end }}\
        {{ define \"never\" }}{{ .Values.other }}{{ end }}\
        {{ define \"loop\" }}{{ .a }}{{ include \"loop\" .next }}{{ end }}";
    let uses_of = |template: &str| uses(&[helpers, template]);
    assert_eq!(
        uses_of(
            "{{ include \"name\" . }}{{ template \"secret\" (dict \"root\" $ \"group\" .Values.g) }}"
        ),
        ["nameOverride", "prefix", "g.x", "other"]
    );
    assert_eq!(
        uses_of("{{ include \"name\" (merge . (dict \"a\" 1)) }}")[0],
        "nameOverride"
    );
    // Deeper than anybody goes, everything counts as read.
    assert_eq!(
        uses_of("{{ include \"loop\" .Values }}")
            .last()
            .map(String::as_str),
        Some("opaque")
    );
}
